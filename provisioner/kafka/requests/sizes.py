"""What a broker's replicas hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.kafka.requests.request import Ask, Message

Partition = tuple[str, int]


def by_topic(partitions: Iterable[Partition]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for topic, number in partitions:
        found.setdefault(topic, []).append(number)
    return found


@dataclass(frozen=True)
class Sizes(Ask):
    """How many bytes ``broker`` has of each of these partitions."""

    broker: int
    partitions: tuple[Partition, ...]

    @property
    def to(self) -> int:
        return self.broker

    @property
    def what(self) -> str:
        return f"sizes-{self.broker}"

    @property
    def message(self) -> Message:
        topics = [{"topic": t, "partitions": p} for t, p in by_topic(self.partitions).items()]
        return Message("DescribeLogDirs", {"topics": topics})

    def read(self, answer: Any) -> Mapping[Partition, int]:
        return {
            (topic.name, item.partition_index): item.partition_size
            for log_dir in answer.results
            if not log_dir.error_code
            for topic in log_dir.topics
            for item in topic.partitions
            if not item.is_future_key
        }
