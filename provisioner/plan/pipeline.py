"""The planner: resolve, diff, guards, order, in that order, on values.

Nothing here dials, draws or mutates: the same arguments give the same plan. What only a kind can
know it is asked for through ``rules.kinds``; no kind is named here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.plan.diff import Differences, diff
from provisioner.plan.model import (
    Change,
    Deferred,
    Desired,
    Id,
    Layer,
    Observation,
    Observed,
    Plan,
    Refused,
    State,
    Unknown,
    UnknownState,
    Unmanaged,
)
from provisioner.plan.order import held_back, waves
from provisioner.plan.rules import PlannedKind, Question, Rules, Seen, Verdict

NOT_UP = "the cluster is not up"
NOT_ASKED = "Kafka was not asked: no host can be reached"


def plan(spec: Any, wanted: Desired, seen: Seen, rules: Rules) -> Plan:
    """What differs, what is done about it and in which order, and what is left alone and why.

    ``wanted`` is what the kinds want of the spec, unresolved; the plan keeps it as it was resolved
    (``Plan.wanted``).
    """
    seen = replace(seen, things=allowed(seen.things, rules.allow))
    states = resolve(spec, wanted, wanted, seen.things, rules.kinds)
    hosts = _of_hosts(spec, states, seen, rules)
    changes, deferred = _held_back(hosts, states)
    cluster = _of_cluster(spec, states, seen, rules, [*changes, *deferred])
    every = [*changes, *cluster.changes]
    return Plan(
        waves(
            every,
            states,
            rules.kinds,
            frozenset(id for kind in rules.kinds.values() for id in kind.last(spec, seen)),
            asked=_asked_first(spec, states, seen, rules, every),
        ),
        tuple(deferred + hosts.deferred + cluster.deferred),
        tuple(hosts.refused + cluster.refused),
        tuple(_unmanaged(spec, states, seen, rules)),
        tuple(hosts.unread + cluster.unread),
        states,
    )


def limited(plan: Plan, hosts: Collection[str]) -> Plan:
    """The part of a plan that is of these hosts (``--limit``), without what is of the cluster."""
    kept = [tuple(c for c in wave.changes if c.id.host in hosts) for wave in plan.waves]
    pairs = [(wave, changes) for wave, changes in zip(plan.waves, kept, strict=True) if changes]
    return replace(
        plan,
        waves=tuple(
            replace(wave, number=n, changes=tuple(replace(c, wave=n) for c in changes))
            for n, (wave, changes) in enumerate(pairs, 1)
        ),
        deferred=tuple(item for item in plan.deferred if item.id.host in hosts),
        refused=tuple(item for item in plan.refused if item.id.host in hosts),
        unmanaged=tuple(item for item in plan.unmanaged if item.id.host in hosts),
        unread=tuple(item for item in plan.unread if item.id.host in hosts),
    )


def resolve(
    spec: Any,
    states: Desired,
    every: Desired,
    seen: Observed,
    kinds: Mapping[str, PlannedKind],
) -> dict[Id, State]:
    """``states`` with what only observations can tell, kind by kind. ``every``: all wanted states,
    in which a kind finds those that its own are made from."""
    known = {**every, **states}
    for name, kind in kinds.items():
        mine = {id: known[id] for id in states if id.kind == name}
        if mine:
            known.update(kind.resolve(spec, mine, known, seen))
    return {id: known[id] for id in states}


def allowed(seen: Observed, allow: Collection[str]) -> dict[Id, Observation]:
    """What is unknown only until it is allowed by name, taken for what it then is."""
    return {
        id: o.otherwise
        if isinstance(o, Unknown) and o.otherwise and all(name in allow for name in o.allow)
        else o
        for id, o in seen.items()
    }


def judges(kinds: Mapping[str, PlannedKind]) -> dict[str, Any]:
    """Each kind's own word on a difference, as ``diff`` takes it."""
    return {name: kind.judge for name, kind in kinds.items()}


# --- the hosts' layers ---------------------------------------------------------------------------


def _of_hosts(spec: Any, states: Desired, seen: Seen, rules: Rules) -> Differences:
    """Files and processes, as far as their hosts can be reached, after the guards."""
    mine = {id: state for id, state in states.items() if id.host}
    found = diff(mine, seen.things, judges(rules.kinds))
    found = _guarded(spec, states, seen, rules, found)
    away = [
        UnknownState(id, seen.away[id.host])
        for kind in rules.kinds.values()
        for id in kind.processes(spec)
        if id.host in seen.away
    ]
    return replace(found, unread=[*found.unread, *away])


def _guarded(
    spec: Any, states: Desired, seen: Seen, rules: Rules, found: Differences
) -> Differences:
    """Every kind whose changes these are is asked whether they may be made."""
    for name, kind in rules.kinds.items():
        mine = tuple(change for change in found.changes if change.id.kind == name)
        if mine:
            found = _decided(found, kind.guard(Question(spec, states, seen, rules, mine)))
    return found


def _decided(found: Differences, verdicts: Iterable[Verdict]) -> Differences:
    """Each verdict in the place of the change with its id."""
    by_id = {item.id: item for item in verdicts}
    changes = [by_id.get(change.id, change) for change in found.changes]
    return replace(
        found,
        changes=[item for item in changes if isinstance(item, Change)],
        refused=[*found.refused, *(i for i in by_id.values() if isinstance(i, Refused))],
        deferred=[*found.deferred, *(i for i in by_id.values() if isinstance(i, Deferred))],
    )


def _held_back(found: Differences, states: Desired) -> tuple[list[Change], list[Deferred]]:
    """What is made from things that are refused, unknown or deferred waits for them."""
    blocked = {item.id: item.reason for item in found.refused}
    blocked |= {item.id: item.reason for item in found.unread}
    blocked |= {item.id: item.reason for item in found.deferred}
    return held_back(found.changes, states, blocked)


# --- Kafka's own objects -------------------------------------------------------------------------


def _of_cluster(
    spec: Any, states: Desired, seen: Seen, rules: Rules, pending: Sequence[Change | Deferred]
) -> Differences:
    """What of the cluster differs. What Kafka did not tell is never in sync, whatever it is.

    ``pending``: what is yet to be done, or waits, on hosts."""
    mine = {id: state for id, state in states.items() if not id.host}
    if seen.view is None:
        return _silent(spec, mine, seen, rules, pending)
    found = diff(mine, seen.things, judges(rules.kinds))
    found = _guarded(spec, states, seen, rules, found)
    changes, waiting = _held_back(found, states)
    found = replace(found, changes=changes, deferred=[*found.deferred, *waiting])
    down = _down(spec, seen, rules)
    unread, deferred = [], list(found.deferred)
    for item in found.unread:
        # A broker that is known to be down cannot be asked: that is its process's difference.
        told_by = rules.kinds[item.id.kind].told_by(item.id, spec)
        missing = sorted(id.name for id in down.intersection(told_by))
        if missing:
            deferred.append(Deferred(item.id, f"{', '.join(missing)} is not up"))
        else:
            unread.append(item)
    return replace(found, unread=unread, deferred=deferred)


def _silent(
    spec: Any,
    wanted: Iterable[Id],
    seen: Seen,
    rules: Rules,
    pending: Sequence[Change | Deferred],
) -> Differences:
    """Nothing of the cluster is known: it is deferred where what runs, or is yet to be started,
    explains that, and unknown otherwise."""
    if _not_up(spec, seen, rules, pending):
        return Differences(deferred=[Deferred(id, NOT_UP) for id in sorted(wanted)])
    why = seen.unavailable or NOT_ASKED
    return Differences(unread=[UnknownState(id, why) for id in sorted(wanted)])


def _not_up(spec: Any, seen: Seen, rules: Rules, pending: Sequence[Change | Deferred]) -> bool:
    """Whether something is about to be started, or nothing that answers is up and stays up."""
    processes = [item for item in pending if rules.kinds[item.id.kind].layer is Layer.NODE]
    if any(item.action == "start" for item in processes):
        return True
    gone = _down(spec, seen, rules) | {item.id for item in processes}
    return gone >= {id for kind in rules.kinds.values() for id in kind.answering(spec)}


def _down(spec: Any, seen: Seen, rules: Rules) -> frozenset[Id]:
    """The processes that are known not to run."""
    return frozenset(id for id, runs in _processes(spec, seen, rules) if runs is False)


def _processes(spec: Any, seen: Seen, rules: Rules) -> Iterator[tuple[Id, bool | None]]:
    for kind in rules.kinds.values():
        for id in kind.processes(spec):
            yield id, kind.runs(seen.things.get(id))


# --- what else a plan says -----------------------------------------------------------------------


def _asked_first(
    spec: Any, states: Desired, seen: Seen, rules: Rules, changes: Sequence[Change]
) -> frozenset[str]:
    """The kinds whose changes Kafka's own code has to accept before they are made. Where nothing
    runs nothing is stopped, and a start says by itself what it refuses."""
    if not any(runs for _, runs in _processes(spec, seen, rules)):
        return frozenset()
    return frozenset(n for n, kind in rules.kinds.items() if kind.asked_first(states, changes))


def _unmanaged(spec: Any, states: Desired, seen: Seen, rules: Rules) -> Iterator[Unmanaged]:
    for kind in rules.kinds.values():
        yield from kind.find(seen.things, states, spec)
