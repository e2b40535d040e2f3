"""Where new partitions go while a broker is held or cordoned, or is to go: Kafka itself would put
some on it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from provisioner.spec.types import Spec


def accepting(spec: Spec) -> tuple[int, ...] | None:
    """The brokers that get replicas, racks in turn; None where every broker does, and Kafka
    chooses."""
    if not spec.leaving and all(node.takes_replicas for node in spec.brokers):
        return None
    racks: dict[str, list[int]] = {}
    for node in spec.brokers:
        if node.takes_replicas:
            racks.setdefault(node.rack or "", []).append(node.id)
    turns = zip_longest(*(racks[rack] for rack in sorted(racks)))
    return tuple(id for turn in turns for id in turn if id is not None)


def assigned(
    brokers: Sequence[int], partitions: int, replication: int, first: int = 0
) -> tuple[tuple[int, ...], ...]:
    """The replicas of the partitions from ``first`` on: each next partition is led by the next
    broker."""
    return tuple(
        tuple(brokers[(number + copy) % len(brokers)] for copy in range(replication))
        for number in range(first, partitions)
    )
