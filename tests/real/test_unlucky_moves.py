"""What may go wrong while replicas move, and afterwards a state that the next run understands."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from provisioner.kafka.port import KafkaUnavailable, PartitionView
from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.topics import CreateTopic
from provisioner.kinds.quota.requests import AlterQuota
from tests.real.kafka_processes import free_ports
from tests.real.lab import Lab, Spec, item, items, kraft_lab, shown, until
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

ROOT = os.getuid() == 0
SIZE = 256 << 20
QUICK = {"broker.session.timeout.ms": 4000, "broker.heartbeat.interval.ms": 500}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A controller of its own, so that brokers may die; broker 2 has a small disk."""
    lab = kraft_lab(tmp_path_factory.mktemp("unlucky"))
    (port,) = free_ports(1)
    lab.data["controllers"] = [{"id": 100, "host": "localhost", "port": port}]
    lab.data["defaults"]["config"].update(QUICK, **{"replica.lag.time.max.ms": 5000})
    lab.data["topics"] = {"atu": {"partitions": 1, "replication": 1}}
    lab.write()
    with small_disk(lab.home / "logs-2"):
        try:
            lab.apply()
            yield lab
        finally:
            lab.clean()


@contextlib.contextmanager
def small_disk(path: Path) -> Iterator[None]:
    """Only root can mount one."""
    path.mkdir(parents=True)
    if ROOT:
        options = f"size={SIZE},mode=0750"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], check=True)
    try:
        yield
    finally:
        if ROOT:
            subprocess.run(["umount", "-l", path], check=True)


def placed(*replicas: int) -> Any:
    """The one partition of the topic is to be there."""

    def change(spec: Spec) -> None:
        name = next(name for name in spec["topics"] if name.startswith("moved-"))
        spec["topics"][name] = {"placement": {0: list(replicas)}}
        spec["policy"] = SLOW

    return change


def partition(lab: Lab) -> PartitionView:
    with lab.cluster() as cluster:
        topic = cluster.liveness().topic(topic_of(lab))
    assert topic is not None
    return topic.partitions[0]


def seen(lab: Lab) -> PartitionView | None:
    """None while those that answer have not noticed that a broker died."""
    try:
        return partition(lab)
    except (KafkaUnavailable, AssertionError):
        return None


def test_the_target_dies_and_comes_back(lab: Lab) -> None:
    with with_topic(lab, "back", placement={0: [0]}), lab.changed(placed(0, 1)):
        running = begun(lab, "--json")
        kill(lab, 1)
        until(lambda: not is_up(lab, 1))
        start_by_hand(lab, 1)
        ended = lab.answer(running)
        assert ended.code == 0, shown(ended)
        assert partition(lab).replicas == (0, 1)
        assert not throttles(lab)


@pytest.mark.soak
def test_the_target_dies_and_does_not_come_back(lab: Lab) -> None:
    """The next run waits for a broker that it starts; one that nobody starts is replaced."""

    def given_up(spec: Spec) -> None:
        spec["topics"][topic_of(lab)] = {"partitions": 1, "replication": 2}
        spec["brokers"][1]["hold"] = "its machine is gone"

    with with_topic(lab, "gone", placement={0: [0]}):
        with lab.changed(placed(0, 1)):
            running = begun(lab)
            kill(lab, 1)
            os.kill(running.pid, signal.SIGINT)
            assert lab.answer(running).code == 130
            until(lambda: not is_up(lab, 1))
            waits = item(lab.json("drift", code=2), "deferred", kind="placement")
            assert waits["reason"] == "partition 0 moving to broker-1, which is not up"
        with lab.changed(given_up):
            done = lab.json("apply", code=None)
            assert not done["failed"]
            assert {c["kind"] for c in done["applied"]} >= {"placement", "throttle"}
            assert partition(lab).replicas == (0, 2)
            assert not ongoing(lab)
            assert not throttles(lab)
        with lab.changed(placed(0, 2)):
            # the limit that the dead one had is found when it is back
            done = lab.json("apply")
            assert ("start", "broker-1") in [(c["action"], c["name"]) for c in done["applied"]]
            assert not throttles(lab)


@pytest.mark.soak
def test_a_source_that_dies_keeps_its_throttle_until_it_is_back(lab: Lab) -> None:
    with with_topic(lab, "source", placement={0: [0, 1]}), lab.changed(placed(1, 2)):
        running = begun(lab, "--json")
        kill(lab, 0)
        until(lambda: running.poll() is not None or (not ongoing(lab) and not throttles(lab)))
        if running.poll() is None:  # it waits for the broker, which nobody starts
            os.kill(running.pid, signal.SIGINT)
        assert lab.answer(running).code in (2, 3, 130)
        until(lambda: not is_up(lab, 0))
        done = lab.json("apply")
        assert ("start", "broker-0") in [(c["action"], c["name"]) for c in done["applied"]]
        assert ("delete", "throttle") in [(c["action"], c["kind"]) for c in done["applied"]]
        assert partition(lab).replicas == (1, 2)
        assert not throttles(lab)
        assert lab.applied() == []


@pytest.mark.soak
def test_a_cancel_that_would_be_unclean_is_refused_in_words(lab: Lab) -> None:
    """The old replica is away, and of the new ones only one has arrived."""
    with with_topic(lab, "unclean", placement={0: [0]}), lab.changed(placed(1, 2)):
        running = begun(lab)
        os.kill(running.pid, signal.SIGKILL)
        kill(lab, 2)
        lab.answer(running)
        until(lambda: (now := seen(lab)) and 1 in now.isr)
        kill(lab, 0)
        until(lambda: (now := seen(lab)) and now.leader == 1)
        aborted = lab.json("abort", code=2)
        failed = item(aborted, "failed")
        assert failed["kind"] == "placement"
        assert "unclean leader election" in failed["message"]
        assert [c["kind"] for c in aborted["not_started"]] == ["throttle"]
        assert ongoing(lab)
        assert throttles(lab)
        lab.apply()
        assert partition(lab).replicas == (1, 2)
        assert not throttles(lab)


@pytest.mark.soak
def test_a_throttle_that_somebody_removes_is_set_again(lab: Lab) -> None:
    with with_topic(lab, "removed", placement={0: [0]}), lab.changed(placed(0, 1)):
        running = begun(lab, "--json")
        with lab.cluster() as cluster:
            cluster.send(AlterTopicConfig(topic_of(lab), {}, LISTS))
            for broker in (0, 1):
                cluster.send(AlterBrokerConfig(broker, {}, RATES))
        until(lambda: len(throttles(lab)) == 6)
        ended = lab.answer(running)
        assert ended.code == 0, shown(ended)
        assert "somebody removed the replication throttle of broker-" in ended.progress
        assert not throttles(lab)


@pytest.mark.soak
def test_a_rate_below_what_is_written_is_raised(lab: Lab) -> None:
    """Else the new replica would never catch up: Kafka lets ten seconds' worth through at once, and
    then less than is written."""
    with with_topic(lab, "busy", placement={0: [0]}), lab.changed(placed(0, 1)):
        lab.produce(topic_of(lab), [PIECE] * 120)
        with written_to(lab, topic_of(lab)):
            ended = lab.run("apply", "--json")
        assert ended.code == 0, shown(ended)
        said = r"the rate of 1\.0 MB/s is below 1\.5 × the \d+\.\d MB/s"
        assert re.search(said, ended.progress), shown(ended)
        assert not throttles(lab)


@contextlib.contextmanager
def written_to(lab: Lab, topic: str) -> Iterator[None]:
    """About 2 MB/s, for as long as the block lasts."""
    from kafka import KafkaProducer

    ended = threading.Event()
    producer = KafkaProducer(bootstrap_servers=[f"localhost:{lab.ports[0]}"])

    def write() -> None:
        while not ended.wait(0.05):
            producer.send(topic, PIECE)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        yield
    finally:
        ended.set()
        writing.join()
        producer.close(timeout=10)


@pytest.mark.soak
def test_fewer_replicas_wait_for_one_that_is_out_of_sync(lab: Lab) -> None:
    """Kafka ends no reassignment before all that stay are in sync, even if nothing is copied."""
    with with_topic(lab, "shrink", placement={0: [0, 1, 2]}):
        topic = topic_of(lab)
        slowed = dict(zip(LISTS, ("0:0", "0:1"), strict=True))
        with lab.cluster() as cluster:
            cluster.send(AlterTopicConfig(topic, slowed))
            for broker in (0, 1):
                cluster.send(AlterBrokerConfig(broker, dict.fromkeys(RATES, "10000")))
        until(lambda: len(throttles(lab)) == 6)
        kill(lab, 1)
        until(lambda: (now := seen(lab)) and now.isr == (0, 2))
        lab.produce(topic, [PIECE] * 40)
        start_by_hand(lab, 1)
        until(lambda: is_up(lab, 1))
        with lab.changed(placed(0, 1)):
            running = begun(lab, "--allow", "shrink-replicas", "--json")
            assert partition(lab).isr == (0, 2)
            with lab.cluster() as cluster:
                cluster.send(AlterTopicConfig(topic, {}, LISTS))
                for broker in (0, 1):
                    cluster.send(AlterBrokerConfig(broker, {}, RATES))
            ended = lab.answer(running)
            assert ended.code == 0, shown(ended)
            assert partition(lab).replicas == (0, 1)


@pytest.mark.soak
def test_a_topic_that_is_made_anew_in_the_middle_is_not_waited_for(lab: Lab) -> None:
    with with_topic(lab, "anew"), replicated(lab, 2, **SLOW):
        topic = topic_of(lab)
        running = begun(lab, "--json")
        with lab.cluster() as cluster:
            cluster.delete_topic(topic)
            until(lambda: cluster.liveness().topic(topic) is None)
            cluster.send(CreateTopic(topic, 3, 1))
        ended = lab.answer(running)
        assert ended.code in (0, 2), shown(ended)
        if ended.code == 2:  # it looked between the two, or after both
            said = item(ended.cluster, "failed")["message"]
            assert "the topic was made anew" in said or "it differs again" in said
        lab.apply()
        assert replicas(lab) == [2, 2, 2]
        assert not throttles(lab)


def test_a_quota_of_changes_is_waited_for(lab: Lab) -> None:
    default = (("user", None),)
    with lab.cluster() as cluster:
        cluster.send(AlterQuota(default, {"controller_mutation_rate": 1.0}))

    def more(spec: Spec) -> None:
        spec["topics"] |= {f"many-{n}": {"partitions": 8, "replication": 1} for n in range(3)}

    try:
        with lab.changed(more):
            ended = lab.run("apply", "--json")
            assert ended.code == 0, shown(ended)
            made = items(ended.cluster, "applied", action="create")
            assert [c["name"] for c in made] == ["many-0", "many-1", "many-2"]
            assert "the quota controller_mutation_rate holds it up for" in ended.progress
    finally:
        with lab.cluster() as cluster:
            cluster.send(AlterQuota(default, {}, ["controller_mutation_rate"]))
            for n in range(3):
                cluster.delete_topic(f"many-{n}")
        until(lambda: lab.run("drift").code == 0)


@pytest.mark.skipif(not ROOT, reason="only root can mount a small disk")
def test_a_disk_that_fills_up_ends_the_run_and_is_named(lab: Lab) -> None:
    ballast = lab.home / "logs-2" / "ballast"
    with with_topic(lab, "full", placement={0: [0]}), lab.changed(placed(0, 2)):
        running = begun(lab, "--json")
        fill(ballast)
        try:
            ended = lab.answer(running)
            assert ended.code == 2, shown(ended)
            failed = item(ended.cluster, "failed")
            assert failed["kind"] == "placement"
            assert "broker 2, to which replicas move, is not up" in failed["message"]
            assert not_running(lab, ended.cluster)
        finally:
            ballast.unlink()
        lab.apply()
        assert partition(lab).replicas == (0, 2)
        assert not throttles(lab)


def fill(ballast: Path) -> None:
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as out:
        while True:
            out.write(bytes(1 << 16))


def not_running(lab: Lab, cluster: Mapping[str, Any]) -> bool:
    return not lab.pids(lab.nodes["broker-2"])
