"""What Kafka is asked before data is deleted: how much there is, who reads it, and how new it is.

Only where the plan would delete something, and of that only. Offsets and sizes are asked of the
leaders, groups of every broker (each knows those that it coordinates), what these have read in a
round after it. Per broker these are at most seven requests, however many topics there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from provisioner.kafka.port import ClusterView, TopicView
from provisioner.kafka.requests.request import Ask, Message
from provisioner.kafka.requests.sizes import Sizes, by_topic

SHARE = "share"
"""The type of groups that keep their offsets elsewhere than the others."""
LATEST, EARLIEST = -1, -2
"""Kafka's timestamps for the end and the beginning of a partition."""
AT_MOST = 500
"""Topics that are asked about; of more nothing is known."""

Partition = tuple[str, int]
When = Literal["latest", "earliest", "age"]


def _nothing(answer: Any) -> Iterable[Any]:
    """These answers have an error code for each partition or group, which ``read`` looks at."""
    return ()


@dataclass(frozen=True)
class Offsets(Ask):
    """Offsets of partitions that ``broker`` leads, each (topic, partition, milliseconds): the end,
    the beginning, or the first record that is not older than so many milliseconds (-1: none is).
    """

    broker: int
    when: When
    partitions: tuple[tuple[str, int, int], ...]

    @property
    def to(self) -> int:
        return self.broker

    @property
    def what(self) -> str:
        return f"offsets-{self.when}-{self.broker}"

    @property
    def message(self) -> Message:
        return self.message_at(0.0)

    def message_at(self, now: float) -> Message:
        topics: dict[str, list[dict[str, int]]] = {}
        for topic, partition, age in self.partitions:
            stamp = {"latest": LATEST, "earliest": EARLIEST}.get(self.when)
            since = max(int(now * 1000) - age, 0) if stamp is None else stamp
            item = {"partition_index": partition, "timestamp": since}
            topics.setdefault(topic, []).append(item)
        fields = {
            "replica_id": -1,
            "isolation_level": 0,
            "topics": [{"name": name, "partitions": items} for name, items in topics.items()],
        }
        return Message("ListOffsets", fields, _nothing)

    def read(self, answer: Any) -> Mapping[Partition, int]:
        """Those of partitions that the broker could tell."""
        return {
            (topic.name, item.partition_index): item.offset
            for topic in answer.topics
            for item in topic.partitions
            if not item.error_code
        }


@dataclass(frozen=True)
class Groups(Ask):
    """The groups that ``broker`` coordinates: name → type (consumer, share, streams)."""

    broker: int

    @property
    def to(self) -> int:
        return self.broker

    @property
    def what(self) -> str:
        return f"groups-{self.broker}"

    @property
    def message(self) -> Message:
        return Message("ListGroups", {})

    def read(self, answer: Any) -> Mapping[str, str]:
        return {
            group.group_id: (getattr(group, "group_type", "") or "consumer").lower()
            for group in answer.groups
        }


@dataclass(frozen=True)
class GroupOffsets(Ask):
    """Which of its groups have an offset in these topics: topic → the groups. ``ids``: topic → its
    id, by which newer brokers name it."""

    broker: int
    groups: tuple[str, ...]
    partitions: tuple[Partition, ...]
    ids: Mapping[str, str] = field(hash=False)

    @property
    def to(self) -> int:
        return self.broker

    @property
    def what(self) -> str:
        return f"group-offsets-{self.broker}"

    @property
    def message(self) -> Message:
        topics = [
            {"name": topic, "topic_id": self.ids.get(topic) or None, "partition_indexes": numbers}
            for topic, numbers in by_topic(self.partitions).items()
        ]
        groups = [{"group_id": group, "topics": topics} for group in self.groups]
        return Message("OffsetFetch", {"groups": groups, "require_stable": False}, _nothing)

    def read(self, answer: Any) -> Mapping[str, tuple[str, ...]] | None:
        """None where a group could not be read."""
        names = {id: topic for topic, id in self.ids.items()}
        found: dict[str, set[str]] = {}
        for group in answer.groups:
            if group.error_code:
                return None
            for topic in group.topics:
                name = topic.name or names.get(str(topic.topic_id), "")
                if any(item.error_code for item in topic.partitions):
                    return None
                if any(item.committed_offset >= 0 for item in topic.partitions):
                    found.setdefault(name, set()).add(group.group_id)
        return {name: tuple(sorted(groups)) for name, groups in found.items()}


@dataclass(frozen=True)
class ShareOffsets(Ask):
    """The topics of share groups: topic → the groups. From Kafka 4.1 on.

    Asked for all topics, for then Kafka also gives those that a group has joined and not read yet.
    """

    broker: int
    groups: tuple[str, ...]

    @property
    def to(self) -> int:
        return self.broker

    @property
    def what(self) -> str:
        return f"share-offsets-{self.broker}"

    @property
    def message(self) -> Message:
        groups = [{"group_id": group, "topics": None} for group in self.groups]
        return Message("DescribeShareGroupOffsets", {"groups": groups}, _nothing)

    def read(self, answer: Any) -> Mapping[str, tuple[str, ...]] | None:
        """None where a group could not be read."""
        found: dict[str, set[str]] = {}
        for group in answer.groups:
            if group.error_code:
                return None
            for topic in group.topics:
                found.setdefault(topic.topic_name, set()).add(group.group_id)
        return {name: tuple(sorted(groups)) for name, groups in found.items()}


def questions(
    view: ClusterView, doomed: Collection[TopicView], aged: Mapping[str, int | None]
) -> Sequence[Ask]:
    """``doomed``: topics that are to be deleted; ``aged``: topics that are to keep less, each with
    its new age in milliseconds, or None where only their size counts."""
    doomed = list(doomed)[:AT_MOST]
    names = {topic.name for topic in doomed}
    cut = [t for t in view.topics if t.name in aged][:AT_MOST]
    led: dict[int, list[tuple[str, int, int | None]]] = {}
    for topic in [*doomed, *cut]:
        age = RECENT if topic.name in names else aged[topic.name]
        for partition in topic.partitions:
            if partition.leader in view.alive and partition.leader is not None:
                led.setdefault(partition.leader, []).append((topic.name, partition.id, age))
    asks: list[Ask] = []
    for broker, items in sorted(led.items()):
        whole = tuple((topic, number, 0) for topic, number, _ in items)
        old = tuple((topic, number, age) for topic, number, age in items if age is not None)
        asks += [Offsets(broker, "latest", whole), Offsets(broker, "earliest", whole)]
        asks += [Offsets(broker, "age", old)] if old else []
        asks.append(Sizes(broker, tuple((topic, number) for topic, number, _ in items)))
    return [*asks, *_of_groups(view, doomed)] if doomed else asks


RECENT = 60_000
"""A topic that had a record in the last minute (milliseconds) is written to."""


def _of_groups(view: ClusterView, doomed: Sequence[TopicView]) -> list[Ask]:
    asks: list[Ask] = []
    partitions = tuple((topic.name, item.id) for topic in doomed for item in topic.partitions)
    ids = {topic.name: topic.id for topic in doomed}
    for broker in sorted(view.alive):
        groups = Groups(broker)
        asks.append(groups)
        known = view.answers.get(groups, {})
        shares = tuple(sorted(name for name, type in known.items() if type == SHARE))
        others = tuple(sorted(name for name, type in known.items() if type != SHARE))
        asks += [GroupOffsets(broker, others, partitions, ids)] if others else []
        asks += [ShareOffsets(broker, shares)] if shares else []
    return asks
