"""The values of placement: what the planner gets, and what it proposes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Broker:
    """``accepts``: may get new replicas (alive, not fenced, cordoned, held or leaving).

    A broker without a rack counts as a rack of its own.
    """

    id: int
    rack: str | None = None
    accepts: bool = True


@dataclass(frozen=True, slots=True)
class Partition:
    """``replicas``: the current target order, the preferred leader first. ``bytes``: the size of
    one replica, None if not known. ``isr``: None if not known; empty if nothing is in sync."""

    topic: str
    id: int
    replicas: tuple[int, ...]
    bytes: int | None = None
    isr: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Rules:
    """What must hold of a placement.

    replication: topic → replication factor; each partition of another topic keeps its own.
    leaving: brokers that must hold nothing afterwards.
    pinned: (topic, partition) → exactly these replicas, in this order.
    free: broker → free bytes; the space of one that is missing is not checked.
    filling: brokers that get their share although they hold something already (`add-brokers`):
    those that were being filled when a run ended.
    grain: bytes; what a partition has less than a whole number of these is no weight.
    """

    replication: Mapping[str, int] = field(default_factory=dict)
    leaving: frozenset[int] = frozenset()
    pinned: Mapping[tuple[str, int], tuple[int, ...]] = field(default_factory=dict)
    free: Mapping[int, int] = field(default_factory=dict)
    rebalance: Literal["off", "add-brokers", "balance"] = "off"
    filling: frozenset[int] = frozenset()
    grain: int = 1


@dataclass(frozen=True, slots=True)
class Move:
    """One partition's change. ``bytes``: copied in all; None if the partition's size is not known,
    0 if only the order changes or replicas are removed."""

    topic: str
    partition: int
    before: tuple[int, ...]
    after: tuple[int, ...]
    bytes: int | None

    @property
    def adding(self) -> tuple[int, ...]:
        return tuple(broker for broker in self.after if broker not in self.before)

    @property
    def removing(self) -> tuple[int, ...]:
        return tuple(broker for broker in self.before if broker not in self.after)


Remark = tuple[str, int | None, str]
"""(topic, partition or None for the whole topic, a sentence in plain words)."""


@dataclass(frozen=True)
class Proposal:
    """``refused``: topics that stay as they are, and why. ``findings``: what is not as it should be
    but no reason to move data: replicas that share a rack. ``unproven``: brokers that get replicas
    although their free space, or the size of what they get, is not known."""

    moves: tuple[Move, ...]
    refused: tuple[Remark, ...]
    findings: tuple[Remark, ...] = ()
    unproven: tuple[int, ...] = ()
