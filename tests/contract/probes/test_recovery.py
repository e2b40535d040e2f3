"""How far the recovery of logs has come, by lines that Kafka 3.9.1 and 4.3.1 wrote."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provisioner.kinds.service.recovery import SCRIPT, recovered

TIME = "[2026-11-25 15:47:10,339] INFO"
BEGINS = f"{TIME} Loading logs from log dirs ArrayBuffer(/d 1, /d2) (kafka.log.LogManager)"
DIRTY = f"{TIME} Recovering 3 logs from /d 1 since no clean shutdown file was found (kafka.log.LogManager)"  # noqa: E501
CLEAN = f"{TIME} Skipping recovery of 2 logs from /d2 since clean shutdown file was found (kafka.log.LogManager)"  # noqa: E501
SEGMENT = f"{TIME} [LogLoader partition=atu-0, dir=/d 1] Recovering unflushed segment 0. 0 recovered for atu-0. (org.apache.kafka.storage.internals.log.LogLoader)"  # noqa: E501
LOADED = f"{TIME} Completed load of Log(dir=/d 1/atu-0, topic=atu, partition=0) with 1 segments, local-log-start-offset 0 and log-end-offset 9 in 5ms (1/3 completed in /d 1) (kafka.log.LogManager)"  # noqa: E501
ENDS = f"{TIME} Loaded 5 logs in 77ms (kafka.log.LogManager)"
WHOLE = [BEGINS, DIRTY, CLEAN, SEGMENT, LOADED, LOADED, LOADED, LOADED, LOADED, ENDS]


@pytest.mark.parametrize(
    ("lines", "known"),
    [
        ([], None),
        ([BEGINS], None),
        ([BEGINS, DIRTY], (0, 3)),
        ([BEGINS, DIRTY, SEGMENT, LOADED], (1, 3)),
        ([BEGINS, DIRTY, SEGMENT, LOADED, CLEAN, LOADED], (2, 5)),
        (WHOLE, None),
        ([BEGINS, CLEAN, LOADED], None),
        ([*WHOLE, BEGINS], None),
        ([BEGINS, DIRTY, LOADED, BEGINS, DIRTY], (0, 3)),
    ],
)
def test_logs_that_are_recovered(
    lines: list[str], known: tuple[int, int] | None, tmp_path: Path
) -> None:
    log = tmp_path / "server log"
    log.write_text("".join(line + "\n" for line in lines))
    assert told(log) == known


def test_a_log_that_is_not_there(tmp_path: Path) -> None:
    assert told(tmp_path / "nowhere") is None
    assert told(tmp_path) is None


def told(log: Path) -> tuple[int, int] | None:
    done = subprocess.run(["sh", "-c", SCRIPT, "sh", str(log)], capture_output=True, text=True)
    assert done.stderr == ""
    return recovered(done.stdout)
