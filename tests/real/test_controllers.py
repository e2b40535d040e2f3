"""Controllers of their own: a static quorum made dynamic, one that becomes three, one whose disk
was lost, one that is to go, and one that went without a word."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provisioner.kafka.port import QuorumView
from provisioner.kafka.requests.topics import CreateTopic
from tests.real.kafka_processes import free_ports
from tests.real.lab import CLEANER, JVM, Lab, item, items, kraft_lab, shown
from tests.soak import SOAK

WRITTEN = [b"purchase-%d" % n for n in range(200)]
SESSION = {"broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500}
FORMAT = ("--allow", "format-controller")


@dataclass
class Quorum(Lab):
    """``every``: the controllers that there is room for."""

    every: list[dict[str, Any]] = field(default_factory=list)


def made(folder: Path, controllers: int, quorum: str, version: str = "4.3.1") -> Quorum:
    """One broker, and room for three controllers; written, not applied."""
    port, *others = free_ports(4)
    broker = {
        "id": 1,
        "host": "localhost",
        "listeners": [f"PLAINTEXT://localhost:{port}"],
        "log_dirs": ["logs-1"],
    }
    data: dict[str, Any] = {
        "cluster": "quorum",
        "kafka": {"version": version, "home": str(folder / "kafka")},
        "defaults": {"heap": "192m", "jvm_opts": list(JVM), "config": {**CLEANER, **SESSION}},
        "controller_quorum": quorum,
        "controllers": [one(id, at) for id, at in zip((100, 101, 102), others, strict=True)],
        "brokers": [broker],
        "topics": {"purchases": {"partitions": 1, "replication": 1}},
    }
    every = list(data["controllers"])
    data["controllers"] = every[:controllers]
    lab = Quorum(folder / "lab.yaml", folder / "kafka", [port], True, data, every=every)
    lab.write()
    return lab


def one(id: int, port: int) -> dict[str, Any]:
    return {"id": id, "host": "localhost", "port": port}


def quorum(lab: Lab) -> QuorumView:
    with lab.cluster() as kafka:
        found = kafka.view().quorum
    assert found is not None
    return found


def directory(lab: Lab, id: int) -> str:
    text = (lab.home / f"controller-{id}/meta.properties").read_text()
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)["directory.id"]


def config(lab: Lab, node: str) -> str:
    return lab.properties(node).read_text()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quorum]:
    found = made(tmp_path_factory.mktemp("quorum"), 1, "static")
    try:
        found.apply()
        found.produce("purchases", WRITTEN)
        yield found
    finally:
        found.clean()


def test_a_static_quorum_becomes_dynamic_by_the_word_of_the_spec(lab: Lab) -> None:
    before = lab.pids_now()
    del lab.data["controller_quorum"]
    lab.write()
    refused = lab.json("apply", code=2)["refused"]
    assert all("set controller_quorum: static" in each["reason"] for each in refused)
    assert lab.pids_now() == before

    lab.data["controller_quorum"] = "dynamic"
    lab.write()
    plan = lab.json("plan")
    raised = item(plan, "changes", kind="feature")
    assert (raised["name"], raised["before"], raised["after"]) == (
        "kraft.version",
        {"level": 0},
        {"level": 1},
    )
    assert "can never be static again" in raised["reason"]
    waits = {each["name"] for each in items(plan, "deferred", kind="service", action="restart")}
    assert waits == {"controller-100", "broker-1"}
    done = lab.applied()
    kinds = [what[1] for what in done if what[1] in ("feature", "file", "service")]
    assert kinds == ["feature", "file", "file", "service", "service"]
    assert quorum(lab).directories == {100: directory(lab, 100)}
    for node in lab.nodes:
        assert "controller.quorum.voters" not in config(lab, node)
        assert "controller.quorum.bootstrap.servers" in config(lab, node)
    assert lab.applied() == []
    lab.data["controller_quorum"] = "static"
    lab.write()
    refused = lab.json("apply", code=2)["refused"]
    assert all("set controller_quorum: dynamic" in each["reason"] for each in refused)
    lab.data["controller_quorum"] = "dynamic"
    lab.write()
    assert set(WRITTEN) <= set(lab.consume("purchases"))


def test_one_controller_becomes_three_and_one_of_them_may_die(lab: Quorum) -> None:
    before = lab.pids_now()
    lab.data["controllers"] = list(lab.every)
    lab.write()
    done = lab.applied()
    joined = [what for what in done if what[1] == "voter"]
    assert joined == [("create", "voter", "101"), ("create", "voter", "102")]
    services = [what for what in done if what[1] == "service"]
    # The broker knew one controller, which must be able to fail now.
    assert services == [
        ("start", "service", "controller-101"),
        ("start", "service", "controller-102"),
        ("restart", "service", "broker-1"),
    ]
    assert lab.pid("controller-100") == before["controller-100"]
    found = quorum(lab)
    assert found.directories == {id: directory(lab, id) for id in (100, 101, 102)}
    assert max(found.voters.values()) < 100

    leader = found.leader
    lab.end(lab.pid(f"controller-{leader}"), how=signal.SIGKILL)
    with lab.cluster() as kafka:
        kafka.send(CreateTopic("meanwhile", 1, 1))
    assert lab.applied() == [("start", "service", f"controller-{leader}")]


def test_one_whose_disk_was_lost_votes_again(lab: Lab) -> None:
    before, was = lab.pids_now(), directory(lab, 101)
    lab.end(before.pop("controller-101"), how=signal.SIGKILL)
    shutil.rmtree(lab.home / "controller-101")
    held = lab.json("apply", code=2)
    assert any("--allow format-controller" in each["reason"] for each in held["unknown"])
    done = lab.applied(*FORMAT)
    assert [what for what in done if what[1] in ("voter", "service")] == [
        ("start", "service", "controller-101"),
        ("update", "voter", "101"),
    ]
    assert directory(lab, 101) != was
    assert quorum(lab).directories == {id: directory(lab, id) for id in (100, 101, 102)}
    assert {node: lab.pid(node) for node in before} == before, "nobody else restarts"
    assert lab.applied() == []


def test_below_44_none_is_retired(lab: Lab) -> None:
    before = lab.pids_now()
    last = lab.data["controllers"][-1]
    with lab.changed(lambda spec: spec["controllers"][-1].update(state="absent")):
        found = lab.json("apply", code=2)
        refused = item(found, "refused", kind="voter")
        assert (refused["name"], refused["allow"]) == (str(last["id"]), None)
        assert "from metadata.version 4.4-IV2 on" in refused["reason"]
    assert lab.pids_now() == before
    assert sorted(quorum(lab).voters) == [100, 101, 102]
    assert set(WRITTEN) <= set(lab.consume("purchases"))


def run(lab: Lab, *words: str) -> None:
    done = subprocess.run(words, cwd=lab.home, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def one_that_went_without_a_word_is_told_and_blocks_an_upgrade(tmp_path: Path) -> None:
    """Of a dynamic quorum of 4.2: taken out by hand, it is registered for ever."""
    lab = made(tmp_path, 3, "dynamic", "4.2.0")
    try:
        lab.apply()
        gone = lab.data["controllers"].pop()
        lab.write()
        told = item(lab.drift(), "unmanaged", kind="voter")
        assert told["name"] == str(gone["id"])
        command = ["bin/kafka-metadata-quorum.sh", "--bootstrap-server"]
        words = ["--controller-id", "102", "--controller-directory-id", directory(lab, 102)]
        run(lab, *command, f"localhost:{lab.ports[0]}", "remove-controller", *words)
        lab.end(*lab.pids("controller-102.properties"))
        assert sorted(quorum(lab).voters) == [100, 101]
        said = lab.run("drift")
        assert "Kafka raises no feature above what it supported" in said.text, shown(said)
        before = lab.pids_now()
        lab.data["kafka"]["version"] = "4.3.1"
        lab.write()
        refused = lab.json("apply", code=2)["refused"]
        whole = next(r["reason"] for r in refused if "before anything is stopped" in r["reason"])
        assert "controller 102 is registered and not in the spec" in whole
        assert lab.pids_now() == before
        assert len(lab.pids("controller-102.properties")) == 0
        # The way that is told: the spec has it again, and it votes with what it has.
        lab.data["controllers"].append(gone)
        lab.data["features"] = "latest"
        lab.write()
        done = lab.applied()
        assert ("create", "voter", "102") in done
        assert ("update", "feature", "metadata.version") in done
    finally:
        lab.clean()


def three_combined_nodes_become_dynamic_and_a_static_one_is_replaced(tmp_path: Path) -> None:
    lab = kraft_lab(tmp_path, brokers=3, quorum="static")
    lab.data["defaults"]["config"] |= SESSION
    lab.write()
    try:
        lab.apply()
        lab.produce("purchases", WRITTEN)
        lab.end(lab.pid("broker-2"), how=signal.SIGKILL)
        shutil.rmtree(lab.home / "logs-2")
        words = (*FORMAT, "--allow", "data-loss")
        lab.applied(*words)
        lab.data["controller_quorum"] = "dynamic"
        lab.write()
        done = lab.applied()
        assert [what[1] for what in done if what[1] in ("feature", "service")] == [
            "feature",
            *["service"] * 3,
        ]
        assert all(quorum(lab).directories.values())
        assert set(WRITTEN) <= set(lab.consume("purchases"))
        assert lab.applied() == []
    finally:
        lab.clean()


def with_44_one_is_retired(tmp_path: Path) -> None:
    lab = made(tmp_path, 3, "dynamic", "4.4.0")
    try:
        lab.apply()
        before = lab.pids_now()
        lab.data["controllers"][-1]["state"] = "absent"
        lab.write()
        done = lab.applied("--allow", "wipe-log-dir")
        assert [what for what in done if what[1] in ("voter", "service")] == [
            ("update", "voter", "102"),
            ("stop", "service", "controller-102"),
            ("delete", "voter", "102"),
        ]
        assert sorted(quorum(lab).voters) == [100, 101]
        assert not (lab.home / "controller-102").exists()
        assert not lab.pids("controller-102.properties")
        assert lab.applied() == []
        lab.data["controllers"].pop()
        lab.write()
        assert not items(lab.drift(), "unmanaged", kind="voter")
        after = lab.pids_now()
        assert after == {node: before[node] for node in after}
    finally:
        lab.clean()


if SOAK:
    test_with_44_one_is_retired = with_44_one_is_retired
    test_one_that_went_without_a_word = one_that_went_without_a_word_is_told_and_blocks_an_upgrade
    test_three_combined_nodes = three_combined_nodes_become_dynamic_and_a_static_one_is_replaced
