"""Topics that are deleted, or made to keep less, on real Kafka: refused, allowed, and never the
wrong one."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from provisioner.kafka.port import KafkaRefused
from provisioner.kafka.requests.configs import AlterTopicConfig
from provisioner.kafka.requests.topics import CreateTopic, DeleteTopic
from tests.real.lab import Lab, Spec, item, lab_of, until
from tests.soak import modes

LONGEST = "9223372036854775807"
DAY = 86_400_000


@pytest.fixture(
    scope="module", params=modes("4.3.1 kraft", soak=("3.9.1 zookeeper", "3.9.1 kraft"))
)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = lab_of(tmp_path_factory.mktemp("made"), request.param)
    try:
        lab.apply()
        yield lab
    finally:
        lab.clean()


@pytest.fixture
def lab(made: Lab) -> Iterator[Lab]:
    yield made
    wanted = set(made.data["topics"])
    with made.cluster() as cluster:
        for name in names(made) - wanted:
            cluster.delete_topic(name)
    until(lambda: names(made) == wanted)


def names(lab: Lab) -> set[str]:
    with lab.cluster() as cluster:
        return {t.name for t in cluster.view().topics if not t.name.startswith("__")}


def topic_id(lab: Lab, name: str) -> str:
    with lab.cluster() as cluster:
        found = cluster.view().topic(name)
        return found.id if found else ""


def create(lab: Lab, *topics: str) -> None:
    with lab.cluster() as cluster:
        for name in topics:
            cluster.send(CreateTopic(name, 2, 3))
    until(lambda: set(topics) <= names(lab))
    with lab.cluster() as cluster:
        until(lambda: all(_whole(cluster, name) for name in topics))


def _whole(cluster: Any, name: str) -> bool:
    topic = cluster.view().topic(name)
    return topic is not None and all(len(p.isr) == 3 for p in topic.partitions)


def absent(*topics: str) -> Any:
    def change(spec: Spec) -> None:
        spec["topics"] |= dict.fromkeys(topics, "absent")

    return change


def read_by(lab: Lab, group: str, topic: str) -> None:
    """A consumer that reads something and commits how far it came."""
    from kafka import KafkaConsumer

    servers = [f"localhost:{port}" for port in lab.ports]
    consumer = KafkaConsumer(
        topic,
        group_id=group,
        bootstrap_servers=servers,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    try:
        until(lambda: consumer.poll(timeout_ms=500))
        consumer.commit()
    finally:
        consumer.close(autocommit=False)


def test_it_is_refused_with_what_is_in_it_and_goes_with_the_word(lab: Lab) -> None:
    create(lab, "old")
    lab.produce("old", [b"x" * 1000] * 30)
    read_by(lab, "billing", "old")
    with lab.changed(absent("old")):
        refused = item(lab.json("plan"), "refused")
        assert (refused["name"], refused["allow"], refused["allow_value"]) == (
            "old",
            "delete-topic",
            "old",
        )
        assert refused["loss"] == {
            "records": 30,
            "bytes": refused["loss"]["bytes"],
            "share": 1.0,
            "readers": ["billing"],
            "written": True,
        }
        assert 30_000 < refused["loss"]["bytes"] < 40_000
        assert item(lab.json("drift", code=2), "refused")["name"] == "old"
        assert item(lab.json("verify", code=2), "refused")["name"] == "old"
        ended = lab.run("apply")
        assert ended.code == 2
        assert "provision apply" in ended.text
        assert "--allow delete-topic=old" in ended.text
        assert "old" in names(lab)
        assert lab.applied("--allow", "delete-topic=old") == [("delete", "topic", "old")]
        assert "old" not in names(lab)
        assert lab.applied() == []
        assert lab.json("drift")["in_sync"] is True


@pytest.mark.soak
def test_a_share_group_is_a_reader(lab: Lab) -> None:
    """Where Kafka has share groups; there is nothing to see where it has none."""
    create(lab, "old")
    if lab.data["kafka"]["version"].startswith("3."):
        with lab.changed(absent("old")):
            assert item(lab.json("plan"), "refused")["loss"]["readers"] == []
        return
    command = [lab.home / "bin/kafka-console-share-consumer.sh", "--topic", "old"]
    command += ["--group", "sharers", "--bootstrap-server", f"localhost:{lab.ports[0]}"]
    environment = os.environ | {"KAFKA_HEAP_OPTS": "-Xmx128m"}
    with (
        lab.changed(absent("old")),
        subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as consumer,
    ):
        try:
            until(lambda: readers(lab) == ["sharers (share)"])
        finally:
            consumer.terminate()


def readers(lab: Lab) -> Any:
    return item(lab.json("plan"), "refused")["loss"]["readers"]


def test_the_policy_deletes_what_is_unmanaged_and_not_protected(lab: Lab) -> None:
    create(lab, "scratch", "_schemas", "prod-1")
    policy = {"unmanaged_topics": "delete", "protect": ["prod-*"]}
    with lab.changed(lambda spec: spec.update(policy=policy)):
        assert item(lab.json("drift", code=2), "refused")["name"] == "scratch"
        assert lab.applied("--allow", "delete-topic") == [("delete", "topic", "scratch")]
        assert names(lab) == {"atu", "purchases", "_schemas", "prod-1"}
        assert lab.applied() == []


def test_a_namesake_made_anew_between_plan_and_apply_survives(lab: Lab) -> None:
    create(lab, "old")
    saved = lab.spec.parent / "saved.plan"
    with lab.changed(absent("old")):
        lab.json("plan", "--allow", "delete-topic=old", "-o", str(saved))
        planned = topic_id(lab, "old")
        with lab.cluster() as cluster:
            cluster.delete_topic("old")
        until(lambda: not topic_id(lab, "old"))
        create(lab, "old")
        anew = topic_id(lab, "old")
        assert anew not in ("", planned)
        other = Lab(saved, lab.home, lab.ports, lab.kraft, lab.data)
        ended = other.run("apply", "--json")
        assert ended.code == 1
        assert ended.document["errors"][0]["code"] == "stale-plan"
        assert topic_id(lab, "old") == anew
    with lab.cluster() as cluster, pytest.raises(KafkaRefused) as refused:
        cluster.send(DeleteTopic("old", planned))
    assert refused.value.code == "UNKNOWN_TOPIC_ID"
    assert "plan again" in str(refused.value)
    assert topic_id(lab, "old") == anew


def test_records_that_came_since_the_plan_do_not_make_it_stale(lab: Lab) -> None:
    create(lab, "old")
    saved = lab.spec.parent / "saved.plan"
    with lab.changed(absent("old")):
        lab.json("plan", "--allow", "delete-topic=old", "-o", str(saved))
        lab.produce("old", [b"x"] * 5)
        other = Lab(saved, lab.home, lab.ports, lab.kraft, lab.data)
        assert other.applied() == [("delete", "topic", "old")]


def aged(lab: Lab, topic: str, old: int, new: int) -> None:
    """Records of ten days ago, and of now, alternating over the partitions."""
    from kafka import KafkaProducer

    now = int(time.time() * 1000)
    producer = KafkaProducer(bootstrap_servers=[f"localhost:{lab.ports[0]}"], acks="all")
    try:
        for number in range(old + new):
            at = now - 10 * DAY if number < old else now
            producer.send(topic, b"x" * 100, partition=number % 3, timestamp_ms=at).get(60)
    finally:
        producer.close()


def kept_for(milliseconds: int, **more: Any) -> Any:
    def change(spec: Spec) -> None:
        config = {"retention.ms": milliseconds, **more}
        spec["topics"]["purchases"] = {"partitions": 3, "replication": 3, "config": config}

    return change


def test_a_shorter_retention_is_refused_then_allowed_and_then_in_sync(lab: Lab) -> None:
    with lab.cluster() as cluster:
        cluster.send(AlterTopicConfig("purchases", {"retention.ms": "-1"}))
    aged(lab, "purchases", old=90, new=30)
    try:
        with lab.changed(kept_for(20 * DAY)):
            change = item(lab.json("drift", code=2), "changes")
            assert (change["name"], change["effect"]) == ("purchases", "none")
        with lab.changed(kept_for(DAY, **{"segment.ms": 777_777})):
            plan = lab.json("plan")
            refused = item(plan, "refused")
            assert (refused["allow"], refused["effect"]) == ("data-loss", "loss")
            assert refused["loss"]["records"] == 90
            assert refused["loss"]["share"] == pytest.approx(0.75)
            assert refused["loss"]["bytes"] > 90 * 100
            ended = lab.json("apply", code=2)
            assert item(ended, "applied")["action"] == "update"
            assert overrides(lab) == {"retention.ms": "-1", "segment.ms": "777777"}
            assert lab.applied("--allow", "data-loss") == [("update", "topic", "purchases")]
            assert overrides(lab) == {"retention.ms": str(DAY), "segment.ms": "777777"}
            assert lab.applied() == []
            assert lab.json("verify")["in_sync"] is True
    finally:
        with lab.cluster() as cluster:
            cluster.send(AlterTopicConfig("purchases", {}, ["retention.ms", "segment.ms"]))
        until(lambda: not overrides(lab))


def overrides(lab: Lab) -> dict[str, str]:
    with lab.cluster() as cluster:
        topic = cluster.view().topic("purchases")
        assert topic is not None
        return dict(topic.config)


def test_odd_values_are_what_kafka_makes_of_them(lab: Lab) -> None:
    """Set by us in one spelling, found in sync in Kafka's, or in another spelling of ours."""
    odd = {
        "cleanup.policy": "compact,delete",
        "min.cleanable.dirty.ratio": "0.50",
        "message.timestamp.before.max.ms": LONGEST,
        "max.compaction.lag.ms": LONGEST,
        "preallocate": False,
    }
    try:
        with lab.changed(kept_for(7 * DAY, **odd)):
            assert lab.applied() == [("update", "topic", "purchases")]
            assert lab.json("drift")["in_sync"] is True
        other = odd | {"cleanup.policy": "delete, compact", "min.cleanable.dirty.ratio": "5e-1"}
        with lab.changed(kept_for(7 * DAY, **other)):
            assert lab.json("drift")["in_sync"] is True
        with lab.cluster() as cluster:
            less = str(int(LONGEST) - 1)
            cluster.send(AlterTopicConfig("purchases", {"max.compaction.lag.ms": less}))
            until(lambda: overrides(lab)["max.compaction.lag.ms"] == less)
        with lab.changed(kept_for(7 * DAY, **odd)):
            change = item(lab.json("drift", code=2), "changes")
            assert change["fields"] == ["max.compaction.lag.ms"]
    finally:
        with lab.cluster() as cluster:
            cluster.send(AlterTopicConfig("purchases", {}, list(overrides(lab))))
        until(lambda: not overrides(lab))


@pytest.mark.soak
def test_where_kafka_deletes_nothing_the_reason_is_said(made: Lab) -> None:
    """``delete.topic.enable`` is false on the brokers: the last test, for it bounces them."""
    create(made, "old")

    def change(spec: Spec) -> None:
        absent("old")(spec)
        spec["defaults"]["config"]["delete.topic.enable"] = False

    with made.changed(change):
        ended = made.json("apply", "--allow", "delete-topic=old", code=2)
        assert {(c["kind"], c["action"]) for c in ended["applied"]} >= {("service", "restart")}
        failed = item(ended, "failed")
        assert (failed["kind"], failed["name"]) == ("topic", "old")
        assert "delete.topic.enable is false on the brokers" in failed["message"]
    assert "old" in names(made)
