"""The lab that somebody set up by hand from the sheet: brought in, and nothing restarts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.kafka.requests.topics import CreateTopic
from tests.real.by_hand import ByHand, command, sheet_by_hand
from tests.real.lab import item

SETTING = "socket.send.buffer.bytes: 102400"
"""Kafka takes it at a start only."""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByHand]:
    with sheet_by_hand(tmp_path_factory.mktemp("by-hand")) as lab:
        with lab.cluster() as kafka:
            kafka.send(CreateTopic("atu", 1, 1))
            kafka.send(CreateTopic("purchases", 3, 3, {"retention.ms": "604800000"}))
        yield lab


@pytest.fixture(scope="module")
def spec(lab: ByHand) -> Path:
    """The spec of the first import, before anything was applied."""
    spec, done = lab.bring_in("--cluster", "atu-lab")
    assert done.code == 0, done.text + done.progress
    return spec


def edited(spec: Path, old: str, new: str) -> Path:
    """Another spec beside it."""
    text = spec.read_text()
    assert old in text
    other = spec.with_name("edited.yaml")
    other.write_text(text.replace(old, new))
    return other


def test_the_plan_is_empty_and_the_first_apply_restarts_nothing(lab: ByHand, spec: Path) -> None:
    before = lab.pids()
    assert {node: len(pids) for node, pids in before.items()} == dict.fromkeys(before, 1)
    files = {node: lab.file(node).read_bytes() for node in before}
    plan = command("plan", str(spec), "--exit-code", "--json")
    assert plan.code == 0, plan.text + plan.progress
    for part in ("changes", "deferred", "refused", "unknown"):
        assert plan.cluster[part] == [], part
    done = command("apply", str(spec), "--json")
    assert done.code == 0, done.text + done.progress
    assert done.cluster["applied"] == []
    assert done.cluster["healthy"] is True
    assert command("verify", str(spec)).code == 0
    assert lab.pids() == before
    assert {node: lab.file(node).read_bytes() for node in before} == files
    assert sorted(p.name for p in lab.home.iterdir() if p.name.startswith(".")) == [".provision"]


def test_a_second_import_is_the_same(lab: ByHand, spec: Path) -> None:
    again, done = lab.bring_in("--cluster", "atu-lab")
    assert done.code == 0, done.text + done.progress
    for name in ("cluster.yaml", "inventory.yaml"):
        assert (again.parent / name).read_bytes() == (spec.parent / name).read_bytes()


def test_a_comment_by_hand_restarts_no_broker_and_a_zookeeper_in_words(
    lab: ByHand, spec: Path
) -> None:
    """Of a broker Kafka tells what it runs with. Of a ZooKeeper nobody does."""
    for node in ("broker-1", "zookeeper-1"):
        file = lab.file(node)
        file.write_text(file.read_text() + "# a note\n")
    plan = command("plan", str(spec), "--json").cluster
    change = item(plan, "changes")
    assert (change["name"], change["action"]) == ("zookeeper-1", "restart")
    assert change["reason"] == "config files changed since it started"


def test_a_changed_setting_restarts_one_broker_after_another(lab: ByHand, spec: Path) -> None:
    """By Kafka's own scripts, with the file's former text kept once."""
    other = edited(spec, SETTING, SETTING.replace("102400", "204800"))
    before, former = lab.pids(), lab.file("broker-1").read_bytes()
    done = command("apply", str(other), "--json")
    assert done.code == 0, done.text + done.progress
    waves = [c["wave"] for c in done.cluster["changes"] if c["kind"] == "service"]
    names = [c["name"] for c in done.cluster["applied"] if c["action"] == "restart"]
    assert sorted(names) == ["broker-0", "broker-1", "broker-2", "zookeeper-1"]
    assert len(set(waves)) == 4, "one at a time"
    after = lab.pids()
    assert all(len(pids) == 1 and pids != before[node] for node, pids in after.items())
    assert "socket.send.buffer.bytes=204800" in lab.file("broker-1").read_text()
    kept = lab.file("broker-1").with_name("server-1.properties.before-provision")
    assert kept.read_bytes() == former
    assert command("plan", str(other), "--exit-code").code == 0
    words = Path(f"/proc/{after['broker-1'][0]}/cmdline").read_bytes().split(b"\0")
    assert b"-Xmx256m" in words
    assert str(lab.java / "bin/java").encode() == words[0]


def test_a_file_put_back_by_hand_restarts_nothing(lab: ByHand, spec: Path) -> None:
    other, before = spec.with_name("edited.yaml"), lab.pids()
    file = lab.file("broker-2")
    text = file.read_text()
    file.write_text(text.replace("num.io.threads=8", "num.io.threads=5"))
    plan = command("plan", str(other), "--json").cluster
    change = item(plan, "changes")
    assert (change["kind"], change["effect"]) == ("file", "none")
    done = command("apply", str(other), "--json")
    assert done.code == 0, done.text + done.progress
    assert lab.pids() == before


def test_a_start_by_hand_with_another_heap_is_seen(lab: ByHand, spec: Path) -> None:
    other = spec.with_name("edited.yaml")
    done = command("stop", str(other), "--node", "broker-2")
    assert done.code == 0, done.text + done.progress
    lab.start("broker-2", KAFKA_HEAP_OPTS="-Xmx300m -Xms300m")
    lab.wait_open()
    plan = command("plan", str(other), "--json").cluster
    change = item(plan, "changes", kind="service")
    assert change["reason"] == "its heap is 300m, should be 256m"
    done = command("apply", str(other), "--json")
    assert done.code == 0, done.text + done.progress


def test_destroy_leaves_what_was_there(lab: ByHand, spec: Path) -> None:
    other, before = spec.with_name("edited.yaml"), lab.pids()
    words = ("--confirm", "atu-lab", "--allow", "wipe-log-dir")
    done = command("destroy", str(other), *words)
    assert done.code == 0, done.text + done.progress
    assert lab.pids() == before
    assert not (lab.home / ".provision").exists()
    for name in ("bin", "libs", "config/server-1.properties", "logs-1/meta.properties"):
        assert (lab.home / name).exists(), name
    shutil.rmtree(lab.home / ".provision", ignore_errors=True)
