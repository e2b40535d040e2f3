"""Who leads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.request import Message, Part, Request

PREFERRED, UNCLEAN = 0, 1
MOST = 1000
"""Partitions a request: what Kafka's own controller elects in one go. Many more are refused."""

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True)
class ElectPreferredLeaders(Request):
    """For these partitions; where the preferred one leads already is no error."""

    partitions: tuple[Place, ...]

    @property
    def what(self) -> str:
        return "preferred leaders"

    @property
    def messages(self) -> tuple[Message, ...]:
        return (_elect(PREFERRED, self.partitions),)


@dataclass(frozen=True)
class ElectAnyLeaders(Request):
    """An unclean election for partitions of which no replica that is in sync is left: records that
    only those had are lost."""

    partitions: tuple[Place, ...]

    @property
    def what(self) -> str:
        return "leaders of partitions without a copy"

    @property
    def messages(self) -> tuple[Message, ...]:
        return (_elect(UNCLEAN, self.partitions),)


def _elect(kind: int, partitions: Sequence[Place]) -> Message:
    """What is about one topic goes together with others."""
    topics: dict[str, list[int]] = {}
    for topic, partition in partitions:
        topics.setdefault(topic, []).append(partition)
    listed = [{"topic": topic, "partitions": ids} for topic, ids in topics.items()]
    fields = {"election_type": kind, "topic_partitions": listed}
    sent = Message("ElectLeaders", fields, _items, ("ELECTION_NOT_NEEDED",))
    if len(topics) != 1:
        return sent
    (only,) = topics
    return replace(sent, part=Part("topic_partitions", only, _by_topic, len(partitions), MOST))


def _items(answer: Any) -> Iterator[Any]:
    yield answer
    for topic in answer.replica_election_results:
        yield from topic.partition_result


def _by_topic(answer: Any) -> Iterator[tuple[str | None, Any]]:
    yield None, answer
    for topic in answer.replica_election_results:
        yield from ((topic.topic, item) for item in topic.partition_result)


def not_preferred(view: ClusterView) -> Iterator[tuple[str, int, int]]:
    """(topic, partition, preferred leader) where another one leads, every replica is in sync and
    the preferred one is up: what an election puts right."""
    alive = view.alive
    for topic in view.topics:
        for partition in topic.partitions:
            preferred = partition.replicas[0] if partition.replicas else None
            whole = set(partition.replicas) <= set(partition.isr)
            if preferred in alive and partition.leader != preferred and whole:
                yield topic.name, partition.id, partition.replicas[0]


def in_lists(partitions: Sequence[Place]) -> Iterator[tuple[Place, ...]]:
    """Lists that one request may have."""
    for start in range(0, len(partitions), MOST):
        yield tuple(partitions[start : start + MOST])
