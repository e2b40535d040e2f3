"""The answers to ``questions`` as a ``Loss``: what a deletion or a shorter retention destroys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.kafka.port import ClusterView, TopicView
from provisioner.kafka.requests.sizes import Sizes
from provisioner.kafka.rights import NOT_THE_CLUSTER
from provisioner.kinds.topic.keeping import Cut
from provisioner.kinds.topic.questions import (
    SHARE,
    GroupOffsets,
    Groups,
    Offsets,
    Partition,
    ShareOffsets,
)
from provisioner.plan.model import Loss

UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


@dataclass
class Told:
    """What is known of partitions: offsets by when, bytes of their leaders, and groups."""

    latest: dict[Partition, int] = field(default_factory=dict)
    earliest: dict[Partition, int] = field(default_factory=dict)
    age: dict[Partition, int] = field(default_factory=dict)
    sizes: dict[Partition, int] = field(default_factory=dict)
    readers: dict[str, set[str]] | None = field(default_factory=dict)
    shares: set[str] = field(default_factory=set)
    """Share groups whose topics Kafka did not tell."""


def told(view: ClusterView) -> Told:
    found = Told()
    types: dict[str, str] = {}
    for ask, value in view.answers.items():
        match ask:
            case Offsets(when=when):
                getattr(found, when).update(value)
            case Sizes():
                found.sizes.update(value)
            case Groups():
                types.update(value)
    answered = {
        group
        for ask, value in view.answers.items()
        if isinstance(ask, ShareOffsets) and value is not None
        for group in ask.groups
    }
    found.shares = {name for name, type in types.items() if type == SHARE} - answered
    found.readers = _readers(view, types)
    return found


def _readers(view: ClusterView, types: Mapping[str, str]) -> dict[str, set[str]] | None:
    """Topic → groups with an offset in it; None where that could not be read of all groups."""
    if any(
        f"{what}-{id}" in view.errors for id in view.alive for what in ("groups", "group-offsets")
    ):
        return None
    # Without DESCRIBE on the cluster groups are left out without a word, but sizes refused.
    if any(view.errors.get(f"sizes-{id}", "").startswith(NOT_THE_CLUSTER) for id in view.alive):
        return None
    if not all(Groups(id) in view.answers for id in view.alive):
        return None
    found: dict[str, set[str]] = {}
    for ask, value in view.answers.items():
        if isinstance(ask, GroupOffsets) and value is None:
            return None
        if isinstance(ask, GroupOffsets | ShareOffsets):
            for topic, groups in (value or {}).items():
                found.setdefault(topic, set()).update(_typed(name, types) for name in groups)
    return found


def _typed(group: str, types: Mapping[str, str]) -> str:
    kind = types.get(group, "")
    return group if kind in ("", "consumer", "classic") else f"{group} ({kind})"


def of_deletion(topic: TopicView, known: Told) -> Loss:
    places = [(topic.name, partition.id) for partition in topic.partitions]
    return Loss(
        records=_total([_records(place, known) for place in places]),
        bytes=_total([known.sizes.get(place) for place in places]),
        share=1.0,
        readers=None if known.readers is None else tuple(sorted(known.readers.get(topic.name, ()))),
        written=_any([_since(place, known.age) for place in places]),
    )


def of_cut(topic: TopicView, cut: Cut, known: Told) -> Loss:
    """At most: Kafka deletes whole segments."""
    records, sizes, lost, gone = [], [], [], []
    for partition in topic.partitions:
        place = (topic.name, partition.id)
        all_of_it, size = _records(place, known), known.sizes.get(place)
        share = _share(place, cut, all_of_it, size, known)
        records.append(all_of_it)
        sizes.append(size)
        gone.append(None if share is None or all_of_it is None else round(share * all_of_it))
        lost.append(None if share is None or size is None else round(share * size))
    gone_records, lost_bytes = _total(gone), _total(lost)
    part = _part(lost_bytes, _total(sizes))
    part = _part(gone_records, _total(records)) if part is None else part
    return Loss(gone_records, lost_bytes, part)


def _share(
    place: Partition, cut: Cut, records: int | None, size: int | None, known: Told
) -> float | None:
    """Of one partition what is too old or too much; None where it is not known."""
    if records == 0:
        return 0.0
    shares = []
    if cut.ms is not None:
        kept = known.age.get(place)
        if kept is None or records is None:
            return None
        old = records if kept < 0 else max(kept - known.earliest[place], 0)
        shares.append(min(old / records, 1.0))
    if cut.bytes is not None:
        if size is None:
            return None
        shares.append(max(size - cut.bytes, 0) / size if size else 0.0)
    return max(shares)


def _records(place: Partition, known: Told) -> int | None:
    if place not in known.latest or place not in known.earliest:
        return None
    return max(known.latest[place] - known.earliest[place], 0)


def _since(place: Partition, offsets: Mapping[Partition, int]) -> bool | None:
    offset = offsets.get(place)
    return None if offset is None else offset >= 0


def _total(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def _any(answers: list[bool | None]) -> bool | None:
    if any(answers):
        return True
    return None if None in answers else False


def _part(some: int | None, whole: int | None) -> float | None:
    if some is None or whole is None:
        return None
    return some / whole if whole else 0.0


# --- in words ------------------------------------------------------------------------------------


def amount(loss: Loss) -> str:
    """``1,204 records, 3.4 MB``."""
    records = "an unknown number of records" if loss.records is None else _count(loss.records)
    size = "an unknown number of bytes" if loss.bytes is None else bytes_in_words(loss.bytes)
    return f"{records}, {size}"


def _count(records: int) -> str:
    return "1 record" if records == 1 else f"{records:,} records"


def bytes_in_words(number: int) -> str:
    for unit, size in UNITS:
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return "1 byte" if number == 1 else f"{number} bytes"


def users(loss: Loss, shares: set[str]) -> list[str]:
    """Who reads and writes, as phrases."""
    found = []
    if loss.readers is None:
        found.append("who reads it is not known")
    elif loss.readers:
        found.append("read by " + ", ".join(loss.readers))
    if shares:
        found.append("whether share groups read it is not known: " + ", ".join(sorted(shares)))
    if loss.written is None:
        found.append("whether anybody writes to it is not known")
    elif loss.written:
        found.append("written to within the last minute")
    return found
