"""Running a command and what it cost: wall, CPU and peak memory of the whole process tree."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """A measured command ended otherwise than it should; the message has its last words."""


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and CPU (with the children it waited for), peak RSS in MB."""

    wall: float
    cpu: float = 0.0
    rss: float = 0.0
    text: str = ""


def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    codes: Iterable[int] = (0,),
) -> Cost:
    """Runs a command to its end. Raises Failed for another exit code than ``codes``."""
    with tempfile.TemporaryFile() as out:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        text = out.read().decode("utf-8", "replace")
    if process.returncode not in codes:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}\n{text[-3000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text)


def interleaved(
    runs: int, jobs: Mapping[str, Callable[[], Cost]], failures: list[str] | None = None
) -> dict[str, list[Cost]]:
    """Each job ``runs`` times, taking turns, so that the machine's moods meet all alike.

    With ``failures``, a job that fails is noted there instead of ending everything.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in jobs}
    for _ in range(runs):
        for name, job in jobs.items():
            try:
                costs[name].append(job())
            except Failed as error:
                if failures is None:
                    raise
                failures.append(f"{name}: {error}")
    return costs


def timed(work: Callable[[], object]) -> Cost:
    """The wall time of something done in this process."""
    started = time.monotonic()
    work()
    return Cost(time.monotonic() - started)


def middle(costs: Iterable[Cost], of: str = "wall") -> float:
    """The median; nan when there is nothing."""
    values = [float(getattr(cost, of)) for cost in costs]
    return statistics.median(values) if values else float("nan")
