"""Topics made, widened and deleted: by the kind ``topic``, by verify and by drills."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.kafka.port import KafkaRefused
from provisioner.kafka.requests.request import Message, Request


@dataclass(frozen=True)
class CreateTopic(Request):
    name: str
    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)

    @property
    def what(self) -> str:
        return f"topic {self.name}"

    @property
    def messages(self) -> tuple[Message, ...]:
        topic = {
            "name": self.name,
            "num_partitions": self.partitions,
            "replication_factor": self.replication,
            "assignments": [],
            "configs": [{"name": key, "value": value} for key, value in self.config.items()],
        }
        fields = {"topics": [topic], "validate_only": False}
        return (Message("CreateTopics", fields, lambda answer: answer.topics),)

    def passes(self, error: KafkaRefused) -> bool:
        """ZooKeeper mode: one that was deleted a moment ago is still on its way out."""
        return "marked for deletion" in str(error)


@dataclass(frozen=True)
class CreatePartitions(Request):
    """More partitions: ``total`` in all."""

    name: str
    total: int

    @property
    def what(self) -> str:
        return f"topic {self.name}"

    @property
    def messages(self) -> tuple[Message, ...]:
        topic = {"name": self.name, "count": self.total, "assignments": None}
        fields = {"topics": [topic], "validate_only": False}
        return (Message("CreatePartitions", fields, lambda answer: answer.results),)


@dataclass(frozen=True)
class DeleteTopic(Request):
    name: str

    @property
    def what(self) -> str:
        return f"topic {self.name}"

    @property
    def messages(self) -> tuple[Message, ...]:
        fields = {"topics": [{"name": self.name, "topic_id": None}]}
        return (Message("DeleteTopics", fields, lambda answer: answer.responses),)
