"""What a stop waits for, on real brokers: logs that are recovered, a replica that is far behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.topics import CreateTopic
from tests.real.lab import JVM, ROOT, Lab, items, until, zookeeper_lab

SEGMENTS = 400
RECORD = os.urandom(20_000)
"""More than a batch of the producer: each is one, and each has a segment of its own."""
RATES = ("leader.replication.throttled.rate", "follower.replication.throttled.rate")
FOLLOWERS = "follower.replication.throttled.replicas"
PATIENCE = 20.0
"""Seconds without progress that the gate has in these tests."""
HASTY = f"""
import sys
from provisioner import cli
from provisioner.run import gates
gates.LIMIT, gates.WHOLE = {PATIENCE}, {PATIENCE / 2}
sys.exit(cli.main())
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two brokers in ZooKeeper mode that note only once an hour what is on their disks."""
    made = zookeeper_lab(tmp_path_factory.mktemp("gate"))
    made.data["brokers"] = made.data["brokers"][:2]
    made.ports = made.ports[:2]
    made.data["topics"] = {
        "atu": {"partitions": 1, "replication": 1},
        "purchases": {"partitions": 6, "replication": 2},
    }
    made.data["defaults"]["config"] |= {
        "log.flush.offset.checkpoint.interval.ms": 3_600_000,
        "num.recovery.threads.per.data.dir": 1,
    }
    made.write()
    try:
        made.apply()
        yield made
    finally:
        made.clean()


def begin(lab: Lab, *words: str, stderr: Any = subprocess.PIPE) -> subprocess.Popen[str]:
    """A command, running, whose gate has little patience."""
    verb, *rest = words
    return subprocess.Popen(
        [sys.executable, "-c", HASTY, verb, str(lab.spec), *rest],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def on(lab: Lab, topic: str, *brokers: int, **config: str) -> None:
    """A topic with one partition, on these brokers."""
    with lab.cluster() as cluster:
        settings = {key.replace("_", "."): value for key, value in config.items()}
        cluster.send(CreateTopic(topic, 1, len(brokers), settings, (brokers,)))
        until(lambda: cluster.view().topic(topic))


def recovering(lab: Lab) -> dict[str, Any] | None:
    found = lab.json("status", code=None)["brokers"][1]["recovering"]
    return dict(found) if found else None


def frozen_in_recovery(lab: Lab) -> int:
    """Starts broker 1 and stops it in the middle of its recovery (SIGSTOP); its pid."""
    log = lab.home / "logs" / "broker-1" / "server.log"
    before = log.read_text().count("Recovering unflushed segment")
    starting = lab.start("start")
    pid = until(lambda: (found := lab.pids(lab.nodes["broker-1"])) and found[0])
    while log.read_text().count("Recovering unflushed segment") < before + 20:
        assert starting.poll() is None
    os.kill(pid, signal.SIGSTOP)
    os.kill(starting.pid, signal.SIGKILL)  # it holds the lock
    lab.answer(starting)
    return int(pid)


def told_to_end(pid: int) -> bool:
    """Whether SIGTERM or SIGINT waits for a process that is stopped."""
    status = Path(f"/proc/{pid}/status").read_text()
    pending = [int(m, 16) for m in re.findall(r"(?:SigPnd|ShdPnd):\s*([0-9a-f]+)", status)]
    return any(mask >> (number - 1) & 1 for mask in pending for number in (2, 15))


def test_a_broker_that_recovers_its_logs_is_not_signalled(lab: Lab, tmp_path: Path) -> None:
    on(lab, "segments", 1, segment_bytes="30000")
    for _ in range(SEGMENTS // 100):
        lab.produce("segments", [RECORD] * 100)
    lab.end(lab.pid("broker-1"), how=signal.SIGKILL)
    # A follower that truncated meanwhile (on a busy machine a session may end) noted all its logs.
    (lab.home / "logs-1" / "recovery-point-offset-checkpoint").write_text("0\n0\n")
    pid = frozen_in_recovery(lab)
    said = tmp_path / "said"
    try:
        told = recovering(lab)
        assert told is not None
        assert told["unit"] == "segments"
        assert 20 <= told["done"] < told["total"]
        text = lab.run("status").text
        assert re.search(rf"broker-1 starts: recovering \d+ of {told['total']} segments", text)
        with said.open("w") as out:
            stopping = begin(lab, "stop", "--node", "broker-1", stderr=out)
            until(lambda: "broker-1 is recovering " in said.read_text())
            assert not told_to_end(pid)
    finally:
        os.kill(pid, signal.SIGCONT)
    stopping.communicate(timeout=600)
    assert stopping.returncode == 0, said.read_text()
    assert " segments; a signal would throw that away" in said.read_text()
    log = (lab.home / "logs" / "broker-1" / "server.log").read_text()
    started = log.rindex("kafka.Log4jController MBean")
    assert log.count("Recovering unflushed segment", started) == told["total"]
    assert log.index("shutting down (kafka", started) > log.index(" logs in ", started)
    assert not lab.pids(lab.nodes["broker-1"])
    with lab.cluster() as cluster:
        cluster.delete_topic("segments")
    lab.apply()


@pytest.mark.soak
def test_a_roll_waits_as_long_as_a_replica_catches_up(lab: Lab) -> None:
    """Longer than it would without progress."""
    on(lab, "slow", 0, 1)
    with lab.cluster() as cluster:
        cluster.send(AlterTopicConfig("slow", {FOLLOWERS: "0:1"}))
        cluster.send(AlterBrokerConfig(1, dict.fromkeys(RATES, "120000")))
    lab.json("stop", "--node", "broker-1")
    lab.produce("slow", [os.urandom(100_000) for _ in range(60)])
    starting = lab.start("start", "--node", "broker-1")
    with lab.cluster() as cluster:
        until(lambda: 1 in cluster.liveness().alive)
    os.kill(starting.pid, signal.SIGKILL)  # it would wait until all is in sync
    lab.answer(starting)
    pid = lab.pid("broker-0")
    try:
        rolling = begin(lab, "restart", "--node", "broker-0")
        out, err = rolling.communicate(timeout=600)
    finally:
        with lab.cluster() as cluster:
            cluster.send(AlterBrokerConfig(1, {}, RATES))
            cluster.send(AlterTopicConfig("slow", {}, (FOLLOWERS,)))
            cluster.delete_topic("slow")
    assert rolling.returncode == 0, out + err
    lines = re.findall(r"broker-0 waits: .*\(1 partition, ([\d.]+) MB behind\)", out + err)
    assert len(lines) >= 2, out + err
    assert [float(n) for n in lines] == sorted(map(float, lines), reverse=True)
    assert lab.pid("broker-0") != pid
    assert lab.json("verify", code=None)["healthy"] is True


def test_a_broker_that_does_not_come_back_ends_the_roll(lab: Lab) -> None:
    """The other is not touched, and serves; the cause is told in words."""
    pids = lab.pids_now()

    def wrong(spec: dict[str, Any]) -> None:
        for broker in spec["brokers"]:
            broker["jvm_opts"] = [*JVM, "-XX:+NoSuchOption"]

    with lab.changed(wrong):
        cluster = lab.json("apply", code=2)
    (failed,) = items(cluster, "failed", kind="service")
    assert failed["message"].startswith(f"{failed['name']} exited while starting: this Java does")
    assert "NoSuchOption" in failed["message"]
    (other,) = {"broker-0", "broker-1"} - {failed["name"]}
    assert [c["name"] for c in items(cluster, "not_started", kind="service")] == [other]
    assert lab.pid(other) == pids[other]
    lab.produce("purchases", [b"still served"] * 6)
    lab.apply()
    assert lab.pid(other) == pids[other]


@pytest.mark.soak
def test_a_third_broker_restarts_nobody_and_gets_its_share(lab: Lab) -> None:
    pids = lab.pids_now()
    lab.produce("purchases", [b"x" * 100_000] * 120)
    other = zookeeper_lab(lab.home.parent / "ports").data["brokers"][2]
    lab.data["brokers"].append(other)
    lab.ports.append(int(str(other["listeners"][0]).rpartition(":")[2]))
    lab.data["policy"] = {"rebalance": "add-brokers"}
    lab.write()
    done = lab.applied()
    assert ("start", "service", "broker-2") in [(a, k, n) for a, k, n in done]
    assert [d for d in done if d[1] == "placement"]
    now = lab.pids_now()
    assert {node: now[node] for node in pids} == pids
    assert lab.applied() == []
    assert not items(lab.drift(), "changes")
