"""Topics made, widened and deleted: by the kind ``topic``, by verify and by drills; and topics that
are asked for by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from provisioner.kafka.port import ClusterView, KafkaRefused
from provisioner.kafka.requests.request import Ask, Message, Part, Request
from provisioner.kafka.rights import REFUSED, needs

RECORDS = 8000
"""Metadata records that one request makes: Kafka refuses more than 10,000, and more than 10,000
partitions (``ReplicationControlManager``)."""


@dataclass(frozen=True)
class CreateTopic(Request):
    name: str
    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)
    assignments: tuple[tuple[int, ...], ...] = ()
    """The replicas of each partition; empty: Kafka chooses."""

    @property
    def what(self) -> str:
        return f"topic {self.name}"

    @property
    def messages(self) -> tuple[Message, ...]:
        chosen = bool(self.assignments)
        topic = {
            "name": self.name,
            "num_partitions": -1 if chosen else self.partitions,
            "replication_factor": -1 if chosen else self.replication,
            "assignments": [
                {"partition_index": number, "broker_ids": list(brokers)}
                for number, brokers in enumerate(self.assignments)
            ],
            "configs": [{"name": key, "value": value} for key, value in self.config.items()],
        }
        fields = {"topics": [topic], "validate_only": False}
        partitions = len(self.assignments) or self.partitions
        weight = 1 + partitions + len(self.config)
        part = Part("topics", self.name, _created, weight, RECORDS)
        return (Message("CreateTopics", fields, lambda answer: answer.topics, part=part),)

    def passes(self, error: KafkaRefused) -> bool:
        """ZooKeeper mode: one that was deleted a moment ago is still on its way out."""
        return "marked for deletion" in str(error)


@dataclass(frozen=True)
class CreatePartitions(Request):
    """More partitions: ``total`` in all. ``assignments``: the replicas of each new one; empty where
    Kafka chooses."""

    name: str
    total: int
    assignments: tuple[tuple[int, ...], ...] = ()

    @property
    def what(self) -> str:
        return f"topic {self.name}"

    @property
    def messages(self) -> tuple[Message, ...]:
        where = [{"broker_ids": list(brokers)} for brokers in self.assignments] or None
        topic = {"name": self.name, "count": self.total, "assignments": where}
        fields = {"topics": [topic], "validate_only": False}
        part = Part("topics", self.name, _widened, max(self.total, 1), RECORDS)
        return (Message("CreatePartitions", fields, lambda answer: answer.results, part=part),)


REFUSES_DELETES = {
    "TOPIC_DELETION_DISABLED": "Kafka deletes no topics: delete.topic.enable is false on the "
    "brokers; set it to true (it is the default), or leave the topic",
    "UNKNOWN_TOPIC_ID": "there is no topic with the id that was seen when this was planned: it was "
    "deleted meanwhile, and perhaps made anew; plan again",
}
"""What Kafka's codes mean here."""


@dataclass(frozen=True)
class DeleteTopic(Request):
    """With its ``id`` only this very topic, not one of the same name that was made since. Without
    one, whatever has the name: for topics that only we can have made."""

    name: str
    id: str = ""

    @property
    def what(self) -> str:
        return f"topic {self.name}"

    @property
    def messages(self) -> tuple[Message, ...]:
        by_id = {"name": None, "topic_id": UUID(self.id) if self.id else None}
        topic = by_id if self.id else {"name": self.name, "topic_id": None}
        fields = {"topics": [topic]}
        part = Part("topics", self.id or self.name, _deleted)
        sent = Message("DeleteTopics", fields, lambda a: a.responses, meaning=REFUSES_DELETES)
        return (replace(sent, part=part),)


def _created(answer: Any) -> Iterator[tuple[str, Any]]:
    return ((item.name, item) for item in answer.topics)


def _widened(answer: Any) -> Iterator[tuple[str, Any]]:
    return ((item.name, item) for item in answer.results)


def _deleted(answer: Any) -> Iterator[tuple[str, Any]]:
    """Named in the answer by both, where Kafka knows both."""
    for item in answer.responses:
        for thing in {str(item.topic_id), item.name} - {None}:
            yield thing, item


NO_SUCH_TOPIC = 3
"""UNKNOWN_TOPIC_OR_PARTITION."""


def _each_by_itself(answer: Any) -> Iterable[Any]:
    """Every topic has an error code, which ``read`` looks at."""
    return ()


@dataclass(frozen=True)
class NamedTopics(Ask):
    """Topics by their names: why each is not known to be absent, nothing where it is.

    The list of all topics leaves out, without a word, those that may not be described; of one that
    is asked for by name Kafka says so.
    """

    names: tuple[str, ...]

    @property
    def what(self) -> str:
        return "topics by name"

    @property
    def message(self) -> Message:
        topics = [{"topic_id": None, "name": name} for name in self.names]
        fields = {
            "topics": topics,
            "allow_auto_topic_creation": False,
            "include_cluster_authorized_operations": False,
            "include_topic_authorized_operations": False,
        }
        return Message("Metadata", fields, _each_by_itself)

    def read(self, answer: Any) -> Mapping[str, str]:
        return {topic.name: _not_absent(topic.name, topic.error_code) for topic in answer.topics}


def by_name(view: ClusterView, names: Iterable[str]) -> NamedTopics | None:
    """The question about those of the topics that the list does not have; None where it has all."""
    listed = {topic.name for topic in view.topics}
    left = tuple(n for n in names if n not in listed and f"topic-{n}" not in view.errors)
    return NamedTopics(left) if left else None


def not_listed(view: ClusterView, names: Iterable[str]) -> Mapping[str, str]:
    """Those that are not listed and yet not known to be absent: why. Nothing where they were not
    asked for."""
    ask = by_name(view, names)
    if ask is None:
        return {}
    if ask.what in view.errors:
        return dict.fromkeys(ask.names, view.errors[ask.what])
    answer: Mapping[str, str] = view.answers.get(ask, {})
    return {name: why for name, why in answer.items() if why}


def _not_absent(name: str, code: int) -> str:
    if code == NO_SUCH_TOPIC:
        return ""
    if code in REFUSED:
        return f"{REFUSED[code][0]}: {needs('Metadata', code, name)}"
    return f"Kafka listed no such topic, and asked for it by name {_said(code)}"


def _said(code: int) -> str:
    return f"answered with error {code}" if code else "had it"
