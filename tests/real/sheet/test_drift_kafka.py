"""What was changed in Kafka itself: topics, their configuration, dynamic values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.topics import CreatePartitions, CreateTopic
from tests.kafka_client import Both
from tests.real.lab import Lab, item, until

Seen = Callable[[Both], bool]


def kafka(lab: Lab, change: Callable[[Both], Any], seen: Seen) -> None:
    """Changes something and waits until Kafka shows it."""
    with lab.cluster() as cluster:
        change(cluster)
        until(lambda: seen(cluster))


def partitions(cluster: Both) -> dict[str, int]:
    return {t.name: len(t.partitions) for t in cluster.view().topics}


def config(cluster: Both, topic: str) -> dict[str, str]:
    (found,) = [dict(t.config) for t in cluster.view().topics if t.name == topic]
    return found


def value(cluster: Both, broker: int, key: str) -> str | None:
    """The effective value."""
    return cluster.view().broker_configs[broker][key].value


def test_a_deleted_topic_is_made_again(lab: Lab) -> None:
    pids = lab.pids_now()
    kafka(lab, lambda c: c.delete_topic("purchases"), lambda c: "purchases" not in partitions(c))
    change = item(lab.json("drift", code=2), "changes")
    assert (change["kind"], change["name"], change["action"]) == ("topic", "purchases", "create")
    assert change["before"] is None
    assert change["after"]["partitions"] == 3
    assert change["after"]["retention.ms"] == "604800000"
    assert lab.applied() == [("create", "topic", "purchases")]
    assert lab.pids_now() == pids


def test_partitions_given_to_a_topic_cannot_be_taken_away(lab: Lab) -> None:
    def more(cluster: Both) -> None:
        cluster.send(CreatePartitions("atu", 2))

    kafka(lab, more, lambda c: partitions(c)["atu"] == 2)
    try:
        cluster = lab.json("drift", code=2)
        refused = item(cluster, "refused")
        assert (refused["kind"], refused["name"], refused["allow"]) == ("topic", "atu", None)
        assert (refused["before"], refused["after"]) == ({"partitions": 2}, {"partitions": 1})
        assert "partitions: 2" in refused["reason"], "the way out"
        assert not cluster["changes"]
        done = lab.json("apply", code=2)
        assert done["applied"] == []
        assert item(done, "refused") == refused
    finally:
        kafka(lab, lambda c: c.delete_topic("atu"), lambda c: "atu" not in partitions(c))
        lab.apply()


@pytest.mark.parametrize(
    ("values", "dropped", "before"),
    [({"retention.ms": "1000"}, [], "1000"), ({}, ["retention.ms"], None)],
    ids=["changed", "removed"],
)
def test_a_topics_configuration_is_put_back(
    lab: Lab, values: dict[str, str], dropped: list[str], before: str | None
) -> None:
    def alter(cluster: Both) -> None:
        cluster.send(AlterTopicConfig("purchases", values, dropped))

    kafka(lab, alter, lambda c: config(c, "purchases").get("retention.ms") == before)
    change = item(lab.json("drift", code=2), "changes")
    assert (change["kind"], change["name"], change["action"]) == ("topic", "purchases", "update")
    assert change["before"] == {"retention.ms": before}
    assert change["after"] == {"retention.ms": "604800000"}
    assert lab.applied() == [("update", "topic", "purchases")]
    with lab.cluster() as cluster:
        assert config(cluster, "purchases")["retention.ms"] == "604800000"


def test_what_the_spec_does_not_know_is_reported_and_left(lab: Lab) -> None:
    def add(cluster: Both) -> None:
        cluster.send(CreateTopic("scratch", 2, 1))
        cluster.send(AlterTopicConfig("purchases", {"max.message.bytes": "2000000"}))
        cluster.send(AlterBrokerConfig(1, {"num.network.threads": "4"}))

    kafka(
        lab, add, lambda c: "scratch" in partitions(c) and value(c, 1, "num.network.threads") == "4"
    )
    try:
        for words, code in ((["drift"], 0), (["drift", "--strict"], 2), (["apply"], 0)):
            cluster = lab.json(*words, code=code)
            found = {(u["kind"], u["name"]): u.get("fields") for u in cluster["unmanaged"]}
            assert found == {
                ("topic", "scratch"): None,
                ("topic", "purchases"): ["max.message.bytes"],
                ("broker-config", "broker-1"): ["num.network.threads"],
            }
            assert not cluster["changes"]
            assert not cluster["applied"]
    finally:

        def remove(cluster: Both) -> None:
            cluster.delete_topic("scratch")
            cluster.send(AlterTopicConfig("purchases", {}, ["max.message.bytes"]))
            cluster.send(AlterBrokerConfig(1, delete=["num.network.threads"]))

        kafka(lab, remove, lambda c: "scratch" not in partitions(c))


@pytest.mark.parametrize("broker", [1, None], ids=["of one broker", "of the cluster"])
def test_a_dynamic_value_that_hides_the_files_is_taken_away(lab: Lab, broker: int | None) -> None:
    pids = lab.pids_now()

    def hide(cluster: Both) -> None:
        cluster.send(AlterBrokerConfig(broker, {"num.io.threads": "7"}))

    kafka(lab, hide, lambda c: value(c, 1, "num.io.threads") == "7")
    change = item(lab.json("drift", code=2), "changes")
    name = "cluster" if broker is None else f"broker-{broker}"
    assert (change["kind"], change["name"]) == ("broker-config", name)
    assert (change["before"], change["after"]) == (
        {"num.io.threads": "7"},
        {"num.io.threads": None},
    )
    assert lab.applied() == [("update", "broker-config", name)]
    assert lab.pids_now() == pids
    with lab.cluster() as cluster:
        assert {value(cluster, id, "num.io.threads") for id in (0, 1, 2)} == {"5"}


def test_topics_of_the_cluster_that_are_regretted_are_warned_of(lab: Lab) -> None:
    """Kafka's own numbers: the replicas of each topic, its settings, the size of its disks."""
    great = {"retention.bytes": str(10**17), "unclean.leader.election.enable": "true"}

    def add(cluster: Both) -> None:
        cluster.send(CreateTopic("scratch", 2, 2, {"min.insync.replicas": "2"}))
        cluster.send(CreateTopic("great", 2, 1, great))

    kafka(lab, add, lambda c: {"scratch", "great"} <= partitions(c).keys())
    try:
        for verb in ("plan", "drift"):
            cluster = lab.json(verb)
            said = [w["message"] for w in cluster["warnings"]]
            for words in (
                "topic scratch has 2 replicas and needs all of them in sync",
                "topic great has one copy of each partition though there are 3 brokers",
                "unclean.leader.election.enable is true for topic great",
                "topic great may keep 200.0 PB",
            ):
                assert len([s for s in said if s.startswith(words)]) == 1, said
            # that of the file has its place
            (atu,) = [w for w in cluster["warnings"] if w["message"].startswith("topic atu ")]
            assert atu["file"] == str(lab.spec)
            assert atu["line"] > 1
    finally:

        def remove(cluster: Both) -> None:
            cluster.delete_topic("scratch")
            cluster.delete_topic("great")

        kafka(lab, remove, lambda c: not {"scratch", "great"} & partitions(c).keys())


@pytest.mark.soak
def test_a_topic_of_fewer_copies_gets_them(lab: Lab) -> None:
    def less(cluster: Both) -> None:
        cluster.delete_topic("purchases")
        # At once: a topic that is on its way out is waited for.
        cluster.send(
            CreateTopic(
                "purchases", 3, 1, {"retention.ms": "604800000", "min.insync.replicas": "2"}
            )
        )

    kafka(lab, less, lambda c: partitions(c).get("purchases") == 3)
    change = item(lab.json("drift", code=2), "changes", kind="placement")
    assert (change["name"], change["effect"]) == ("purchases", "move")
    assert {len(replicas) for replicas in change["after"].values()} == {3}
    done = [(action, kind) for action, kind, _ in lab.applied()]
    assert done == [("create", "throttle"), ("update", "placement"), ("delete", "throttle")]
    assert lab.applied() == []
