"""Overrides are compared by what they mean to Kafka."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.kinds.topic.values import canonical
from provisioner.spec.properties import table
from tests.unit.plan.model_cluster import ModelCluster

LONGEST = "9223372036854775807"


@pytest.mark.parametrize(
    ("key", "wanted", "found", "same"),
    [
        ("message.timestamp.before.max.ms", LONGEST, LONGEST, True),
        ("message.timestamp.before.max.ms", LONGEST, "9223372036854775806", False),
        ("retention.ms", "0604800000", "604800000", True),
        ("retention.ms", "+1", " 1 ", True),
        ("retention.ms", "-1", "1", False),
        ("cleanup.policy", "compact,delete", "delete,compact", True),
        ("cleanup.policy", "compact, delete", "compact,delete", True),
        ("cleanup.policy", "compact", "compact,delete", False),
        ("preallocate", "TRUE", "true", True),
        ("preallocate", "true", "false", False),
        ("min.cleanable.dirty.ratio", "0.50", "0.5", True),
        ("min.cleanable.dirty.ratio", "5e-1", "0.5", True),
        ("min.cleanable.dirty.ratio", "0.5", "0.51", False),
        ("compression.type", "zstd", "ZSTD", False),
        ("x.own", "1", "01", False),
    ],
)
def test_by_the_type_of_the_key(key: str, wanted: str, found: str, same: bool) -> None:
    made = ModelCluster.made("lab")
    topics = tuple(replace(topic, config={key: wanted}) for topic in made.spec.topics)
    made.spec = made.site.spec = replace(made.spec, topics=topics)
    for topic in made.topics.values():
        topic.config = {key: found}
    plan = made.plan()
    assert (plan.in_sync is True) is same
    assert not plan.unmanaged


@pytest.mark.parametrize("version", ["3.9.1", "4.3.1"])
def test_every_key_of_the_tables_has_a_type_that_is_known(version: str) -> None:
    known = {"int", "long", "short", "boolean", "double", "list", "string"}
    topic = table(version).topic
    assert len(topic) > 30
    assert {entry["type"] for entry in topic.values()} <= known


@pytest.mark.parametrize("text", ["", "1_000", "1e3", "x", "true "])
def test_what_is_no_value_of_its_type_stays(text: str) -> None:
    assert canonical(text, "long") == text


@pytest.mark.parametrize("policy", ["report", "delete", "ignore"])
def test_throttles_are_whoever_moves_replicas(policy: str) -> None:
    """Never a difference of the topic, none of its overrides, never removed."""
    made = ModelCluster.made("lab")
    chosen = replace(made.spec.policy, unmanaged_config=policy)
    made.spec = made.site.spec = replace(made.spec, policy=chosen)
    keys = [f"{who}.replication.throttled.replicas" for who in ("leader", "follower")]
    made.topic_config("purchases", dict.fromkeys(keys, "0:1,0:2"))
    plan = made.plan()
    assert plan.in_sync is True
    assert [item.id.kind for item in plan.unmanaged] == ["throttle"]  # a finding of its own
