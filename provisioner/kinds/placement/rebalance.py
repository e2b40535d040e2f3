"""``policy.rebalance``: what moves although no topic asks for it.

Only topics in the spec's scope move, never one with a placement of its own, one that is to be
deleted, or one that is moving or out of sync. It waits until every broker of the spec is up and
nobody else is moving anything; what it would do then is foreseen.

What was worked out is carried out to its end, in however many rounds and runs: the journal has it
beside the throttle. Worked out anew after each round, partitions could move twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kinds.ids import broker_id, throttle_id, topic_id
from provisioner.kinds.placement.basis import SAVED
from provisioner.plan.model import Gone, Id, Observed, Present, State, Unknown
from provisioner.plan.placement import Broker, Rules
from provisioner.spec.types import Spec

GRAIN = 1_000_000
"""Bytes below which a partition has no weight: a few records more move nothing."""

TEMPORARY = "__provision-"
"""Topics of a drill or a round trip begin with this, and are gone in a moment."""

TARGETS = "targets"
"""Of the throttle: (topic, partition) → where it goes, of all that was to move when it was set."""


def rules(
    spec: Spec,
    known: Rules,
    every: Mapping[Id, State],
    observed: Observed,
    placed: Mapping[str, Present],
) -> Rules:
    """The rules of the topics, and what the policy adds to them: what was begun, or what it asks
    for."""
    stay = dict(_staying(spec, known, every, placed))
    if any(seen.volatile.get(SAVED) is not None for seen in placed.values()):
        # What a saved plan moves stands in it.
        return replace(known, pinned={**stay, **known.pinned})
    begun = dict(_begun(spec, known, observed, placed))
    if begun:
        return replace(known, pinned={**stay, **begun, **known.pinned})
    mode = spec.policy.rebalance
    return replace(known, pinned={**stay, **known.pinned}, rebalance=mode, grain=GRAIN)


def _begun(
    spec: Spec, known: Rules, observed: Observed, placed: Mapping[str, Present]
) -> Iterator[tuple[tuple[str, int], tuple[int, ...]]]:
    """Where partitions go that are not there yet, by what was worked out when the throttle was
    set, as far as it still can be."""
    throttle = observed.get(throttle_id())
    targets = throttle.volatile.get(TARGETS, {}) if isinstance(throttle, Present) else {}
    taking = {node.id for node in spec.brokers if node.takes_replicas}
    for (topic, partition), to in targets.items():
        seen = placed.get(topic)
        here = seen.fields.get(str(partition)) if seen else None
        if seen is None or here is None or str(partition) in seen.volatile["moving"]:
            continue
        right = known.replication.get(topic, len(here)) == len(to)
        right = right and not any(spec.leaves(broker) for broker in to)
        if right and to != tuple(here) and set(to) - set(here) <= taking:
            yield (topic, partition), to


def _staying(
    spec: Spec, known: Rules, every: Mapping[Id, State], placed: Mapping[str, Present]
) -> Iterator[tuple[tuple[str, int], tuple[int, ...]]]:
    """Partitions that are where they should be and are not to be moved now."""
    for topic, seen in placed.items():
        stays = not _moves(spec, topic, every)
        for name, before in seen.fields.items():
            to = seen.volatile["moving"].get(name)
            here = tuple(to or before)
            settled = not to and set(here) <= set(seen.volatile["in_sync"].get(name, ()))
            right = known.replication.get(topic, len(here)) == len(here)
            right = right and not any(spec.leaves(broker) for broker in here)
            if right and (stays or not settled):
                yield (topic, int(name)), here


def _moves(spec: Spec, topic: str, every: Mapping[Id, State]) -> bool:
    """Whether the policy is about this topic."""
    wanted = every.get(topic_id(topic))
    if isinstance(wanted, Gone) or not spec.manages(topic) or topic.startswith(TEMPORARY):
        return False
    # What nobody named is about to be deleted.
    return wanted is not None or spec.policy.unmanaged_topics != "delete"


def brokers(spec: Spec, known: Sequence[Broker]) -> list[Broker]:
    """With those that are yet to come up; one that the spec does not have gets nothing."""
    mine = {node.id: node for node in spec.brokers}
    there = {each.id for each in known}
    coming = [Broker(node.id, node.rack) for node in spec.brokers if node.id not in there]
    return [
        replace(each, accepts=each.id in mine and mine[each.id].takes_replicas)
        for each in [*known, *coming]
    ]


def waits(spec: Spec, observed: Observed) -> str:
    """Why nothing can be balanced now, or nothing."""
    down = [n.name for n in spec.brokers if not n.hold and not is_up(n.id, observed)]
    if down:
        return f"once {', '.join(down)} {'is' if len(down) == 1 else 'are'} up"
    strange = sorted(
        id.name
        for id, seen in observed.items()
        if id.kind == "placement" and isinstance(seen, Unknown)
    )
    if strange:
        more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
        return f"once it is known where the replicas of topic {strange[0]}{more} are"
    return ""


def is_up(broker: int, observed: Observed) -> bool:
    seen = observed.get(broker_id(broker))
    return isinstance(seen, Present) and not seen.fields["fenced"]


def needs_sizes(view: ClusterView, spec: Spec) -> bool:
    """Whether something may move for the policy, so that the sizes of partitions must be known."""
    if spec.policy.rebalance == "off" or not spec.topics:
        return False
    if spec.policy.rebalance == "balance":
        return True
    holding = {id for t in view.topics for p in t.partitions for id in (*p.replicas, *p.adding)}
    return any(node.id not in holding for node in spec.brokers if node.takes_replicas)
