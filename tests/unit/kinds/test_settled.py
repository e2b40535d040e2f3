"""When what Kafka was told counts as taken: it has settled, and the one diff finds nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.kinds.broker_config.layers import Layers
from provisioner.plan.model import Change, Id, Observation, Present, State, Unknown
from provisioner.run.waits import missing

TOPIC = {"partitions": 3, "replication": 3, "retention.ms": "60000"}


BROKER = Id("", "broker-config", "broker-1")


def left(id: Id, state: State, seen: Observation) -> str:
    """What an update of the thing is still waited for."""
    return missing(Change(id, "update", {}, {}), id, state, seen)


def topic(whole: bool = True, **config: str) -> Present:
    fields: dict[str, Any] = {"partitions": 3, "replication": 3, **config}
    return Present(fields, volatile={"whole": whole})


@pytest.mark.parametrize(
    ("observed", "closed", "expected"),
    [
        (topic(**{"retention.ms": "60000"}), False, True),
        (topic(**{"retention.ms": "60000"}, whole=False), False, False),
        (topic(**{"retention.ms": "1000"}), False, False),
        (topic(), False, False),
        (topic(**{"retention.ms": "60000", "cleanup.policy": "compact"}), False, True),
        (topic(**{"retention.ms": "60000", "cleanup.policy": "compact"}), True, False),
    ],
)
def test_a_topic_is_whole_and_configured(observed: Present, closed: bool, expected: bool) -> None:
    assert (not left(Id("", "topic", "t"), State(TOPIC, closed=closed), observed)) is expected


@pytest.mark.parametrize(
    ("observed", "closed", "expected"),
    [
        ({}, False, True),
        ({"num.io.threads": "9"}, False, False),
        ({"log.cleaner.threads": "2"}, False, True),
        ({"log.cleaner.threads": "2"}, True, False),
        ({"min.insync.replicas": "1"}, True, True),
    ],
)
def test_a_dynamic_value_is_gone_from_the_brokers(
    observed: dict[str, str], closed: bool, expected: bool
) -> None:
    args = {"wanted": {"num.io.threads": "5"}, "common": {"num.io.threads": "5"}, "stored": True}
    wanted = State({"num.io.threads": None}, closed=closed, args=args)
    told = {"num.io.threads": Layers(observed.get("num.io.threads"), None, "5", "8")}
    volatile = {"told": told, "mixed": frozenset()}
    assert (not left(BROKER, wanted, Present(observed, volatile=volatile))) is expected


@pytest.mark.parametrize(("wide", "expected"), [("5", True), (None, False), ("4", False)])
def test_a_cluster_wide_value_has_arrived_at_every_broker(wide: str | None, expected: bool) -> None:
    args = {"common": {"num.io.threads": "5"}, "stored": False}
    brokers = {
        0: {"num.io.threads": Layers(None, "5", "4", "8")},
        1: {"num.io.threads": Layers(None, wide, "4", "8")},
    }
    volatile = {"brokers": brokers, "mixed": frozenset()}
    seen = Present({"num.io.threads": "5"}, volatile=volatile)
    cluster = Id("", "broker-config", "cluster")
    wanted = State({"num.io.threads": None}, args=args)
    assert (not left(cluster, wanted, seen)) is expected


def test_what_cannot_be_asked_has_not_settled() -> None:
    assert left(BROKER, State({}), Unknown("no answer"))


def test_what_has_not_been_taken_is_named_with_both_values() -> None:
    wanted = State(TOPIC)
    seen = topic(**{"retention.ms": "1000"})
    assert left(Id("", "topic", "t"), wanted, seen) == "retention.ms is '1000', not '60000'"
