"""What the spec wants of processes: each runs, once, from its wanted inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.kinds.ids import service_id
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.retiring import NEW_PLACE, new_place
from provisioner.kinds.service import migration, preinstalled
from provisioner.kinds.service.leaving import LEAVING
from provisioner.kinds.service.readiness import serves
from provisioner.plan.model import Id, Pending, State
from provisioner.spec.types import Node, Role, Spec, Supervisor

TIERS = {Role.ZOOKEEPER: 0, Role.CONTROLLER: 1, Role.COMBINED: 1, Role.BROKER: 2}


def texts_of(places: HostLayout, node: Node, logging: str) -> tuple[Id, Id, Id]:
    """The files a process is started with, in the order the digest takes them."""
    host = places.host
    return (
        Id(host, "file", node.properties),
        Id(host, "file", places.launch(node)),
        Id(host, "file", logging),
    )


def ports(node: Node) -> list[int]:
    found = [listener.port for listener in node.listeners]
    if node.controller_listener and node.is_controller:
        found.append(node.controller_listener.port)
    if node.client_port:
        found.append(node.client_port)
    return sorted(set(found))


def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    """Every node runs once, with the digest of its wanted inputs; one that is to go does not run in
    the end."""
    name = "log4j.properties" if spec.version.startswith("3.") else "log4j2.properties"
    logging = f"{places.home}/config/{name}"
    states = {}
    for node in places.nodes:
        inputs = [*_inputs(places, node, logging)]
        if node.role is Role.BROKER and not spec.is_kraft:
            inputs += [Id(z.host, "storage", z.log_dirs[0].path) for z in spec.zookeeper]
        fields: dict[str, object] = {"running": True, "processes": 1}
        if not places.preinstalled:
            fields["running_digest"] = Pending("the host's key")
        if node.unit:
            fields["by_systemd"] = True
        elif places.supervisor is Supervisor.SYSTEMD:
            unit = Id(node.host, "file", f"/etc/systemd/system/{places.unit(node)}")
            inputs.append(unit)
            fields |= {"enabled": True, "drop_ins": (), "by_systemd": True}
        if node.hold:
            fields["hold"] = node.hold
        args = _args(places, node) | migration.args(spec, node)
        if places.preinstalled:
            args |= preinstalled.args(spec, places, node)
        states[service_id(node)] = State(fields, inputs=tuple(inputs), args=args)
    for node in places.leaving:
        args = {**_args(places, node), LEAVING: node, NEW_PLACE: new_place(spec, node)}
        states[service_id(node)] = State({"running": False}, args=args)
    for node in places.former:
        args = {**_args(places, node), migration.FORMER: node}
        states[service_id(node)] = State({"running": False}, args=args)
    return states


def _args(places: HostLayout, node: Node) -> dict[str, Any]:
    """What its steps need, and who asks about it."""
    return {
        "role": node.role.value,
        "user": places.user,
        "home": places.home,
        "properties": node.properties,
        "out": f"{places.logs(node)}/kafkaServer.out",
        "log": f"{places.logs(node)}/server.log",
        "manifest": places.manifest,
        "state": places.state,
        "state_owner": places.state_owner,
        "log_dirs": tuple(d.path for d in node.log_dirs),
        "broker": node.id if node.is_broker else None,
        "supervisor": places.supervisor.value,
        "tier": TIERS[node.role],
        "ports": tuple(ports(node)),
        "serves": serves(node),
        "unit": places.unit(node),
    }


def _inputs(places: HostLayout, node: Node, logging: str) -> Sequence[Id]:
    """What a process is started from."""
    if places.preinstalled:
        return preinstalled.inputs(places, node)
    inputs = [*texts_of(places, node, logging)]
    inputs += [Id(node.host, "storage", d.path) for d in node.log_dirs]
    inputs += [Id(node.host, "file", places.digest_key)]
    inputs += [Id(node.host, "file", f"{places.home}/bin")]
    if places.java:
        inputs.append(Id(places.host, "java", places.java.path))
    inputs += [Id(places.host, "kafka", d.path) for d in (places.kafka, places.scripts) if d]
    return inputs
