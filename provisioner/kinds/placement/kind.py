"""The kind ``placement``: which brokers hold the replicas of a topic of the spec.

Its fields are the topic's partitions: number → replicas, the preferred leader first. A partition
that Kafka is moving has those that it had before, so it differs until it has arrived, and the next
run goes on where this one ended. A round moves as many partitions as the policy lets; the others
are foreseen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.leaders import ElectAnyLeaders
from provisioner.kafka.requests.reassignments import ListReassignments, Reassign, Replicas
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.ids import placement_id, throttle_id, topic_id
from provisioner.kinds.kind import Difference, Kind
from provisioner.kinds.leaving import PASSES
from provisioner.kinds.placement.basis import aim, basis
from provisioner.kinds.placement.drain import unwanted
from provisioner.kinds.placement.guard import guard
from provisioner.kinds.placement.observed import read
from provisioner.kinds.placement.rebalance import needs_sizes
from provisioner.kinds.placement.wanted import (
    AWAY,
    BALANCED,
    GROWS,
    HELD_UP,
    LATER,
    LOST,
    NOW,
    REFUSED,
    WAITS,
    resolve,
)
from provisioner.kinds.throttled import concerns
from provisioner.plan.model import (
    Absent,
    Await,
    Call,
    Change,
    Copy,
    Deferred,
    Effect,
    Id,
    Layer,
    Observation,
    Pending,
    Present,
    Refused,
    State,
    Step,
)
from provisioner.spec.types import Spec

PATIENCE = 600.0
"""Seconds without a byte copied: then a broker is away, or what is written is faster."""


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    waits = Pending("which brokers there are")
    return {
        placement_id(topic.name): State(
            {"replicas": waits},
            inputs=(topic_id(topic.name), throttle_id()),
            args={"replication": topic.replication, "placement": topic.placement},
        )
        for topic in spec.topics
    }


def asks(spec: Spec) -> Sequence[Ask]:
    return [ListReassignments()] if concerns(spec) else []


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """What is moved in this round, and what in later ones. A topic that is not there yet is placed
    where it is made."""
    if not isinstance(observation, Present) or "replicas" in state.fields:
        return True, None
    refused = state.args.get(REFUSED)
    waits = state.args.get(WAITS, ())
    if refused and waits:
        return True, Deferred(id, f"{', '.join(waits)} not up: {refused}", "update")
    if refused:
        change = _change(id, state, observation, fields) if fields else None
        return True, Refused(id, str(refused), None, change)
    now = [name for name in fields if name in state.args[NOW]]
    away: Mapping[str, str] = state.args.get(AWAY, {})
    later = [name for name in fields if name not in state.args[NOW] and name not in away]
    if state.args.get(GROWS) and (fields or state.args["placement"]):
        return True, Deferred(id, "once the topic has its new partitions", "update")
    found: list[Change | Deferred] = []
    if now:
        # What moves for the policy is worked out anew after each round.
        more = bool(later or away) or bool(state.args.get(BALANCED))
        found.append(_change(id, state, observation, now, more=more))
    if away:
        first = min(away, key=int)
        words = f"{_partitions(sorted(away, key=int))} moving to {away[first]}, which is not up"
        found.append(Deferred(id, words, "update"))
    if later and (why := state.args.get(LATER)):
        told = f"{why}: {_shown(later, state, observation)}"
        return True, (*found, Deferred(id, told, "update", foreseen=True))
    held_up = state.args.get(HELD_UP, {})
    for name in [name for name in later if name in held_up][:1]:
        count = [name for name in later if name in held_up]
        found.append(Deferred(id, f"{_partitions(count)}: {held_up[name]}", "update"))
        later = [name for name in later if name not in held_up]
    if later:
        why = f"{_partitions(later)} once replicas that move before it have arrived"
        found.append(Deferred(id, why, "update", foreseen=True))
    return True, tuple(found)


def _partitions(names: Sequence[str]) -> str:
    return f"partition {names[0]}" if len(names) == 1 else f"{len(names)} partitions"


def _change(
    id: Id, state: State, seen: Present, names: Sequence[str], *, more: bool = False
) -> Change:
    names = sorted(names, key=int)
    before = {name: seen.fields.get(name) for name in names}
    after = {name: state.fields[name] for name in names}
    same = all(set(before[name] or ()) == set(after[name]) for name in names)
    effect: Effect = "none" if same else "move"
    reason = _shown(names, state, seen)
    return Change(id, "update", before, after, tuple(names), effect, reason, more=more)


def _shown(names: Sequence[str], state: State, seen: Present) -> str:
    """``partition 0 from brokers 1, 2 to 3, 2, and 4 more``."""
    first = min(names, key=int)
    was, to = (", ".join(map(str, each.fields.get(first) or ())) for each in (seen, state))
    rest = f", and {len(names) - 1} more" if len(names) > 1 else ""
    return f"partition {first} from brokers {was} to {to}{rest}"


def settled(state: State, observation: Observation) -> bool:
    """What is moved in this round has arrived, and is in sync; or the topic was deleted."""
    if not isinstance(observation, Present):
        return isinstance(observation, Absent)
    moving, in_sync = observation.volatile["moving"], observation.volatile["in_sync"]
    return all(
        name not in moving
        and set(state.fields[name]) <= set(in_sync.get(name, ()))
        and name not in observation.volatile["stored"]
        for name in state.args[NOW]
        if name in observation.fields
    )


def agreed(id: Id, state: State, view: ClusterView) -> bool:
    """Whether that broker has heard, too, that all of this round has arrived."""
    topic = view.topic(id.name)
    return topic is None or all(
        not p.adding and set(state.fields[str(p.id)]) == set(p.replicas) <= set(p.isr)
        for p in topic.partitions
        if str(p.id) in state.args[NOW]
    )


def held_up(state: State, observation: Observation) -> str:
    """The broker without which it does not arrive; or that nothing is on its way."""
    if not isinstance(observation, Present):
        return ""
    if away := observation.volatile["away"]:
        return f"broker {away[0]}, to which replicas move, is not up"
    if away := observation.volatile["kept_away"]:
        return f"broker {away[0]}, which has to be in sync with what moves, is not up"
    now: frozenset[str] = state.args.get(NOW, frozenset())
    there = observation.fields
    if now.isdisjoint(observation.volatile["moving"]) and not all(
        set(there.get(name, ())) == set(state.fields[name]) for name in now
    ):
        return "nothing moves any more: somebody cancelled it, or the topic was made anew"
    return ""


def progress(seen: Present) -> object:
    """What has come, and what is gone where it was. How large it all is also grows by what is
    written meanwhile."""
    told = seen.volatile
    return [dict(seen.fields), *(told[name] for name in ("moving", "in_sync", "stored", "copied"))]


def copies(state: State, observation: Observation) -> Sequence[Copy]:
    if not isinstance(observation, Present) or state.args.get(REFUSED):
        return ()
    found = []
    for name, was in observation.fields.items():
        new = tuple(id for id in state.fields.get(name, was) if id not in was)
        if new and was:
            found.append(Copy(observation.volatile["bytes"].get(name), was[0], new))
    return found


def undo(id: Id, observation: Observation) -> tuple[Change, State] | None:
    """The partitions that are being moved stay where they were."""
    moving = observation.volatile["moving"] if isinstance(observation, Present) else {}
    if not isinstance(observation, Present) or not moving:
        return None
    names = sorted(moving, key=int)
    after = {name: observation.fields[name] for name in names}
    before = {name: moving[name] for name in names}
    reason = f"{_partitions(names)}: stays where it was"
    change = Change(id, "update", before, after, tuple(names), "none", reason, asked=True)
    return change, State(dict(observation.fields), args={NOW: frozenset(names)})


def steps(change: Change, state: State) -> Sequence[Step]:
    """What was asked for is to cancel."""
    targets: dict[int, Replicas | None] = {
        int(name): None if change.asked else tuple(to) for name, to in (change.after or {}).items()
    }
    chain: list[Step] = [Call(Reassign(change.id.name, targets))]
    gone = [int(name) for name in change.fields if name in state.args.get(LOST, ())]
    if gone and not change.asked:
        # Nobody who is in sync is left to be led by: whoever is there takes over. Kafka looks
        # whether a move is done when somebody joins the ISR, or asks for it: here nobody joins.
        again = Reassign(change.id.name, {id: targets[id] for id in gone})
        chain.append(Call(ElectAnyLeaders(tuple((change.id.name, id) for id in gone))))
        chain.append(Call(again))
    return [*chain, Await(change.id, PATIENCE)]


def noted(change: Change, state: State) -> Mapping[str, object]:
    return {name: list(to) for name, to in (change.after or {}).items()}


def deeper(view: ClusterView, spec: Spec) -> bool:
    """Whether anything moves, or is to."""
    if view.answers.get(ListReassignments()) or needs_sizes(view, spec):
        return True
    wanted = {topic.name: topic for topic in spec.topics}
    leaving = {node.id for node in spec.leaving}
    for topic in view.topics:
        if leaving and any(leaving.intersection(p.replicas) for p in topic.partitions):
            return True
        mine = wanted.get(topic.name)
        if mine is None:
            continue
        if any(len(p.replicas) != mine.replication for p in topic.partitions):
            return True
        if mine.placement is not None and any(
            p.id < len(mine.placement) and p.replicas != mine.placement[p.id]
            for p in topic.partitions
        ):
            return True
    return False


KIND = Kind(
    "placement",
    Layer.CLUSTER,
    rank=10,
    of_cluster=of_cluster,
    asks=asks,
    read=read,
    unwanted=unwanted,
    resolve=resolve,
    judge=judge,
    guard=guard,
    settled=settled,
    held_up=held_up,
    progress=progress,
    agreed=agreed,
    awaiting=lambda id: f"the replicas of topic {id.name} to arrive and be in sync",
    steps=steps,
    noted=noted,
    copies=copies,
    undo=undo,
    deeper=deeper,
    basis=basis,
    aim=aim,
    in_batches=True,
    passes=lambda id, spec: PASSES if spec.leaving else 1,
    sizes=True,
    listed=True,
    reorders=True,
    by_runs=lambda spec: spec.policy.rebalance != "off",
)
