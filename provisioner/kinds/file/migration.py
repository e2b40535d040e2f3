"""What a migration from ZooKeeper writes into properties files, and when it must not."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.kinds.ids import service_id, storage_id
from provisioner.kinds.phases import FLAG, goes_back, is_controller
from provisioner.plan.model import Absent, Gone, Id, Observation, Observed, Present, State
from provisioner.spec.types import Node, Spec


def quorum(spec: Spec) -> tuple[Node, ...]:
    """The controllers: of the spec, or those of a migration that is taken back."""
    return spec.former if goes_back(spec) else spec.controllers


def names(spec: Spec) -> list[str]:
    """The names of the controllers' listeners."""
    found = [c.controller_listener.name for c in quorum(spec) if c.controller_listener]
    return sorted(set(found))


def controller(connect: str) -> dict[str, str]:
    """Of a controller that takes the metadata over from ZooKeeper and writes it there, too."""
    return {FLAG: "true", "zookeeper.connect": connect}


def broker(spec: Spec, voters: str) -> dict[str, str]:
    """Of a broker in ZooKeeper mode that takes part."""
    return {
        FLAG: "true",
        "controller.quorum.voters": voters,
        "controller.listener.names": ",".join(names(spec)),
    }


def with_data_first(spec: Spec, mine: Mapping[Id, State], observed: Observed) -> Mapping[Id, State]:
    """The files of a controller that goes name its data: they go after it."""
    found = dict(mine)
    for node in filter(is_controller, spec.former):
        data = [observed.get(storage_id(node.host, each.path)) for each in node.log_dirs]
        if all(map(_empty, data)):
            continue
        why = (f"the data of {node.name} is removed",)
        for id, state in mine.items():
            if isinstance(state, Gone) and service_id(node) in state.after:
                args = {**state.args, "later": why, "goes later": True}
                found[id] = State({}, args=args)
    return found


def _empty(data: Observation | None) -> bool:
    return isinstance(data, Absent) or (isinstance(data, Present) and bool(data.fields["empty"]))


def without_zookeeper(config: Mapping[str, str]) -> Mapping[str, str]:
    """A broker in KRaft mode knows no ZooKeeper."""
    return {key: value for key, value in config.items() if not key.startswith("zookeeper.")}
