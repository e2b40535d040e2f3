"""Dynamic configuration, of topics and of brokers. Keys that are not named stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.kafka.requests.request import ANY, Destination, Message, Part, Request

TOPIC, BROKER = 2, 4
"""Kinds of resources that have a configuration."""
SET, DELETE = 0, 1


def alter(kind: int, resource: str, set: Mapping[str, str], delete: Sequence[str]) -> Message:
    entries = [{"name": k, "config_operation": SET, "value": v} for k, v in set.items()]
    entries += [{"name": k, "config_operation": DELETE, "value": None} for k in delete]
    change = {"resource_type": kind, "resource_name": resource, "configs": entries}
    fields = {"resources": [change], "validate_only": False}
    part = Part("resources", (kind, resource), _altered)
    return Message("IncrementalAlterConfigs", fields, lambda answer: answer.responses, part=part)


def _altered(answer: Any) -> Iterator[tuple[tuple[int, str], Any]]:
    return (((item.resource_type, item.resource_name), item) for item in answer.responses)


@dataclass(frozen=True)
class AlterTopicConfig(Request):
    name: str
    set: Mapping[str, str] = field(default_factory=dict)
    delete: Sequence[str] = ()

    @property
    def to(self) -> Destination:
        return ANY

    @property
    def what(self) -> str:
        return f"topic {self.name}"

    @property
    def messages(self) -> tuple[Message, ...]:
        return (alter(TOPIC, self.name, self.set, self.delete),)


@dataclass(frozen=True)
class AlterBrokerConfig(Request):
    """``broker`` None is the cluster-wide default; only the broker itself takes its own."""

    broker: int | None
    set: Mapping[str, str] = field(default_factory=dict)
    delete: Sequence[str] = ()

    @property
    def to(self) -> Destination:
        return ANY if self.broker is None else self.broker

    @property
    def what(self) -> str:
        return "cluster default" if self.broker is None else f"broker {self.broker}"

    @property
    def messages(self) -> tuple[Message, ...]:
        resource = "" if self.broker is None else str(self.broker)
        return (alter(BROKER, resource, self.set, self.delete),)
