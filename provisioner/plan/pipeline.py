"""The planner: resolve, diff, guards, order, in that order, on values.

Nothing here dials, draws or mutates: the same arguments give the same plan. What only a kind can
know it is asked for through ``rules.kinds``; no kind is named here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.plan.diff import Differences, diff
from provisioner.plan.model import (
    Change,
    Deferred,
    Desired,
    Gone,
    Id,
    Layer,
    Observation,
    Observed,
    Plan,
    Present,
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
    wanted = dict(wanted)
    for kind in rules.kinds.values():
        wanted.update(kind.unwanted(spec, wanted, seen.things))
    states = resolve(spec, wanted, wanted, seen.things, rules.kinds)
    early = _too_early(states, seen, rules)
    now = {id: state for id, state in states.items() if id not in early}
    hosts = _of_hosts(spec, now, seen, rules)
    changes, deferred = _held_back(hosts, states)
    deferred += early.values()
    blocked = _blocked(hosts) | {item.id: item.reason for item in deferred if not item.foreseen}
    cluster = _of_cluster(spec, now, seen, rules, [*changes, *deferred], blocked)
    every = [*changes, *cluster.changes]
    return Plan(
        waves(
            every,
            states,
            rules.kinds,
            frozenset(id for kind in rules.kinds.values() for id in kind.last(spec, seen)),
            first=frozenset(id for kind in rules.kinds.values() for id in kind.first(spec, seen)),
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
    return replace(
        only(plan, lambda id: id.host in hosts),
        refused=tuple(item for item in plan.refused if item.id.host in hosts),
        unmanaged=tuple(item for item in plan.unmanaged if item.id.host in hosts),
        unread=tuple(item for item in plan.unread if item.id.host in hosts),
    )


def only(plan: Plan, keep: Callable[[Id], bool]) -> Plan:
    """A plan that does something only to these things."""
    kept = [tuple(c for c in wave.changes if keep(c.id)) for wave in plan.waves]
    pairs = [(wave, changes) for wave, changes in zip(plan.waves, kept, strict=True) if changes]
    return replace(
        plan,
        waves=tuple(
            replace(wave, number=n, changes=tuple(replace(c, wave=n) for c in changes))
            for n, (wave, changes) in enumerate(pairs, 1)
        ),
        deferred=tuple(item for item in plan.deferred if keep(item.id)),
    )


def resolve(
    spec: Any,
    states: Desired,
    every: Desired,
    seen: Observed,
    kinds: Mapping[str, PlannedKind],
) -> dict[Id, State]:
    """``states`` with what only observations can tell, kind by kind, and what a kind wants besides
    because of what was observed. ``every``: all wanted states, in which a kind finds those that its
    own are made from."""
    known = {**every, **states}
    for name, kind in kinds.items():
        mine = {id: known[id] for id in states if id.kind == name}
        if mine:
            known.update(kind.resolve(spec, mine, known, seen))
    return {id: state for id, state in known.items() if id in states or id not in every}


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


def _too_early(states: Desired, seen: Seen, rules: Rules) -> dict[Id, Deferred]:
    """What should be gone and is there, while something of another layer that must be over before
    still differs, or is not known: a later round does it."""
    found: dict[Id, Deferred] = {}
    open_ones: dict[Id, bool] = {}
    for id, state in states.items():
        if not isinstance(state, Gone) or not isinstance(seen.things.get(id), Present):
            continue
        for other in state.after:
            if rules.kinds[other.kind].layer is rules.kinds[id.kind].layer:
                continue
            if other not in open_ones:
                open_ones[other] = _differs(other, states, seen, rules)
            if open_ones[other]:
                why = f"once {other.kind} {other.name} is gone"
                found[id] = Deferred(id, why, "delete", foreseen=True)
    return found


def _differs(id: Id, states: Desired, seen: Seen, rules: Rules) -> bool:
    if id not in states:
        return False
    left = diff({id: states[id]}, seen.things, judges(rules.kinds))
    return bool(left.changes or left.refused or left.deferred or left.unread)


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
    """The verdicts in the place of the change with their id."""
    by_id: dict[Id, list[Verdict]] = {}
    for item in verdicts:
        by_id.setdefault(item.id, []).append(item)
    changes = [item for change in found.changes for item in by_id.get(change.id, [change])]
    others = [item for items in by_id.values() for item in items]
    return replace(
        found,
        changes=[item for item in changes if isinstance(item, Change)],
        refused=[*found.refused, *(i for i in others if isinstance(i, Refused))],
        deferred=[*found.deferred, *(i for i in others if isinstance(i, Deferred))],
    )


def _held_back(
    found: Differences, states: Desired, on_hosts: Mapping[Id, str] | None = None
) -> tuple[list[Change], list[Deferred]]:
    """What is made from things that are refused, unknown or deferred waits for them."""
    return held_back(found.changes, states, _blocked(found), on_hosts)


def _blocked(found: Differences) -> dict[Id, str]:
    blocked = {item.id: item.reason for item in found.refused}
    blocked |= {item.id: item.reason for item in found.unread}
    return blocked | {item.id: item.reason for item in found.deferred if not item.foreseen}


# --- Kafka's own objects -------------------------------------------------------------------------


def _of_cluster(
    spec: Any,
    states: Desired,
    seen: Seen,
    rules: Rules,
    pending: Sequence[Change | Deferred],
    blocked: Mapping[Id, str],
) -> Differences:
    """What of the cluster differs. What Kafka did not tell is never in sync, whatever it is.

    ``pending``: what is yet to be done, or waits, on hosts; ``blocked``: what is not done there,
    and why."""
    mine = {id: state for id, state in states.items() if not id.host}
    if seen.view is None:
        return _silent(spec, mine, seen, rules, pending)
    found = diff(mine, seen.things, judges(rules.kinds))
    found = _guarded(spec, states, seen, rules, found)
    changes, waiting = _held_back(found, states, blocked)
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
    answering = {id for kind in rules.kinds.values() for id in kind.answering(spec)}
    return bool(answering) and gone >= answering


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
