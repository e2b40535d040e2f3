"""What Kafka tells of where replicas are, and of those that move."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView, PartitionView, TopicView
from provisioner.kafka.requests.reassignments import ListReassignments, Moving, Replicas
from provisioner.kinds.ids import placement_id
from provisioner.kinds.leaving import lost
from provisioner.kinds.placement.basis import SAVED, saved_targets
from provisioner.plan.model import Absent, Id, Observation, Present, Unknown
from provisioner.spec.types import Spec


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    """Every topic's; of one that somebody else is moving, only that it is being moved.
    ``lost``: the partitions of which brokers that are to go have the last copy."""
    seen: dict[Id, Observation] = {placement_id(t.name): Absent() for t in spec.topics}
    moving = view.answers.get(ListReassignments())
    if moving is None:
        why = view.errors.get(ListReassignments().what, "Kafka did not tell what is being moved")
        seen |= {placement_id(topic.name): Absent() for topic in view.topics}
        return dict.fromkeys(seen, Unknown(why))
    sizes = view.sizes
    leaving = frozenset(node.id for node in spec.leaving)
    stored = _stored(view, leaving)
    by_topic: dict[str, dict[int, Moving]] = {}
    for (name, partition), move in moving.items():
        by_topic.setdefault(name, {})[partition] = move
    for topic in view.topics:
        mine = by_topic.get(topic.name, {})
        found = _read(topic, mine, sizes, _noted(view, topic.name))
        if isinstance(found, Present):
            new = {id for move in mine.values() for id in move.adding}
            stay = {id for move in mine.values() for id in move.target} - new
            more: dict[str, object] = {
                "away": tuple(sorted(new - view.alive)),
                "kept_away": tuple(sorted(stay - view.alive)),
                "copied": _copied(topic, mine, view),
                "lost": _lost(topic, leaving, view.alive) if leaving else frozenset(),
                "stored": stored[topic.name],
                SAVED: saved_targets(view, topic.name),
            }
            found = replace(found, volatile={**found.volatile, **more})
        seen[placement_id(topic.name)] = found
    return seen


def _lost(topic: TopicView, leaving: Collection[int], alive: Collection[int]) -> frozenset[str]:
    return frozenset(str(p.id) for p in topic.partitions if lost(p, leaving, alive))


def _copied(topic: TopicView, moving: Mapping[int, Moving], view: ClusterView) -> int:
    """Bytes that new replicas have which are not in sync yet. One that is also grows by what is
    written, and is there."""
    found = 0
    for partition in topic.partitions if moving else ():
        move = moving.get(partition.id)
        for broker in move.adding if move else ():
            if broker not in partition.isr:
                dirs = view.log_dirs.get(broker, ())
                found += sum(d.partitions.get((topic.name, partition.id), 0) for d in dirs)
    return found


def _stored(view: ClusterView, leaving: Collection[int]) -> Mapping[str, frozenset[str]]:
    """{topic: partitions} that still are in the log dirs of brokers that are to go."""
    found: dict[str, set[str]] = defaultdict(set)
    for broker in leaving:
        for each in view.log_dirs.get(broker, ()):
            for name, number in each.partitions:
                found[name].add(str(number))
    return defaultdict(frozenset, {name: frozenset(ids) for name, ids in found.items()})


Noted = frozenset[tuple[str, tuple[object, ...]]] | None


def _noted(view: ClusterView, topic: str) -> Noted:
    """The targets that this tool has asked for, as its journal has them; None: not looked up."""
    if view.noted is None:
        return None
    entries = view.noted.get(str(placement_id(topic)), ())
    return frozenset(
        (partition, tuple(replicas))
        for entry in entries
        for partition, replicas in entry.items()
        if isinstance(replicas, Sequence)
    )


def is_ours(view: ClusterView, topic: str, partition: int, move: Moving) -> bool:
    """Whether this tool has asked for it, as far as its journals were read."""
    return (str(partition), move.target) in (_noted(view, topic) or ())


def _read(
    topic: TopicView,
    moving: Mapping[int, Moving],
    sizes: Mapping[tuple[str, int], int],
    noted: Noted,
) -> Observation:
    strange = [
        id
        for id, move in moving.items()
        if noted is not None and (str(id), move.target) not in noted
    ]
    if strange:
        return Unknown(_strangers(strange, moving))
    named = [(str(partition.id), partition) for partition in topic.partitions]
    volatile = {
        "moving": {str(id): move.target for id, move in moving.items()},
        "in_sync": {name: partition.isr for name, partition in named},
        "bytes": {name: sizes.get((topic.name, partition.id)) for name, partition in named},
    }
    fields = {name: _before(partition, moving) for name, partition in named}
    return Present(fields, volatile=volatile)


def _before(partition: PartitionView, moving: Mapping[int, Moving]) -> Replicas:
    move = moving.get(partition.id)
    return move.before if move else partition.replicas


def _strangers(ids: Sequence[int], moving: Mapping[int, Moving]) -> str:
    first = min(ids)
    to = ", ".join(map(str, moving[first].target))
    more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    return f"somebody else is moving replicas of partition {first}{more} (to brokers {to})"
