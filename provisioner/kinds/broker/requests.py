"""A broker's registration is taken back (KIP-500)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from provisioner.kafka.requests.request import Ask, Message, Request
from provisioner.kafka.rights import REFUSED


@dataclass(frozen=True)
class UnregisterBroker(Request):
    """KRaft only. Kafka asks neither whether the broker is stopped nor whether it holds anything; a
    broker that runs never registers again. One that is not registered any more is no error."""

    id: int

    @property
    def what(self) -> str:
        return f"broker {self.id}"

    @property
    def messages(self) -> tuple[Message, ...]:
        fine = ("BROKER_ID_NOT_REGISTERED",)
        return (Message("UnregisterBroker", {"broker_id": self.id}, fine=fine),)


MILLISECONDS = 3000
"""How long the controller may take to say so; without any time it says nothing else."""


def _rights(answer: Any) -> Iterable[Any]:
    """Here an error is the answer, but for a missing right."""
    return [item for item in answer.topics if item.error_code in REFUSED]


@dataclass(frozen=True)
class IsRegistered(Ask):
    """Whether a broker is registered that does not run: before Kafka 4.0 no list has those that are
    fenced. A topic on it is validated, and not created: of one that is not registered the refusal
    says so. None: Kafka says something else."""

    broker: int

    @property
    def what(self) -> str:
        return f"registration-{self.broker}"

    @property
    def message(self) -> Message:
        placed = [{"partition_index": 0, "broker_ids": [self.broker]}]
        topic = {
            "name": f"__provision-registered-{self.broker}",
            "num_partitions": -1,
            "replication_factor": -1,
            "assignments": placed,
            "configs": [],
        }
        fields = {"topics": [topic], "validate_only": True, "timeout_ms": MILLISECONDS}
        return Message("CreateTopics", fields, _rights)

    def read(self, answer: Any) -> bool | None:
        (topic,) = answer.topics
        said = str(getattr(topic, "error_message", "") or "")
        if "no such broker is registered" in said or "not currently registered" in said:
            return False
        return True if not topic.error_code or "fenced" in said else None
