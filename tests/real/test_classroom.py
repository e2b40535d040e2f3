"""A machine where the sheet was followed by hand, on Kafka's own download: what ``drift`` says of
it, that a plain ``apply`` does no harm, and that ``apply --rebuild`` makes the clean lab of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provisioner.kafka.requests.topics import CreateTopic
from tests.real.kafka_processes import ZOOKEEPER_VERSION, installed
from tests.real.lab import JVM, Lab, item, items, listening, shown, until, zookeeper_lab

SCRIPT = "#!/bin/sh\necho this is Kafka's own script\n"
LOG4J = """log4j.rootLogger=INFO, stdout
log4j.appender.stdout=org.apache.log4j.ConsoleAppender
log4j.appender.stdout.layout=org.apache.log4j.PatternLayout
"""


@dataclass
class Classroom:
    """Kafka's folder as a student has it, and what the student runs in terminals."""

    lab: Lab
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def unpack(self) -> None:
        home = self.lab.home
        for name in ("bin", "config", "libs", "logs-1"):
            (home / name).mkdir(parents=True)
        for jar in installed(ZOOKEEPER_VERSION).jars:
            shutil.copy(jar, home / "libs")
        for name in ("kafka-server-start.sh", "zookeeper-server-start.sh", "kafka-topics.sh"):
            (home / "bin" / name).write_text(SCRIPT)
        (home / "config/log4j.properties").write_text(LOG4J)
        port = self.lab.data["zookeeper"][0]["client_port"]
        (home / "config/zookeeper.properties").write_text(
            f"dataDir={home}/zookeeper\nclientPort={port}\nadmin.enableServer=false\n"
        )
        for id in (0, 1):
            self.properties(id).write_text(
                f"broker.id={id}\nlisteners=PLAINTEXT://localhost:{self.lab.ports[id]}\n"
                f"log.dirs={home}/logs-{id}\nzookeeper.connect=localhost:{port}\n"
                "num.partitions=2\noffsets.topic.replication.factor=1\n"
            )

    def properties(self, id: int) -> Path:
        name = "server.properties" if id == 0 else f"server-{id}.properties"
        return self.lab.home / "config" / name

    def terminal(self, main: str, file: str) -> None:
        """What the official script becomes, from Kafka's folder, with the file as it was typed."""
        path = ":".join(str(jar) for jar in sorted((self.lab.home / "libs").glob("*.jar")))
        argv = [str(installed(ZOOKEEPER_VERSION).java), "-Xmx256m", *JVM]
        argv += ["-Dlog4j.configuration=file:config/log4j.properties", "-cp", path, main, file]
        with (self.lab.spec.parent / f"{Path(file).name}.log").open("wb") as log:
            self.running[file] = subprocess.Popen(
                argv, cwd=self.lab.home, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def pids(self) -> list[int]:
        return [r.pid for r in self.running.values() if r.poll() is None]

    def end(self) -> None:
        for running in self.running.values():
            running.kill()
            running.wait()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Classroom]:
    lab = zookeeper_lab(tmp_path, "class-room", "comp08011/dev/kafka")
    room = Classroom(lab)
    try:
        room.unpack()
        room.terminal(
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", "config/zookeeper.properties"
        )
        until(lambda: listening(lab.data["zookeeper"][0]["client_port"]))
        room.terminal("kafka.Kafka", "./config/server.properties")
        room.terminal("kafka.Kafka", "config/server-1.properties")
        until(lambda: listening(lab.ports[0]) and listening(lab.ports[1]))
        with lab.cluster() as kafka:
            until(lambda: len(kafka.liveness().alive) == 2)
            kafka.send(CreateTopic("mine", 2, 2))
        lab.ports, all_ports = lab.ports[:2], lab.ports
        lab.produce("mine", [b"one", b"two"])
        lab.ports = all_ports
        # The lesson's end: ZooKeeper's data is gone, the brokers' is not.
        shutil.rmtree(lab.home / "zookeeper")
        yield room
    finally:
        room.end()
        lab.clean()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_what_was_done_by_hand_is_told_left_alone_and_rebuilt(room: Classroom) -> None:
    lab = room.lab
    home, pids = lab.home, room.pids()
    scripts, jars = contents(home / "bin"), sorted(p.name for p in (home / "libs").iterdir())
    mine = room.properties(1).read_bytes()
    assert len(pids) == 3

    # What is there, and by what it differs; nothing is written.
    tree = lab.tree()
    cluster = lab.json("drift", code=2)
    assert lab.tree() == tree
    edited = item(cluster, "changes", kind="file", name=str(room.properties(1)))
    assert edited["before"]["num.partitions"] == "2"
    assert edited["after"]["num.partitions"] is None
    assert edited["after"]["offsets.topic.replication.factor"] == "3"
    for folder in ("bin", "libs"):
        refused = item(cluster, "refused", name=f"{home}/{folder}")
        assert "--rebuild" in refused["reason"]
        assert "before-provision" in refused["reason"]
    refused = item(cluster, "refused", kind="storage", name=f"{home}/zookeeper")
    assert "Invalid cluster.id" in refused["reason"]
    assert "--rebuild" in refused["reason"]
    named = {entry["name"] for key in ("changes", "deferred", "refused") for entry in cluster[key]}
    assert {"zookeeper-1", "broker-0", "broker-1", "broker-2"} <= named
    assert item(cluster, "unmanaged", kind="topic")["name"] == "mine"

    # Plain apply: refused with the reasons, and no process, datum or script is touched.
    data = {d: contents(home / d / "mine-0") for d in ("logs-0", "logs-1")}
    assert all(data.values())
    applied = lab.json("apply", code=2)
    assert {(r["kind"], r["name"]) for r in cluster["refused"]} <= {
        (r["kind"], r["name"]) for r in applied["refused"]
    }
    assert not items(applied, "applied", kind="service")
    assert not items(applied, "applied", kind="storage", action="create")
    assert not items(applied, "applied", action="delete")
    assert room.pids() == pids
    assert contents(home / "bin") == scripts
    assert {d: contents(home / d / "mine-0") for d in data} == data
    kept = room.properties(1).with_name("server-1.properties.before-provision")
    assert kept.read_bytes() == mine, "what was replaced is kept"

    # A process that is no Kafka, on broker 2's port: named, and nothing is touched.
    words = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); input()"
    stranger = subprocess.Popen(
        [sys.executable, "-c", words, str(lab.ports[2])], stdin=subprocess.PIPE
    )
    try:
        until(lambda: listening(lab.ports[2]))
        done = lab.run("apply", "--rebuild", "--json")
        assert done.code == 1, shown(done)
        (error,) = done.document["errors"]
        assert error["code"] == "port-taken"
        assert f"port {lab.ports[2]}" in error["message"]
        assert f"pid {stranger.pid}" in error["message"]
        assert stranger.poll() is None
        assert room.pids() == pids
        assert contents(home / "bin") == scripts
        assert {d: contents(home / d / "mine-0") for d in data} == data
    finally:
        stranger.kill()
        stranger.communicate()

    # One command.
    lab.apply("--rebuild", "--round-trip")
    assert room.pids() == []
    assert len(lab.pids_now()) == 4
    with lab.cluster() as kafka:
        topics = {t.name for t in kafka.view().topics if not t.name.startswith("__")}
    assert topics == {"atu", "purchases"}
    assert contents(home / "bin.before-provision") == scripts
    assert sorted(p.name for p in (home / "libs.before-provision").iterdir()) == jars
    assert kept.read_bytes() == mine
    assert (home / "bin").is_symlink()
    assert lab.json("drift")["in_sync"] is True
    assert lab.applied() == []


@pytest.mark.soak
def test_with_all_stopped_and_zookeeper_empty_brokers_are_not_started(room: Classroom) -> None:
    """The next lesson, after a restart of the VM: it would end in 'Invalid cluster.id'."""
    lab = room.lab
    for pid in room.pids():
        os.kill(pid, signal.SIGKILL)
    room.end()
    cluster = lab.json("apply", code=2)
    refused = item(cluster, "refused", kind="storage", name=f"{lab.home}/zookeeper")
    assert "Invalid cluster.id" in refused["reason"]
    assert not items(cluster, "applied", kind="service")
    assert not lab.pids()
    assert (lab.home / "logs-1/meta.properties").exists()
    lab.apply("--rebuild")
    assert len(lab.pids_now()) == 4
