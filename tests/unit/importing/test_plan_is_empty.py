"""Whatever a cluster has: the plan of its import is empty, a second import is byte for byte the
same, and a change by hand is the one difference."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.importing.document import cluster_name, kafka_spec, machines
from provisioner.importing.found import Found
from provisioner.importing.kafka import found_kafka
from provisioner.kafka.port import ClusterView, TopicView
from provisioner.kafka.requests.reassignments import Moving
from provisioner.kinds.registry import KINDS, desired
from provisioner.plan import pipeline
from provisioner.plan.model import Plan
from provisioner.plan.rules import Rules, Seen
from provisioner.site.observe import told
from provisioner.spec.load import load
from provisioner.spec.types import Spec
from provisioner.spec.writing import text_of
from tests.unit.importing.views import CLUSTER_ID, dynamic, topic, view

MOST = str(2**63 - 1)
ODD = [
    {},
    {"message.timestamp.after.max.ms": MOST, "message.timestamp.before.max.ms": MOST},
    {"cleanup.policy": "delete,compact"},
    {"cleanup.policy": "compact, delete"},
    {"cleanup.policy": ""},
    {"compression.type": "zstd", "compression.zstd.level": "-131072"},
    {"retention.ms": "-1", "retention.bytes": "9007199254740993"},
    {"min.cleanable.dirty.ratio": "0.05", "preallocate": "True"},
    {"min.insync.replicas": "4"},
    {"leader.replication.throttled.replicas": "0:1", "follower.replication.throttled.replicas": ""},
    {"vendors.own.key": "yes", "another.key": "1e3", "third.key": " 012 "},
    {"unclean.leader.election.enable": "true"},
]
NAMES = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9._-]{0,12}", fullmatch=True) | st.sampled_from(
    ["on", "null", "1e3", "007", "a.b", "_schemas", "-", "..."]
)
REPLICAS = st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=3, unique=True)
TOPICS = st.builds(
    lambda name, replicas, config: topic(name, *replicas, config=config),
    NAMES,
    st.lists(REPLICAS, min_size=1, max_size=4),
    st.sampled_from(ODD),
)
ENTITIES = [
    (("user", "alice"),),
    (("user", None), ("client-id", "a,b=<c> %")),
    (("client-id", None),),
    (("user", "ä'\""), ("client-id", None)),
]
RATES = st.fixed_dictionaries(
    {}, optional={"producer_byte_rate": st.integers(1, 2**53), "request_percentage": st.just(12.5)}
).filter(bool)


def text(seen: ClusterView) -> str:
    kafka = found_kafka(seen, ["kafka1:9092"])
    return text_of(kafka_spec(Found(cluster_name(kafka.cluster_id), kafka)))


def imported(seen: ClusterView) -> Spec:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cluster.yaml"
        path.write_text(text(seen))
        return load(path, env=os.environ)


def plan(spec: Spec, seen: ClusterView) -> Plan:
    rules = Rules(KINDS, {}, False)
    return pipeline.plan(spec, desired(spec, []), told(spec, Seen({}, seen, "")), rules)


def is_empty(found: Plan) -> bool:
    """A throttle that somebody else has set is said, and is no difference."""
    said = [item for item in found.unmanaged if item.id.kind != "throttle"]
    return not any((found.changes, found.deferred, found.refused, found.unread, said))


@settings(max_examples=30, deadline=None)
@given(
    st.lists(TOPICS, max_size=6, unique_by=lambda each: each.name.replace(".", "_")),
    st.dictionaries(st.sampled_from(ENTITIES), RATES, max_size=4),
)
def test_of_any_cluster(topics: list[TopicView], quotas: dict) -> None:  # type: ignore[type-arg]
    configs = {2: {"log.cleaner.threads": dynamic("2"), "a.token": dynamic(None, sensitive=True)}}
    seen = view(
        *topics,
        configs=configs,
        quotas=quotas,
        cluster_config={"min.insync.replicas": "1", "b.token": None},
    )
    found = plan(imported(seen), seen)
    assert is_empty(found), found
    shuffled = replace(seen, topics=tuple(reversed(seen.topics)))
    assert text(shuffled) == text(seen)


def test_a_change_by_hand_is_the_one_difference() -> None:
    seen = view(topic("a"), topic("b", config={"segment.ms": "1"}))
    spec = imported(seen)
    other = replace(seen, topics=(seen.topics[0], topic("b", config={"segment.ms": "2"})))
    (change,) = plan(spec, other).changes
    assert (change.id.name, change.before, change.after) == (
        "b",
        {"segment.ms": "2"},
        {"segment.ms": "1"},
    )


def test_a_topic_in_mid_move_is_where_it_is_going() -> None:
    move = {("a", 0): Moving((1, 2, 3), (3,), (1,))}
    seen = view(topic("a", (1, 2)), moves=move)
    assert "a: {partitions: 1, replication: 2}" in text(seen)
    mixed = view(topic("a", (1, 2), (1,)), moves={("a", 1): Moving((1, 3), (3,), ())})
    assert "a: {partitions: 2, replication: 2}" in text(mixed)
    arrived = view(topic("a", (2, 3)))
    assert is_empty(plan(imported(seen), arrived))
    assert text(arrived) == text(seen)


def test_different_numbers_of_replicas_are_a_placement() -> None:
    seen = view(topic("a", (1, 2), (3,)))
    assert "a: {placement: {0: [1, 2], 1: [3]}}" in text(seen)
    spec = imported(seen)
    assert spec.topics[0].placement == ((1, 2), (3,))
    assert is_empty(plan(spec, seen))


def test_internal_topics_are_left_out() -> None:
    seen = view(topic("__consumer_offsets", internal=True), topic("__mine"), topic("_schemas"))
    spec = imported(seen)
    assert [each.name for each in spec.topics] == ["_schemas"]
    assert is_empty(plan(spec, seen))


def test_a_cluster_without_topics_manages_none() -> None:
    spec = imported(view())
    assert spec.topics_scope == ()
    assert is_empty(plan(spec, view()))


@pytest.mark.parametrize(
    ("brokers", "names"),
    [(("localhost",), ["localhost"]), (("vm2", "vm1", "vm1"), ["vm1", "vm2"]),
     (("fd00::1",), ["broker-1"])],
)  # fmt: skip
def test_the_inventory_has_the_brokers_hosts(brokers: tuple[str, ...], names: list[str]) -> None:
    from provisioner.inventory.files import read_inventory

    seen = view(brokers=range(1, len(brokers) + 1))
    seen = replace(
        seen, brokers=tuple(replace(b, host=h) for b, h in zip(seen.brokers, brokers, strict=True))
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "inventory.yaml"
        path.write_text(text_of(machines(found_kafka(seen, ["kafka1:9092"]))))
        inventory = read_inventory(path)
    assert sorted(inventory.hosts) == names
    assert inventory.problems == []


def test_the_name_is_that_of_the_cluster() -> None:
    assert imported(view()).cluster == "kafka-mku3oevb"
    assert cluster_name("---") == "kafka"
    assert imported(view()).cluster_id == CLUSTER_ID
