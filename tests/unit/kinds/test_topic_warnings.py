"""Warnings about the cluster as it is: pure functions of Kafka's view."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner.kafka.port import (
    STATIC,
    BrokerView,
    ClusterView,
    ConfigEntry,
    DiskView,
    PartitionView,
    TopicView,
)
from provisioner.kinds.registry import KINDS
from provisioner.notices import few
from provisioner.spec.load import load
from provisioner.spec.types import Spec

LAB = Path(__file__).parents[1] / "plan" / "specs" / "lab.yaml"
RACKS = {0: "a", 1: "b", 2: "a", 3: "c"}


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load(LAB, env={})


def topic(name: str, *replicas: tuple[int, ...], **more: Any) -> TopicView:
    partitions = [PartitionView(n, ids[0], ids, ids) for n, ids in enumerate(replicas)]
    return TopicView(name, False, tuple(partitions), **more)


def view(*topics: TopicView, racks: bool = False, **more: Any) -> ClusterView:
    brokers = [BrokerView(id, "h", 9092, rack if racks else None) for id, rack in RACKS.items()]
    return ClusterView("c", 0, tuple(brokers), topics, **more)


def told(seen: ClusterView, spec: Spec) -> list[str]:
    found = [rule for kind in KINDS.values() for rule in kind.warnings(seen, spec)]
    return [notice.message for notice in few(found, lambda notice: notice)]


WHOLE = topic("good", (0, 1, 3), (1, 3, 0))
GB = 10**9
DISKS = {id: (DiskView(100 * GB, (50 + id) * GB),) for id in RACKS}


def unclean() -> dict[int, dict[str, ConfigEntry]]:
    entry = ConfigEntry("true", STATIC, False, False)
    return {1: {"unclean.leader.election.enable": entry}}


CASES = {
    "one copy": (view(topic("t", (1,), (2,))), "topic t has one copy", "replication: 3"),
    "a topic of Kafka's own": (
        view(replace(topic("__consumer_offsets", (1,)), internal=True)),
        "__consumer_offsets has one copy",
        "replication: 3",
    ),
    "all in sync": (
        view(topic("t", (0, 1), min_isr=2)),
        "needs all of them in sync:",
        "min.insync.replicas: 1",
    ),
    "the minimum is above": (
        view(topic("t", (0, 1), min_isr=3)),
        "(3, which Kafka takes as 2)",
        "min.insync.replicas: 1",
    ),
    "more replicas than racks": (
        view(topic("t", (0, 1, 2, 3)), racks=True),
        "4 replicas of each partition on 3 racks",
        "replication: 3",
    ),
    "replicas that share a rack": (
        view(topic("t", (0, 1, 3), (0, 2, 1), (2, 0, 3)), racks=True),
        "2 partitions have several replicas on one rack though there are 3 racks "
        "(partition 1 on brokers 0, 2, 1)",
        "place them on different racks",
    ),
    "different replication factors": (
        view(topic("t", (0, 1), (0, 1, 3))),
        "partitions with 2 and with 3 replicas (partition 0 and 1)",
        "replication: 3",
    ),
    "unclean election of a topic": (
        view(topic("t", (0, 1, 3), config={"unclean.leader.election.enable": "true"})),
        "is true for topic t",
        "write false",
    ),
    "unclean election of a broker": (
        view(WHOLE, broker_configs=unclean()),
        "of its own that broker-1 leads",
        "write false",
    ),
    "names that collide": (
        view(topic("a.b", (0, 1, 3)), topic("a_b", (0, 1, 3))),
        "topics a_b and a.b have the same name in metrics",
        "rename or delete one",
    ),
    "one topic's retention": (
        view(topic("t", (0, 1, 3), config={"retention.bytes": str(200 * GB)}), disks=DISKS),
        "topic t may keep 600.0 GB (retention.bytes × partitions × replicas), and all disks of the "
        "cluster have 400.0 GB",
        f"write retention.bytes: {400 * GB // 3} or less",
    ),
    "the retention of several": (
        view(
            topic("t", (0, 1, 3), config={"retention.bytes": str(100 * GB)}),
            topic("u", (0, 1), config={"retention.bytes": str(100 * GB)}),
            disks=DISKS,
        ),
        "topics may keep 500.0 GB in all",
        "the most is of topic t",
    ),
    "too many partitions": (
        view(topic("t", *[(0, 1, 3)] * 4001)),
        "12,003 partition replicas on 4 brokers are more than 4,000 a broker",
        "write fewer partitions",
    ),
}


@pytest.mark.parametrize(("seen", "happens", "instead"), CASES.values(), ids=CASES)
def test_one_line_a_topic(seen: ClusterView, happens: str, instead: str, spec: Spec) -> None:
    (message,) = told(seen, spec)
    assert happens in message
    assert instead in message


@pytest.mark.parametrize(
    "seen",
    [
        view(WHOLE),
        view(WHOLE, racks=True),
        view(topic("t", (0, 1, 3), min_isr=2)),
        # nobody limits it by size, or the size of one disk is not known
        view(topic("t", (0, 1, 3)), disks=DISKS),
        view(
            topic("t", (0, 1, 3), config={"retention.bytes": str(900 * GB)}),
            disks={**DISKS, 3: ()},
        ),
        # compacted topics are not limited by size
        view(
            topic(
                "t",
                (0, 1, 3),
                config={"retention.bytes": str(900 * GB), "cleanup.policy": "compact"},
            ),
            disks=DISKS,
        ),
        view(topic("t", *[(0, 1, 3)] * 4000)),
    ],
)
def test_what_is_well_is_not_warned_of(seen: ClusterView, spec: Spec) -> None:
    assert told(seen, spec) == []


def test_a_topic_of_the_spec_has_its_line_and_is_said_once(spec: Spec) -> None:
    """``atu`` is written with one copy: that is said of the file. ``purchases`` is not."""
    wanted = {topic.name: topic for topic in spec.topics}
    once = [t for t in spec.topics if t.replication == 1]
    assert told(view(*[topic(t.name, (0,)) for t in once]), spec) == []
    more = next(t for t in spec.topics if t.replication > 1)
    found = KINDS["topic"].warnings(view(topic(more.name, (0,))), spec)
    (notice,) = [notice for rule in found for notice in rule.items]
    assert (notice.file, notice.line) == (spec.file, wanted[more.name].line)


def test_log_dirs_on_one_disk_count_once(spec: Spec) -> None:
    """The lab's brokers are on one host; equal sizes and equal free space are one disk."""
    one = {id: (DiskView(100 * GB, 50 * GB),) * 2 for id in (0, 1, 2)}
    brokers = tuple(BrokerView(id, "h", 9092) for id in (0, 1, 2))
    limits = topic("t", (0, 1, 2), config={"retention.bytes": str(40 * GB)})
    seen = replace(view(limits, disks=one), brokers=brokers)
    (message,) = told(seen, spec)
    assert "have 100.0 GB" in message


def test_hundreds_of_topics_are_counted(spec: Spec) -> None:
    names = [topic(f"t{n}", (0,), (1,)) for n in range(399)]
    found = told(view(*names, topic("u", (0, 1), min_isr=2)), spec)
    assert len(found) == 21
    assert found[-1] == "and 380 more: 380 with one copy of each partition"
