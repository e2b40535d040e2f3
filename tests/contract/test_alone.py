"""What a test worker starts is seen by it alone, and ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ALONE = [sys.executable, "-m", "tests.alone"]


@pytest.fixture(autouse=True)
def root() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root makes a namespace of processes")


def test_it_sees_only_what_it_started() -> None:
    other = subprocess.Popen(["sleep", "600"])
    try:
        shown = "sleep 601 & cat /proc/[0-9]*/cmdline | tr '\\0' ' '; exit 7"
        done = subprocess.run(
            [*ALONE, "sh", "-c", shown], cwd=ROOT, capture_output=True, text=True, check=False
        )
    finally:
        other.kill()
        other.wait()
    assert done.returncode == 7
    assert "sleep 601" in done.stdout
    assert "sleep 600" not in done.stdout


def test_what_it_left_behind_ends_with_it(tmp_path: Path) -> None:
    """A daemon holds the pipe open for as long as it lives."""
    script = f"(trap '' TERM HUP; exec setsid sleep 600) & sleep 0.5; echo >'{tmp_path}/left'"
    done = subprocess.run(
        [*ALONE, "sh", "-c", script], cwd=ROOT, stdout=subprocess.PIPE, timeout=300, check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "left").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_killed_it_leaves_nothing(number: signal.Signals) -> None:
    running = subprocess.Popen(
        [*ALONE, "sh", "-c", "echo begun; sleep 600 & wait"], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert running.stdout is not None
    assert running.stdout.readline() == b"begun\n"
    running.send_signal(number)
    assert running.stdout.read() == b"", "nobody has the pipe any more"
    assert running.wait(300) == (128 + number if number == signal.SIGTERM else -number)
