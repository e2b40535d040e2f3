"""Every kind of thing there is. A new kind is a folder and one line here."""

from collections.abc import Mapping

from provisioner.kinds import (
    account,
    broker,
    broker_config,
    directory,
    file,
    java,
    kafka,
    service,
    storage,
    topic,
    voter,
)
from provisioner.kinds.kind import Kind
from provisioner.plan.model import Id, Observed, State
from provisioner.spec.types import Spec

KINDS: dict[str, Kind] = {
    module.KIND.name: module.KIND
    for module in (
        account,
        directory,
        java,
        kafka,
        file,
        storage,
        service,
        voter,
        broker,
        broker_config,
        topic,
    )
}

JUDGES = {name: kind.judge for name, kind in KINDS.items()}
"""Each kind's own word on a difference, as ``plan.diff`` takes it."""


def resolve(
    spec: Spec, states: Mapping[Id, State], every: Mapping[Id, State], seen: Observed
) -> dict[Id, State]:
    """``states`` with what only observations can tell, kind by kind. ``every``: all wanted states,
    in which a kind finds those that its own are made from."""
    known = {**every, **states}
    for name, kind in KINDS.items():
        mine = {id: known[id] for id in states if id.kind == name}
        if mine:
            known.update(kind.resolve(spec, mine, known, seen))
    return {id: known[id] for id in states}
