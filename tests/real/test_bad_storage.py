"""What a power loss, a lost disk or a careless hand leaves in data folders: named, and mended where
nothing is lost by it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.lab import Lab, item, items, kraft_lab, shown, until, zookeeper_lab

VALUES = [f"record {number}".encode() for number in range(50)]


@pytest.fixture(scope="module")
def kraft(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One combined node that has records."""
    lab = kraft_lab(tmp_path_factory.mktemp("storage"), "storage", brokers=1)
    try:
        lab.apply()
        lab.produce("atu", VALUES)
        yield lab
    finally:
        lab.clean()


def kill(lab: Lab, node: str) -> None:
    lab.end(lab.pid(node), how=signal.SIGKILL)


@pytest.mark.parametrize(
    "left",
    [
        pytest.param("", id="empty"),
        pytest.param("#\nversion=1\n", id="cut short", marks=pytest.mark.soak),
    ],
)
def test_an_emptied_meta_properties_is_written_again_and_nothing_is_lost(
    kraft: Lab, left: str
) -> None:
    meta = kraft.home / "logs-0/meta.properties"
    before = {line for line in meta.read_text().splitlines() if "=" in line}
    kill(kraft, "broker-0")
    meta.write_text(left)
    change = item(kraft.json("plan"), "changes", kind="storage")
    assert change["action"] == "update"
    assert str(meta) in change["reason"]
    assert "the data is kept" in change["reason"]
    assert ("update", "storage", "logs-0") in kraft.applied()
    assert before <= {line for line in meta.read_text().splitlines() if "=" in line}
    assert kraft.consume("atu") == VALUES


def test_a_formatted_log_dir_that_is_gone_is_not_made(kraft: Lab) -> None:
    data, away = kraft.home / "logs-0", kraft.home / "away"
    kill(kraft, "broker-0")
    data.rename(away)
    try:
        cluster = kraft.json("apply", code=2)
        assert "not mounted?" in item(cluster, "unknown", kind="storage")["reason"]
        assert item(cluster, "deferred", kind="directory")["name"] == str(data)
        assert item(cluster, "deferred", kind="service")["name"] == "broker-0"
        assert not data.exists()
        assert not kraft.pids()
    finally:
        away.rename(data)
    kraft.apply()
    assert kraft.consume("atu") == VALUES


def test_a_folder_that_is_no_partition_is_named_before_the_start(kraft: Lab) -> None:
    kill(kraft, "broker-0")
    stray = kraft.home / "logs-0/my backup"
    stray.mkdir()
    try:
        cluster = kraft.json("apply", code=2)
        refused = item(cluster, "refused", kind="storage")
        assert f"move '{stray}' away" in refused["reason"]
        assert item(cluster, "deferred", kind="service")["name"] == "broker-0"
        assert not kraft.pids()
    finally:
        stray.rmdir()
    kraft.apply()


def test_a_corrupt_checkpoint_is_told_by_its_file(kraft: Lab) -> None:
    kill(kraft, "broker-0")
    checkpoint = kraft.home / "logs-0/recovery-point-offset-checkpoint"
    checkpoint.write_text("garbage\n")
    failed = item(kraft.json("apply", code=2), "failed", kind="service")
    first = failed["message"].splitlines()[0]
    assert f"its checkpoint file {checkpoint} cannot be read: move it away" in first
    assert "garbage" in failed["message"], "the lines that say so, though they are not the last"
    checkpoint.unlink()
    kraft.apply()
    assert kraft.consume("atu") == VALUES


# -- with ZooKeeper


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Broker 1 has two log dirs, and writes its checkpoints every second."""
    lab = zookeeper_lab(tmp_path_factory.mktemp("disks"), "disks", "kafka")
    broker = lab.data["brokers"][1]
    broker["log_dirs"] = ["logs-1", "more-1"]
    broker["config"] = {"log.flush.offset.checkpoint.interval.ms": 1000}
    lab.data["topics"]["purchases"]["partitions"] = 6
    lab.write()
    try:
        lab.apply()
        yield lab
    finally:
        lab.clean()


@pytest.mark.soak
def test_a_log_dir_that_kafka_gave_up_is_named_and_used_again(lab: Lab) -> None:
    data, away = lab.home / "more-1", lab.home / "away"
    data.rename(away)
    data.write_text("no folder")

    def offline() -> bool:
        return any(
            "1" in str(p["offline"]) for t in lab.status()["topics"] for p in t["partitions"]
        )

    until(offline)
    broker = lab.status()["brokers"][1]
    assert broker["up"] is True
    assert item(broker, "log_dirs", path=str(data))["error"] == "KAFKA_STORAGE_ERROR"
    text = lab.run("status").text
    assert f"{data} offline after a disk error" in text
    assert "its broker is down" not in text
    data.unlink()
    away.rename(data)
    before = lab.pids_now()
    cluster = lab.drift()
    assert cluster["in_sync"] is False
    change = item(cluster, "changes", kind="service")
    assert (change["name"], change["action"]) == ("broker-1", "restart")
    assert f"took its log dir {data} offline" in change["reason"]
    assert lab.applied() == [("restart", "service", "broker-1")]
    after = lab.pids_now()
    assert {name for name in after if after[name] != before[name]} == {"broker-1"}
    assert lab.applied() == []


@pytest.mark.soak
def test_a_zookeeper_without_its_snapshot_is_a_failed_start_with_its_cause(lab: Lab) -> None:
    kill(lab, "zookeeper-1")
    version, away = lab.home / "zookeeper/version-2", lab.home / "snapshots"
    away.mkdir()
    for snapshot in version.glob("snapshot.*"):
        snapshot.rename(away / snapshot.name)
    try:
        done = lab.run("apply", "--json")
        assert done.code == 2, shown(done)
        failed = item(done.cluster, "failed", kind="service")
        assert failed["name"] == "zookeeper-1"
        first = failed["message"].splitlines()[0]
        assert "zookeeper-1 exited while starting" in first
        assert "snapshots (version-2/snapshot.*) are missing" in first
        assert "No snapshot found, but there are log entries" in failed["message"]
        assert not items(done.cluster, "applied", kind="service")
    finally:
        for path in Path(away).iterdir():
            path.rename(version / path.name)
    lab.apply()
