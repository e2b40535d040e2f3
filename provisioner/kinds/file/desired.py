"""What the spec wants in each file of a host."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.kinds.file import logging, settings, unit
from provisioner.kinds.ids import directory_id, file_id
from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import PRIVILEGED, Id, Pending, State
from provisioner.spec.types import Node, Spec, Supervisor


def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    """Every file of the cluster on this host."""
    states: dict[Id, State] = {}
    if not places.nodes:
        return states
    for node in places.nodes:
        states[file_id(places.host, node.properties)] = _properties(
            places, settings.properties(spec, node), "properties", node
        )
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
    if spec.is_kraft:
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
                args={"format": "text", "user": PRIVILEGED, "node": node.name},
            )
    states.update(_links(places))
    return {id: replace(state, inputs=_folder(id)) for id, state in states.items()}


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
