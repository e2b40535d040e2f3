"""Replicas move under a producer: more and fewer, ended in the middle, beside a stranger."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.features import Level, UpdateFeature
from provisioner.kafka.requests.reassignments import Reassign
from provisioner.kafka.requests.topics import CreateTopic
from tests.real.lab import Lab, item, items, kraft_lab, shown, until, zookeeper_lab
from tests.real.moving import (
    LISTS,
    PIECE,
    RATES,
    SLOW,
    begun,
    is_up,
    kill,
    ongoing,
    replicas,
    replicated,
    start_by_hand,
    throttles,
    topic_of,
    with_topic,
)
from tests.soak import modes


@pytest.fixture(scope="module", params=modes("kraft", soak=("zookeeper",)))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp(request.param)
    lab = zookeeper_lab(folder) if request.param == "zookeeper" else kraft_lab(folder, brokers=3)
    try:
        lab.apply()
        yield lab
    finally:
        lab.clean()


@pytest.fixture
def lab(made: Lab, request: pytest.FixtureRequest) -> Iterator[Lab]:
    with with_topic(made, request.function.__name__[5:25].replace("_", "-")) as lab:
        yield lab


def test_more_and_fewer_while_a_producer_writes(lab: Lab) -> None:
    topic, pids = topic_of(lab), lab.pids_now()
    with lab.cluster() as cluster:
        traffic = cluster.producer(topic)
        try:
            with replicated(lab, 3):
                drift = lab.json("drift", code=2)
                assert item(drift, "changes", kind="placement")["effect"] == "move"
                assert [c["kind"] for c in drift["changes"]] == ["throttle", "placement"]
                done = [(action, kind) for action, kind, _ in lab.applied()]
                assert done == [
                    ("create", "throttle"),
                    ("update", "placement"),
                    ("delete", "throttle"),
                ]
                assert replicas(lab) == [3, 3, 3]
                assert lab.applied() == []
            with replicated(lab, 2):
                refused = item(lab.json("apply", code=2), "refused")
                assert (refused["kind"], refused["allow"]) == ("placement", "shrink-replicas")
                assert replicas(lab) == [3, 3, 3]
                assert lab.applied("--allow", "shrink-replicas") == [("update", "placement", topic)]
                assert replicas(lab) == [2, 2, 2]
                assert lab.json("verify")["in_sync"] is True
        finally:
            traffic.stop(30.0)
        acked = [sent.value for sent in traffic.acked()]
        assert not traffic.failed()
        assert len(acked) > 100
        read = [record.value for record in cluster.consume(topic, seconds=60)]
    assert set(acked) <= set(read)
    assert len(read) == len(set(read) - {PIECE}) + 120
    assert lab.pids_now() == pids


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(signal.SIGKILL, id="killed"),
        pytest.param(signal.SIGINT, id="interrupted", marks=pytest.mark.soak),
    ],
)
def test_ended_in_the_middle_it_goes_on_and_is_finished(lab: Lab, how: signal.Signals) -> None:
    with replicated(lab, 2, **SLOW):
        running = begun(lab)
        os.kill(running.pid, how)
        answer = lab.answer(running)
        if how is signal.SIGINT:
            assert answer.code == 130, answer
        assert set(throttles(lab).values()) > {"1000000"}
        lab.apply()
        assert not throttles(lab)
        assert replicas(lab) == [2, 2, 2]
        assert lab.applied() == []


@contextlib.contextmanager
def moved_by_somebody(lab: Lab) -> Iterator[dict[str, str]]:
    """With partition 0 on its way to another broker, slowly; gives the limits that were set."""
    topic = topic_of(lab)
    with lab.cluster() as cluster:
        (partition, *_) = cluster.view().topic(topic).partitions
        old = partition.replicas
        other = next(id for id in range(3) if id not in old)
        lists = dict(zip(LISTS, (f"0:{old[0]}", f"0:{other}"), strict=True))
        cluster.send(AlterTopicConfig(topic, lists))
        for broker in (old[0], other):
            cluster.send(AlterBrokerConfig(broker, dict.fromkeys(RATES, "20000")))
        cluster.send(Reassign(topic, {0: (other,)}))
    yield until(lambda: (found := throttles(lab)) and len(found) == 6 and found)
    with lab.cluster() as cluster:
        cluster.send(Reassign(topic, {0: None}))
        cluster.send(AlterTopicConfig(topic, {}, LISTS))
        for broker in (old[0], other):
            cluster.send(AlterBrokerConfig(broker, {}, RATES))
    until(lambda: not ongoing(lab) and not throttles(lab))


def test_what_somebody_else_moves_is_not_known_and_not_touched(lab: Lab) -> None:
    topic = topic_of(lab)
    with moved_by_somebody(lab) as set_by_hand:
        drift = lab.json("drift", code=3)
        unknown = item(drift, "unknown")
        assert (unknown["kind"], unknown["name"]) == ("placement", topic)
        assert "somebody else is moving replicas of partition 0" in unknown["reason"]
        assert {u["kind"] for u in items(drift, "unmanaged")} == {"throttle"}
        assert lab.json("apply", code=3)["applied"] == []
        assert throttles(lab) == set_by_hand
        assert set(ongoing(lab)) == {(topic, 0)}


FEATURE = "streams.version"


def test_a_saved_plan_names_all_that_moved_and_holds_when_nothing_did(lab: Lab) -> None:
    """A topic deleted and made anew, a stranger's move, a feature raised, a value set by hand."""
    topic, file = topic_of(lab), lab.spec.parent / "saved.plan"

    def more(spec: Any) -> None:
        spec["topics"][topic]["replication"] = 2
        for name in ("atu", "purchases"):
            kept = {"config": {"retention.ms": 86_400_000}}
            spec["topics"][name] = {**spec["topics"][name], **kept}
        if lab.kraft:
            spec["features"] = {FEATURE: 1}

    if lab.kraft:
        raised_to(lab, 0)
    with lab.changed(more):
        saved = replace(lab, spec=file)
        lab.json("plan", "--out", str(file))
        before = topics_ids(lab)["atu"]
        with lab.cluster() as cluster:
            cluster.delete_topic("atu")
            until(lambda: "atu" not in topics_ids(lab))
            cluster.send(CreateTopic("atu", 1, 1))
            cluster.send(AlterTopicConfig("purchases", {"retention.ms": "7200000"}))
        if lab.kraft:
            raised_to(lab, 1)
        pids = lab.pids_now()
        with moved_by_somebody(lab) as limits:
            done = saved.run("apply", "--json")
            assert done.code == 1, shown(done)
            (error,) = done.document["errors"]
            assert error["code"] == "stale-plan"
            for what in (
                f"topic atu: topic id was {before}, is {topics_ids(lab)['atu']}",
                "topic purchases: retention.ms was not set, is 7200000",
                f"placement {topic}: what it is now is not known: somebody else is moving",
                *([f"finalised level of {FEATURE} was 0, is 1"] if lab.kraft else []),
            ):
                assert what in error["message"], error["message"]
            assert (throttles(lab), lab.pids_now()) == (limits, pids), "nothing was done"
            assert set(ongoing(lab)) == {(topic, 0)}
        with lab.cluster() as cluster:
            assert "retention.ms" not in cluster.view().topic("atu").config
        lab.json("plan", "--out", str(file))
        lab.produce(topic, [PIECE] * 30)
        done_now = {kind for _, kind, _ in saved.applied()}
        assert done_now == {"topic", "placement", "throttle"}
        assert replicas(lab) == [2, 2, 2]
        assert saved.run("apply", "--json").code == 1, "it is done"
    with lab.cluster() as cluster:
        for name in ("atu", "purchases"):
            cluster.send(AlterTopicConfig(name, {}, ["retention.ms"]))


def topics_ids(lab: Lab) -> dict[str, str]:
    with lab.cluster() as cluster:
        return {topic.name: topic.id for topic in cluster.liveness().topics}


def raised_to(lab: Lab, level: int) -> None:
    """By hand."""
    with lab.cluster() as cluster:
        cluster.send(UpdateFeature(Level(FEATURE, level, lower=level == 0)))


@pytest.mark.soak
def test_the_controller_dies_in_the_middle_and_comes_back(lab: Lab) -> None:
    """With it a broker that replicas move to or from. There is enough to move that it is back
    before the last has arrived."""
    lab.produce(topic_of(lab), [PIECE] * 480)
    with replicated(lab, 2, **SLOW):
        running = begun(lab, "--json")
        old = controller(lab)
        kill(lab, old)
        until(lambda: controller(lab) not in (None, old) and not is_up(lab, old))
        start_by_hand(lab, old)
        answer = lab.answer(running)
        assert answer.code == 0, shown(answer)
        assert replicas(lab) == [2, 2, 2]
        assert not throttles(lab)
        assert lab.applied() == []


def controller(lab: Lab) -> Any:
    with lab.cluster() as cluster:
        return cluster.liveness().controller


@pytest.mark.soak
def test_a_topic_that_is_deleted_meanwhile_ends_its_move(lab: Lab) -> None:
    topic = topic_of(lab)
    with replicated(lab, 2, **SLOW):
        running = begun(lab)
        with lab.cluster() as cluster:
            cluster.delete_topic(topic)
        answer = lab.answer(running)
        assert "Traceback" not in answer.text + answer.progress
        lab.apply()
        assert not throttles(lab)
        assert replicas(lab) == [2, 2, 2]


@pytest.mark.soak
def test_partitions_and_replicas_in_one_edit(lab: Lab) -> None:
    def change(spec: Any) -> None:
        spec["topics"][topic_of(lab)] |= {
            "partitions": 5,
            "replication": 3,
            "config": {"min.insync.replicas": 2},
        }

    with lab.changed(change):
        done = [(action, kind) for action, kind, _ in lab.applied()]
        assert done[0] == ("update", "topic")
        assert set(done[-2:]) == {("update", "topic"), ("delete", "throttle")}
        assert replicas(lab) == [3] * 5
        assert lab.applied() == []


def test_abort_takes_it_back_and_the_next_apply_begins_again(lab: Lab) -> None:
    """There is enough to move that it is still under way when the two commands come to it."""
    lab.produce(topic_of(lab), [PIECE] * 600)
    with replicated(lab, 2, **SLOW):
        running = begun(lab)
        os.kill(running.pid, signal.SIGKILL)
        lab.answer(running)
        status = lab.json("status")
        assert {(move["topic"], move["ours"]) for move in status["moves"]} == {
            (topic_of(lab), True)
        }
        assert status["throttles"]
        aborted = lab.json("abort")
        assert [c["kind"] for c in aborted["applied"]] == ["placement", "throttle"]
        assert not ongoing(lab)
        assert not throttles(lab)
        assert replicas(lab) == [1, 1, 1]
        assert lab.json("abort")["applied"] == []
    with replicated(lab, 2):
        lab.apply()
        assert replicas(lab) == [2, 2, 2]
