"""Changes → waves: side by side where nothing forbids it, else one at a time behind a gate.

Files before processes before Kafka's own objects. What does not serve is started first and
ungated, by tier (ZooKeeper, controllers, brokers); what serves is bounced one at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Protocol

from provisioner.plan.model import Change, Deferred, Desired, Gone, Id, Layer, State, Wave

MAY_STOP, ACCEPTED = "may-stop", "accepted"
"""The gates: a node may be stopped now; Kafka's own code takes the new properties."""
ONLY_FOR, FOR_ANY = "only_for", "for_any"
"""Of a state's ``args``: the things for whose sake alone it is; and groups of things of hosts, for
the sake of each of which it is as long as none of the group is held back."""
NEEDS = "needs"
"""Of the ``args`` of a process: Kafka's own objects that must be as wanted before it starts."""


class Ordered(Protocol):
    """What ordering knows of a kind: its layer, its rank within it, whether its restarts go one at
    a time, and whether it has waves of its own."""

    @property
    def layer(self) -> Layer: ...
    @property
    def rank(self) -> int: ...
    @property
    def roll(self) -> bool: ...
    @property
    def own_wave(self) -> bool: ...


def held_back(
    changes: Sequence[Change],
    desired: Desired,
    blocked: Mapping[Id, str],
    on_hosts: Mapping[Id, str] | None = None,
) -> tuple[list[Change], list[Deferred]]:
    """Takes out what is made from things that were refused or could not be read, and what is done
    only for the sake of things of which nothing is done (``ONLY_FOR``, ``FOR_ANY``).

    ``blocked`` maps an id to why it is not there; ``on_hosts`` has those of the hosts' layers, for
    changes of the cluster's. What does not depend on them is done.
    """
    missing = dict(blocked)
    kept: list[Change] = list(changes)
    deferred: list[Deferred] = []
    while True:
        looked = [(change, _blocker(change, desired, missing)) for change in kept]
        found = [(change, blocker) for change, blocker in looked if blocker is not None]
        idle = {**(on_hosts or {}), **missing}
        found = found or [(c, b) for c in kept if (b := _idle(c, desired, kept, idle))]
        if not found:
            return kept, deferred
        out = {id(change) for change, _ in found}
        kept = [change for change in kept if id(change) not in out]
        for change, blocker in found:
            deferred.append(Deferred(change.id, f"{blocker}: {idle[blocker]}", change.action))
            # What is made from a thing that is held back is held back too.
            missing.setdefault(change.id, idle[blocker])


def _blocker(change: Change, desired: Desired, missing: Mapping[Id, str]) -> Id | None:
    """The first thing that this change needs and that will not be there; a folder is not made anew
    where it is not known what became of what it held (``holds``)."""
    state = desired.get(change.id)
    if isinstance(state, Gone):
        return next((id for id in state.after if id in missing), None)
    if state is None or change.action not in ("create", "update", "start", "restart"):
        return None
    holds = state.args.get("holds", ()) if change.action == "create" else ()
    return next((i for i in (*state.inputs, *holds) if i in missing), None)


def _idle(
    change: Change, desired: Desired, kept: Sequence[Change], missing: Mapping[Id, str]
) -> Id | None:
    """The first of the things that a change is for, where nothing is done about any of them."""
    state = desired.get(change.id)
    args = state.args if state is not None else {}
    only_for: tuple[Id, ...] = args.get(ONLY_FOR, ())
    groups: tuple[tuple[Id, ...], ...] = args.get(FOR_ANY, ())
    if only_for and any(other.id in only_for for other in kept):
        return None
    if any(missing.keys().isdisjoint(group) for group in groups):
        return None
    return next((id for id in (*only_for, *chain(*groups)) if id in missing), None)


def waves(
    changes: Sequence[Change],
    desired: Desired,
    orders: Mapping[str, Ordered],
    last: frozenset[Id] = frozenset(),
    *,
    first: frozenset[Id] = frozenset(),
    asked: Collection[str] = (),
) -> tuple[Wave, ...]:
    """Numbers the waves from 1. ``first`` and ``last`` are those to bounce first and last in their
    tier (what does not serve, and the leaders).
    ``asked``: the kinds whose changes Kafka has to accept; they have a wave of their own, behind a
    gate, after what runs Kafka is there."""
    groups: dict[tuple[object, ...], list[Change]] = {}
    depths = _depths(changes, desired, orders)
    for change in changes:
        order = orders[change.id.kind]
        if change.id.kind in asked:
            key: tuple[object, ...] = (int(order.layer), order.rank, 0, 0, False, "", ACCEPTED)
        else:
            turn = 2 if change.id in last else 0 if change.id in first else 1
            key = _group(change, desired, orders, turn, depths.get(change.id, 0))
        groups.setdefault(key, []).append(change)
    result = []
    for number, key in enumerate(sorted(groups), 1):
        gate = str(key[-1])
        members = tuple(
            replace(c, wave=number)
            for c in sorted(groups[key], key=lambda c: (orders[c.id.kind].rank, c.id))
        )
        result.append(Wave(number, members, gate))
    return tuple(result)


def tier(change: Change, desired: Desired) -> int:
    state = desired.get(change.id)
    return int(state.args.get("tier", 0)) if state else 0


def _depths(
    changes: Sequence[Change], desired: Desired, orders: Mapping[str, Ordered]
) -> dict[Id, int]:
    """Of Kafka's own objects: how many others of the plan come before each, one after the other."""
    mine = {c.id for c in changes if orders[c.id.kind].layer is Layer.CLUSTER}
    before = {id: [i for i in _first(desired.get(id)) if i in mine and i != id] for id in mine}
    depths = dict.fromkeys(mine, 0)
    for _ in mine:  # as long as it still grows; what waits for itself ends here too
        longer = {id: max((depths[i] + 1 for i in before[id]), default=0) for id in mine}
        if longer == depths:
            break
        depths = longer
    return depths


def _first(state: State | None) -> tuple[Id, ...]:
    """What must come before a thing: what it is made from, or what must be over."""
    if isinstance(state, Gone):
        return state.after
    return state.inputs if state is not None else ()


def _group(
    change: Change,
    desired: Desired,
    orders: Mapping[str, Ordered],
    turn: int,
    depth: int,
) -> tuple[object, ...]:
    """The sort key of a wave; its last part is the gate's name, empty for none."""
    order = orders[change.id.kind]
    if order.layer is Layer.NODE and order.roll and change.action in ("restart", "stop"):
        place = (tier(change, desired), turn, str(change.id))
        return (int(order.layer), 1, 1, *place, MAY_STOP)
    if order.layer is Layer.NODE:
        return (int(order.layer), 0, tier(change, desired), 0, False, "", "")
    rank = order.rank if order.own_wave else 0
    return (int(order.layer), rank, depth, 0, False, "", "")
