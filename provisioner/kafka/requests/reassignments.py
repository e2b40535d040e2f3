"""Moving replicas (KIP-455): asked for, and what is under way.

Kafka accepts a reassignment at once and carries it out by itself, also when everybody who asked is
gone. The same target again is accepted; another one takes its place; None cancels it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from provisioner.kafka.requests.request import CONTROLLER, Ask, Message, Part, Request

Replicas = tuple[int, ...]
MOST = 1000
"""Partitions a request."""


@dataclass(frozen=True)
class Reassign(Request):
    """Of one topic: partition → its replicas, the preferred leader first; None cancels."""

    topic: str
    targets: Mapping[int, Replicas | None] = field(default_factory=dict)

    @property
    def what(self) -> str:
        return f"replicas of topic {self.topic}"

    @property
    def messages(self) -> tuple[Message, ...]:
        partitions = [
            {"partition_index": id, "replicas": None if to is None else list(to)}
            for id, to in sorted(self.targets.items())
        ]
        fields = {"topics": [{"name": self.topic, "partitions": partitions}]}
        idle = ("NO_REASSIGNMENT_IN_PROGRESS",)
        part = Part("topics", self.topic, _by_topic, len(self.targets), MOST)
        return (Message("AlterPartitionReassignments", fields, _items, idle, part=part),)


def _items(answer: Any) -> Iterator[Any]:
    yield answer
    for topic in answer.responses:
        yield from topic.partitions


def _by_topic(answer: Any) -> Iterator[tuple[str | None, Any]]:
    yield None, answer
    for topic in answer.responses:
        yield from ((topic.name, item) for item in topic.partitions)


@dataclass(frozen=True)
class Moving:
    """A partition whose replicas Kafka is moving: ``replicas`` are all, the new ones among them."""

    replicas: Replicas
    adding: Replicas
    removing: Replicas

    @property
    def before(self) -> Replicas:
        return tuple(id for id in self.replicas if id not in self.adding)

    @property
    def target(self) -> Replicas:
        return tuple(id for id in self.replicas if id not in self.removing)


@dataclass(frozen=True)
class ListReassignments(Ask):
    """All that are under way: {(topic, partition): Moving}."""

    @property
    def to(self) -> Literal["controller"]:
        return CONTROLLER

    @property
    def what(self) -> str:
        return "reassignments"

    @property
    def message(self) -> Message:
        return Message("ListPartitionReassignments", {"topics": None})

    def read(self, answer: Any) -> dict[tuple[str, int], Moving]:
        return {
            (topic.name, each.partition_index): Moving(
                tuple(each.replicas), tuple(each.adding_replicas), tuple(each.removing_replicas)
            )
            for topic in answer.topics
            for each in topic.partitions
        }
