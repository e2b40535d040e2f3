"""What the spec wants in each file of a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.kinds.file import logging, preinstalled, settings, unit
from provisioner.kinds.ids import directory_id, file_id, service_id
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.leaving import after
from provisioner.kinds.phases import is_controller, later
from provisioner.plan.model import PRIVILEGED, Gone, Id, Pending, State
from provisioner.spec.types import Node, Spec, Supervisor


def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    """Every file of the cluster on this host."""
    states = _of_leaving(places)
    if not places.nodes:
        return states
    if places.preinstalled:
        return preinstalled.desired(spec, places)
    for node in places.nodes:
        own = _properties(places, settings.properties(spec, node), "properties", node)
        coming = {"later": later(spec, node)}
        states[file_id(places.host, node.properties)] = replace(own, args={**own.args, **coming})
        states[file_id(places.host, places.launch(node))] = _properties(
            places, settings.launch(spec, places, node), "launch", node
        )
    default = f"{places.private_dir}/launch/default.conf"
    states[file_id(places.host, default)] = _properties(
        places, settings.default_launch(spec, places), "launch"
    )
    path, content = logging.configuration(spec, places)
    states[file_id(places.host, path)] = _properties(places, content, "properties")
    states[file_id(places.host, places.digest_key)] = State(
        {"type": "file", "mode": "0400", "owner": places.owner},
        args=_args(places, "key"),
    )
    if spec.has_quorum:
        states[file_id(places.host, places.cluster_id_file)] = State(
            {
                "type": "file",
                "mode": "0640",
                "owner": places.owner,
                "cluster.id": Pending("the cluster id"),
            },
            closed=True,
            args=_args(places, "properties"),
        )
    if places.supervisor is Supervisor.SYSTEMD:
        for node in places.nodes:
            states[file_id(places.host, unit.path(places, node))] = State(
                {
                    "type": "file",
                    "mode": "0644",
                    "owner": "root:root",
                    "text": unit.text(spec, places, node),
                },
                args={"format": "text", "user": PRIVILEGED, "node": node.name}
                | {"later": unit.coming(spec, node)},
            )
    states.update(_links(places))
    return {
        id: state if isinstance(state, Gone) else replace(state, inputs=_folder(id))
        for id, state in states.items()
    }


def _of_leaving(places: HostLayout) -> dict[Id, State]:
    """What a broker that is to go was started with, once it is gone from the cluster; and the
    controllers of a migration that is taken back, once they are stopped. Files of ZooKeeper servers
    stay."""
    states: dict[Id, State] = {}
    gone = [(node, after(node)) for node in places.leaving]
    gone += [(node, (service_id(node),)) for node in filter(is_controller, places.former)]
    for node, before in gone:
        args = {"user": places.user, "state": places.state}
        for path, format in ((node.properties, "properties"), (places.launch(node), "launch")):
            state = Gone(after=before, args={**args, "format": format})
            states[file_id(places.host, path)] = state
        if places.supervisor is Supervisor.SYSTEMD:
            rooted = {**args, "user": PRIVILEGED, "format": "text"}
            path = unit.path(places, node)
            states[file_id(places.host, path)] = Gone(after=before, args=rooted)
    return states


def _folder(id: Id) -> tuple[Id, ...]:
    """The folder a file is in: without it the file cannot be written."""
    return (directory_id(id.host, id.name.rpartition("/")[0]),)


def _properties(
    places: HostLayout, values: Mapping[str, str], format: str, node: Node | None = None
) -> State:
    """``node``: whose file it is, where it is one node's."""
    fields: dict[str, Any] = {"type": "file", "mode": "0640", "owner": places.owner, **values}
    whose = {"node": node.name, "role": node.role} if node else {}
    return State(fields, closed=True, args={**_args(places, format), **whose})


def _args(places: HostLayout, format: str) -> dict[str, Any]:
    return {"format": format, "user": places.user}


def _links(places: HostLayout) -> dict[Id, State]:
    links = {}
    if places.scripts:
        links[f"{places.home}/bin"] = places.scripts.path + "/bin"
    if places.kafka:
        links[f"{places.home}/libs"] = places.kafka.path + "/libs"
    return {
        file_id(places.host, path): State(
            {"type": "link", "target": target, "owner": places.owner},
            args={**_args(places, "link"), "replace": places.rebuild},
        )
        for path, target in links.items()
    }
