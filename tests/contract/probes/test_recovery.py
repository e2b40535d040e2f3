"""How far the recovery of logs has come, by lines that Kafka 3.9.1 and 4.3.1 wrote."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provisioner.kinds.service.recovery import SCRIPT, Recovery, recovered

TIME = "[2026-11-25 15:47:10,339] INFO"
BEGINS = f"{TIME} Loading logs from log dirs ArrayBuffer(/d 1, /d2) (kafka.log.LogManager)"
DIRTY = f"{TIME} Recovering 3 logs from /d 1 since no clean shutdown file was found (kafka.log.LogManager)"  # noqa: E501
CLEAN = f"{TIME} Skipping recovery of 2 logs from /d2 since clean shutdown file was found (kafka.log.LogManager)"  # noqa: E501
SEGMENT = f"{TIME} [LogLoader partition=atu-0, dir=/d 1] Recovering unflushed segment 0. 0 recovered for atu-0. (org.apache.kafka.storage.internals.log.LogLoader)"  # noqa: E501
LOADED = f"{TIME} Completed load of Log(dir=/d 1/atu-0, topic=atu, partition=0) with 1 segments, local-log-start-offset 0 and log-end-offset 9 in 5ms (1/3 completed in /d 1) (kafka.log.LogManager)"  # noqa: E501
STARTS = f"{TIME} Registered `kafka:type=kafka.Log4jController` MBean (kafka.utils.Log4jControllerRegistration$)"  # noqa: E501
ENDS = f"{TIME} Loaded 5 logs in 77ms (kafka.log.LogManager)"
WHOLE = [BEGINS, DIRTY, CLEAN, SEGMENT, LOADED, LOADED, LOADED, LOADED, LOADED, ENDS]


@pytest.mark.parametrize(
    ("lines", "known"),
    [
        ([], None),
        ([BEGINS], None),
        ([BEGINS, DIRTY], (0, 3, 0)),
        ([BEGINS, DIRTY, SEGMENT, LOADED], (1, 3, 1)),
        ([BEGINS, DIRTY, SEGMENT, SEGMENT, LOADED, CLEAN, LOADED], (2, 5, 2)),
        (WHOLE, None),
        ([BEGINS, CLEAN, LOADED], None),
        ([*WHOLE, BEGINS], None),
        ([BEGINS, DIRTY, LOADED, BEGINS, DIRTY], (0, 3, 0)),
        ([BEGINS, DIRTY, SEGMENT, STARTS], None),
        ([BEGINS, DIRTY, SEGMENT, STARTS, BEGINS, DIRTY], (0, 3, 0)),
    ],
)
def test_logs_that_are_recovered(
    lines: list[str], known: tuple[int, int, int] | None, tmp_path: Path
) -> None:
    log = tmp_path / "server log"
    log.write_text("".join(line + "\n" for line in lines))
    found = told(log)
    assert (found and (found.logs, found.all_logs, found.segments)) == known


POINTS = "0\n3\natu 0 150\natu 1 300\n__consumer_offsets 12 9\n"
HELD = {
    "atu-0": (0, 100, 200, 300),  # from the one with offset 150 on: 3
    "atu-1": (0, 100, 200, 300),  # the one that begins there: 1
    "__consumer_offsets-12": (0,),
    "new-0": (0, 50),  # no recovery point: all
}


def test_segments_are_counted_as_kafka_recovers_them(tmp_path: Path) -> None:
    dirty, clean = tmp_path / "d 1", tmp_path / "d2"
    for folder in (dirty, clean):
        (folder / "empty-0").mkdir(parents=True)
        (folder / "recovery-point-offset-checkpoint").write_text(POINTS)
        for name, bases in HELD.items():
            (folder / name).mkdir()
            for base in bases:
                (folder / name / f"{base:020}.log").touch()
    log = tmp_path / "server.log"
    lines = [BEGINS, DIRTY.replace("/d 1", str(dirty)), CLEAN, SEGMENT, SEGMENT]
    log.write_text("".join(line + "\n" for line in lines))
    found = told(log, str(dirty), str(clean))
    assert found is not None
    assert (found.segments, found.all_segments) == (2, 3 + 1 + 1 + 2)
    assert str(found) == "recovering 2 of 7 segments"


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert told(tmp_path / "nowhere") is None
    assert told(tmp_path) is None


def told(log: Path, *dirs: str) -> Recovery | None:
    words = ["sh", "-c", SCRIPT, "sh", str(log), *dirs]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stderr == ""
    return recovered(done.stdout)
