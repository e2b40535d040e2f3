"""Which features the nodes support and the cluster has finalised (KIP-584), and how one is raised
or lowered (KIP-778)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from provisioner.kafka.requests.request import (
    ANY,
    CONTROLLER,
    Ask,
    Destination,
    Message,
    Request,
)
from provisioner.kafka.rights import REFUSED, needs

UPGRADE, SAFE_DOWNGRADE = 1, 2
VALIDATE_MS = 5_000
CONTROLLERS = 2
"""Whom DescribeCluster is asked about."""
OF_ALL = "The update failed for all features since the following feature had an error: "
"""What Kafka puts before its reason, however few there are."""
REGISTERED_BROKERS = "registered brokers"
PROBE = "__provision-broker-"
"""Begins the name of a topic that is never made."""


@dataclass(frozen=True)
class Supported:
    """What a broker tells: feature → the lowest and highest level that it supports, and feature →
    the level that is finalised, as of ``epoch`` (-1: it does not know)."""

    supported: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    finalized: Mapping[str, int] = field(default_factory=dict)
    epoch: int = -1


@dataclass(frozen=True)
class DescribeFeatures(Ask):
    """Of the broker at hand, or of the one with this id."""

    broker: int | None = None

    @property
    def to(self) -> Destination:
        return ANY if self.broker is None else self.broker

    @property
    def what(self) -> str:
        return "features" if self.broker is None else f"features of broker {self.broker}"

    @property
    def message(self) -> Message:
        words = {"client_software_name": "provision", "client_software_version": "1"}
        return Message("ApiVersions", words)

    def read(self, answer: Any) -> Supported:
        return Supported(
            {each.name: (each.min_version, each.max_version) for each in answer.supported_features},
            {each.name: each.max_version_level for each in answer.finalized_features},
            answer.finalized_features_epoch,
        )


@dataclass(frozen=True)
class Level:
    """A feature at a level; ``lower`` than now."""

    feature: str
    level: int
    lower: bool = False

    @property
    def fields(self) -> dict[str, Any]:
        return {
            "feature": self.feature,
            "max_version_level": self.level,
            "upgrade_type": SAFE_DOWNGRADE if self.lower else UPGRADE,
        }


@dataclass(frozen=True)
class ValidateFeatures(Ask):
    """Whether Kafka would set these levels together; nothing is changed. What is read is why not,
    and nothing where it would. The controller looks at every registered node, fenced ones too."""

    levels: tuple[Level, ...]

    @property
    def what(self) -> str:
        named = ", ".join(f"{each.feature} {each.level}" for each in self.levels)
        return f"whether Kafka would finalise {named}"

    @property
    def message(self) -> Message:
        fields = {
            "timeout_ms": VALIDATE_MS,
            "feature_updates": [each.fields for each in self.levels],
            "validate_only": True,
        }
        return Message("UpdateFeatures", fields, lambda answer: ())

    def read(self, answer: Any) -> str:
        for item in _items(answer):
            if right := needs("UpdateFeatures", item.error_code, ""):
                return right
            if item.error_code:
                said = item.error_message or f"error {item.error_code}"
                return str(said.removeprefix(OF_ALL))
        return ""


def _items(answer: Any) -> list[Any]:
    """The whole, and until version 1 each feature of it."""
    return [answer, *(getattr(answer, "results", None) or ())]


@dataclass(frozen=True)
class UpdateFeature(Request):
    """One feature is set to a level; Kafka is asked whether it would before."""

    level: Level

    @property
    def to(self) -> Literal["any"]:
        return ANY

    @property
    def what(self) -> str:
        return f"feature {self.level.feature}"

    @property
    def messages(self) -> tuple[Message, ...]:
        fields = {"feature_updates": [self.level.fields]}
        return tuple(
            Message("UpdateFeatures", {**fields, "validate_only": only}, _items)
            for only in (True, False)
        )


@dataclass(frozen=True)
class RegisteredControllers(Ask):
    """The ids of all registered controllers, whether they run or not (KIP-919); asked at the
    controller's own listener."""

    host: str
    port: int

    @property
    def to(self) -> Destination:
        return self.host, self.port

    @property
    def what(self) -> str:
        return "registered controllers"

    @property
    def message(self) -> Message:
        return Message("DescribeCluster", {"endpoint_type": CONTROLLERS})

    def read(self, answer: Any) -> tuple[int, ...]:
        """None of an answer that is about brokers."""
        controllers = answer.brokers if answer.endpoint_type == CONTROLLERS else ()
        return tuple(sorted(each.broker_id for each in controllers))


NOT_REGISTERED = "no such broker is registered"
"""Of what Kafka says of an assignment to a broker that it does not know."""
INVALID_ASSIGNMENT = 39


@dataclass(frozen=True)
class RegisteredBrokers(Ask):
    """Which of these ids are registered, fenced ones too, where DescribeCluster does not tell of
    those (before 4.0): whether a topic could be assigned to each. Nothing is made."""

    candidates: tuple[int, ...]

    @property
    def to(self) -> Literal["controller"]:
        return CONTROLLER

    @property
    def what(self) -> str:
        return REGISTERED_BROKERS

    @property
    def message(self) -> Message:
        topics = [
            {
                "name": f"{PROBE}{id}",
                "num_partitions": -1,
                "replication_factor": -1,
                "assignments": [{"partition_index": 0, "broker_ids": [id]}],
                "configs": [],
            }
            for id in self.candidates
        ]
        fields = {"topics": topics, "validate_only": True, "timeout_ms": VALIDATE_MS}
        return Message("CreateTopics", fields, _rights)

    def read(self, answer: Any) -> tuple[int, ...]:
        return tuple(
            sorted(
                int(topic.name.removeprefix(PROBE))
                for topic in answer.topics
                if topic.error_code == 0
                or (
                    topic.error_code == INVALID_ASSIGNMENT
                    and NOT_REGISTERED not in (topic.error_message or "")
                )
            )
        )


def _rights(answer: Any) -> list[Any]:
    """Here an error is the answer, but for a missing right."""
    return [item for item in answer.topics if item.error_code in REFUSED]


def registered_brokers(answers: Mapping[Ask, Any]) -> tuple[int, ...]:
    """Those that were found by asking for each."""
    return next((ids for a, ids in answers.items() if isinstance(a, RegisteredBrokers)), ())


def registered_controllers(answers: Mapping[Ask, Any]) -> tuple[int, ...] | None:
    """Their ids, as any controller that was asked has them; None where that is not known."""
    told = [ids for ask, ids in answers.items() if isinstance(ask, RegisteredControllers)]
    return tuple(sorted({id for ids in told for id in ids})) if told else None
