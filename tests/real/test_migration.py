"""ZooKeeper → KRaft on 3.9.1 while a producer writes: in one run, back, again, and to the end."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.real.kafka_processes import free_ports
from tests.real.lab import Lab, items, until, zookeeper_lab
from tests.soak import SOAK

COUNT = 3 if SOAK else 2
"""Brokers: each is restarted six times."""
BROKERS = [f"broker-{id}" for id in range(COUNT)]
BACK, END = ("--allow", "revert-migration"), ("--allow", "finalize-migration")


@dataclass
class Migrating(Lab):
    """A lab whose spec has its ZooKeeper, its controller, or both."""

    servers: list[Any] = field(default_factory=list)
    port: int = 0

    @property
    def nodes(self) -> dict[str, str]:
        """Broker 0 keeps the name of its file."""
        return {**super().nodes, "broker-0": "server.properties"}


class Writing:
    """A producer that goes on, and what Kafka has acknowledged to it."""

    def __init__(self, lab: Migrating, topic: str = "purchases"):
        self.lab, self.topic = lab, topic
        self.mark = b"purchase-%d-" % time.time_ns()
        self.acked: list[bytes] = []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._write)

    def __enter__(self) -> Writing:
        self.thread.start()
        until(lambda: self.acked)
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self.thread.join(120)
        assert not self.thread.is_alive()

    def _write(self) -> None:
        from kafka import KafkaProducer

        producer = KafkaProducer(
            bootstrap_servers=[f"localhost:{port}" for port in self.lab.ports],
            acks="all",
            enable_idempotence=True,
            delivery_timeout_ms=120_000,
            allow_auto_create_topics=False,
        )
        number = 0
        while not self.over.is_set():
            values = [self.mark + b"%d" % n for n in range(number, number + 20)]
            number += len(values)
            sent = [(value, producer.send(self.topic, value)) for value in values]
            producer.flush(timeout=120)
            self.acked += [value for value, future in sent if future.succeeded()]
            time.sleep(0.05)
        producer.close(timeout=60)

    def complete(self) -> None:
        """Every acknowledged record is there, once."""
        found = [value for value in self.lab.consume(self.topic) if value.startswith(self.mark)]
        assert len(self.acked) > 50
        assert set(self.acked) <= set(found)
        assert len(found) == len(set(found))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Migrating]:
    """The lab of the sheet, in ZooKeeper mode."""
    folder = tmp_path_factory.mktemp("migration")
    plain = zookeeper_lab(folder, home="kafka")
    made = Migrating(plain.spec, plain.home, plain.ports, plain.kraft, plain.data)
    made.servers, made.port = made.data["zookeeper"], free_ports(1)[0]
    made.data["defaults"]["config"]["min.insync.replicas"] = COUNT - 1
    made.data["brokers"], made.ports = made.data["brokers"][:COUNT], made.ports[:COUNT]
    made.data["topics"] = {"purchases": {"partitions": 3, "replication": COUNT}}
    made.write()
    try:
        made.apply()
        yield made
    finally:
        made.clean()


def write(lab: Migrating, phase: str) -> None:
    """The spec of a phase: ``plain``, ``hybrid``, ``dual-write``, ``kraft``."""
    for key in ("migration", "controllers", "zookeeper"):
        lab.data.pop(key, None)
    if phase != "kraft":
        lab.data["zookeeper"] = lab.servers
    if phase != "plain":
        lab.data["controllers"] = [{"id": 100, "host": "localhost", "port": lab.port}]
    if phase in ("hybrid", "dual-write"):
        lab.data["migration"] = phase
    lab.write()


def phase(lab: Migrating) -> str | None:
    found = lab.json("status")["migration"]
    return None if found is None else str(found["phase"])


def mode(lab: Migrating, node: str) -> str:
    text = lab.properties(node).read_text()
    return "KRaft" if "process.roles" in text else "ZooKeeper"


def whole(lab: Migrating) -> None:
    found = lab.json("drift")
    assert (found["in_sync"], found["complete"]) == (True, True)


def test_in_one_run_to_dual_write_and_nothing_is_lost(lab: Migrating) -> None:
    write(lab, "dual-write")
    plan = lab.json("plan")
    assert {c["name"] for c in items(plan, "changes", kind="service")} == {"controller-100"}
    later = [d["reason"] for d in items(plan, "deferred", kind="service", name="broker-1")]
    assert len(later) == 2
    assert "in ZooKeeper mode" in later[0]
    assert "in KRaft mode" in later[1]
    with Writing(lab) as writing:
        done = lab.applied()
    bounced = [name for action, kind, name in done if (action, kind) == ("restart", "service")]
    assert sorted(bounced) == sorted(BROKERS * 2)
    assert {mode(lab, broker) for broker in BROKERS} == {"KRaft"}
    writing.complete()
    whole(lab)
    assert phase(lab) == "dual-write"


def test_in_dual_write_topics_settings_and_a_killed_broker_are_as_ever(lab: Migrating) -> None:
    lab.data["topics"]["between"] = {"partitions": 2, "replication": COUNT}
    lab.data["topics"]["purchases"]["config"] = {"retention.ms": 864_000_000}
    lab.write()
    os.kill(lab.pid("broker-1"), signal.SIGKILL)
    done = lab.applied()
    assert ("start", "service", "broker-1") in done
    assert ("create", "topic", "between") in done
    lab.produce("between", KEPT)
    before = lab.pids_now()
    assert lab.run("restart", "--node", "broker-0").code == 0
    assert lab.pid("broker-0") != before["broker-0"]
    whole(lab)
    told = [w["message"] for w in lab.json("drift")["warnings"]]
    assert [text for text in told if text.startswith("migration to KRaft: dual-write for ")]


KEPT = [b"kept-%d" % n for n in range(50)]


@pytest.mark.soak
def test_the_way_back_has_to_be_said_and_keeps_what_was_made_in_between(lab: Migrating) -> None:
    write(lab, "plain")
    before = lab.pids()
    refused = lab.json("apply", code=2)
    assert {r["allow"] for r in refused["refused"]} == {"revert-migration"}
    assert lab.pids() == before

    with Writing(lab) as writing:
        done = lab.applied(*BACK)
    assert ("stop", "service", "controller-100") in done
    assert {mode(lab, broker) for broker in BROKERS} == {"ZooKeeper"}
    assert not [path for path in lab.home.rglob("*") if "controller-100" in path.name]
    writing.complete()
    whole(lab)
    assert set(lab.consume("between")) == set(KEPT)


@pytest.mark.soak
def test_killed_in_the_middle_it_goes_on_and_is_done_again(lab: Migrating) -> None:
    """The whole way a second time: nothing of the first is left that Kafka would stumble over."""
    write(lab, "dual-write")
    running = lab.start("apply")
    until(lambda: mode(lab, "broker-1") == "KRaft")
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    with Writing(lab) as writing:
        lab.applied()
    writing.complete()
    assert {mode(lab, broker) for broker in BROKERS} == {"KRaft"}
    assert set(lab.consume("between")) == set(KEPT)
    whole(lab)


def test_the_end_has_to_be_said_and_no_broker_restarts(lab: Migrating) -> None:
    write(lab, "kraft")
    before = lab.pids()
    refused = lab.json("apply", code=2)
    assert {r["allow"] for r in refused["refused"]} == {"finalize-migration"}
    assert lab.pids() == before

    with Writing(lab) as writing:
        done = lab.applied(*END)
    services = [(action, name) for action, kind, name in done if kind == "service"]
    assert services == [("restart", "controller-100"), ("stop", "zookeeper-1")]
    writing.complete()
    assert (lab.home / "zookeeper" / "version-2").is_dir()
    found = lab.json("drift")
    assert found["in_sync"] is True
    (left,) = items(found, "unmanaged", kind="service")
    assert left["name"] == "zookeeper-1"
    assert "migration" not in lab.json("status")
    assert set(lab.consume("between")) == set(KEPT)


def test_then_there_is_no_way_back(lab: Migrating) -> None:
    write(lab, "plain")
    before = lab.pids()
    refused = lab.json("apply", *BACK, code=2)
    assert {r["allow"] for r in refused["refused"]} == {None}
    assert any("Kafka has no way back to ZooKeeper" in r["reason"] for r in refused["refused"])
    assert lab.pids() == before
