"""The result of a drill, computed from acknowledged and read records. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from provisioner.kafka.port import ClusterView, PartitionView, Record, Sent

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True)
class Account:
    """``consumed``: records of ours that were read. ``lost``: acknowledged and not among them.
    ``duplicated``: copies beyond the first. ``out_of_order``: records read after one that was
    sent later, within their partition. ``across``: whether what was read is in the order it was
    sent over all partitions; None with a single partition."""

    consumed: int
    lost: int
    duplicated: int
    out_of_order: int
    across: bool | None
    example: tuple[int, ...] = ()

    @property
    def ok(self) -> bool:
        return not (self.lost or self.duplicated or self.out_of_order)


def number(value: bytes, run: str) -> int | None:
    """The number in ``RUN-NUMBER``; None for a record that is not of this run."""
    prefix, _, digits = value.decode("utf-8", "replace").rpartition("-")
    return int(digits) if prefix == run and digits.isascii() and digits.isdigit() else None


def account(acked: Iterable[Sent], read: Sequence[Record], run: str) -> Account:
    """Compares acknowledgements with ``read``, which is in the order the consumer gave it.

    A record that was read without being acknowledged (its acknowledgement was under way) is fine;
    one that was acknowledged elsewhere than it was read counts as lost.
    """
    ours = [(r, n) for r in read if (n := number(r.value, run)) is not None]
    places = {(r.partition, r.offset, r.value) for r, _ in ours}
    lost = sum((s.partition, s.offset, s.value) not in places for s in acked)
    copies = Counter(n for _, n in ours)
    by_partition: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for record, n in ours:
        by_partition[record.partition].append((record.offset, n))
    numbers = [n for _, n in ours]
    return Account(
        consumed=len(ours),
        lost=lost,
        duplicated=sum(count - 1 for count in copies.values()),
        out_of_order=sum(_late(n for _, n in sorted(rows)) for rows in by_partition.values()),
        across=not _late(numbers) if len(by_partition) > 1 else None,
        example=_around_first_late(numbers),
    )


def _late(numbers: Iterable[int]) -> int:
    """How many come after a greater one."""
    highest, late = -1, 0
    for n in numbers:
        late += n < highest
        highest = max(highest, n)
    return late


def _around_first_late(numbers: Sequence[int], before: int = 3, after: int = 3) -> tuple[int, ...]:
    """A few numbers around the first that is smaller than the one before it; else the first few."""
    for at in range(1, len(numbers)):
        if numbers[at] < numbers[at - 1]:
            return tuple(numbers[max(at - before, 0) : at + after])
    return tuple(numbers[: before + after])


def missing(earlier: Iterable[Record], later: Iterable[Record]) -> int:
    """How many records that could be read earlier are not there later, by place and value."""
    there = {(r.partition, r.offset, r.value) for r in later}
    return sum((r.partition, r.offset, r.value) not in there for r in earlier)


def gaps(acked: Iterable[Sent], since: float, until: float) -> dict[int, float]:
    """The longest time between two acknowledgements on each partition, in seconds.

    ``since`` and ``until`` are monotonic: what lies outside is cut off, and a silence at either
    end counts. Every partition that ever acknowledged has an entry.
    """
    times: dict[int, list[float]] = defaultdict(list)
    for each in acked:
        times[each.partition].append(min(max(each.acked, since), until))
    longest = {}
    for partition, found in sorted(times.items()):
        ticks = [since, *sorted(found), until]
        longest[partition] = max(b - a for a, b in pairwise(ticks))
    return longest


@dataclass(frozen=True)
class Moved:
    """A partition whose leader changed; ``to`` is None where it had none."""

    topic: str
    partition: int
    origin: int
    to: int | None


def partitions(view: ClusterView) -> dict[Place, PartitionView]:
    return {(topic.name, p.id): p for topic in view.topics for p in topic.partitions}


def moved(before: ClusterView, after: ClusterView) -> list[Moved]:
    """Leaders that are others now, by topic and partition."""
    now = partitions(after)
    return [
        Moved(topic, id, old.leader, now[topic, id].leader)
        for (topic, id), old in sorted(partitions(before).items())
        if old.leader is not None and (topic, id) in now and now[topic, id].leader != old.leader
    ]


def not_preferred(view: ClusterView) -> list[str]:
    """Partitions that another than their first replica leads."""
    return [
        f"{topic}-{id}"
        for (topic, id), p in sorted(partitions(view).items())
        if p.replicas and p.leader != p.replicas[0]
    ]


def only_on(view: ClusterView, broker: int) -> list[Place]:
    """Partitions of which the broker has the one copy: nobody can take over."""
    return [place for place, p in sorted(partitions(view).items()) if p.replicas == (broker,)]


def total(spans: Mapping[Place, Sequence[tuple[float, float]]]) -> dict[Place, float]:
    """Seconds of each place's spans, added."""
    return {place: sum(end - begin for begin, end in found) for place, found in spans.items()}
