"""``apply`` is killed with -9 at moments that a seed decides, several times in a row, while clients
work: then one converges, nothing is left behind, and no acknowledged message is lost.

A moment is a line of what the run says after its plan and up to a second after it, or one while it
plans. Each costs seconds, so all of this runs in `make soak`;
``tests/unit/run/test_crash_seeds.py`` has many moments, on a model. A further scenario is one more
line of ``SCENARIOS``.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ledger.book import Book, ledger
from tests.ledger.checker import kept
from tests.real.lab import Lab, until
from tests.real.live import bootstrap, comes, goes, heap, left_behind, live_lab
from tests.real.provisioned import ROOT
from tests.soak import SOAK

NEW, OLD, BETWEEN = "4.3.1", "3.9.1", "4.2.0"
KILLS = 2
"""In a row."""
PIECE = b"x" * 100_000


@dataclass(frozen=True)
class Scenario:
    """``change`` gives a run something to do, for the ``n``-th time; ``after``: when it is done.
    ``lines``: how many a run says at least after its plan before it is over."""

    change: Callable[[Lab, int], None]
    lines: int
    words: tuple[str, ...] = ()
    after: Callable[[Lab], None] = lambda lab: None


def grows(lab: Lab, _: int = 0) -> None:
    """With enough in a topic that some of it moves."""
    lab.produce("orders", [PIECE] * 60)
    comes(lab, rebalance="add-brokers")


def drains(lab: Lab, _: int) -> None:
    if len(lab.data["brokers"]) == 3:  # this test alone was asked for
        grows(lab)
        lab.apply()
    goes(lab)


def away(lab: Lab) -> None:
    del lab.data["brokers"][3], lab.ports[3]
    lab.write()


def emptied(lab: Lab, _: int) -> None:
    """As after a new installation of its host: nothing runs, and nothing is there or recorded."""
    os.kill(lab.pid("broker-2"), signal.SIGKILL)
    until(lambda: not lab.pids(lab.nodes["broker-2"]))
    folder = lab.home / "logs-2"
    shutil.rmtree(folder)
    manifest = lab.home / ".provision/manifest"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if f"{folder}\t" not in line))


def version(lab: Lab, _: int) -> None:
    """There and back again: no feature is raised."""
    kafka = lab.data["kafka"]
    kafka["version"] = BETWEEN if kafka.get("version") == OLD else OLD
    lab.write()


SCENARIOS = {
    "roll": Scenario(lambda lab, n: heap(lab, 260 + 4 * (n % 8)), 6),
    "grow": Scenario(grows, 7),
    "drain": Scenario(drains, 7, ("--allow", "wipe-log-dir"), away),
    "rebuild": Scenario(emptied, 6),
    "upgrade": Scenario(version, 9),
}


@dataclass(frozen=True)
class Watched:
    """A cluster and the ledger that is kept of it."""

    lab: Lab
    book: Book


@contextlib.contextmanager
def watched(folder: Path, version: str) -> Iterator[Watched]:
    with live_lab(folder, "kraft", version) as lab, ledger(bootstrap(lab)) as book:
        yield Watched(lab, book)


@pytest.fixture(scope="module")
def newest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(tmp_path_factory.mktemp("seeds"), NEW) as found:
        yield found


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(tmp_path_factory.mktemp("seeds-upgrade"), OLD) as found:
        yield found


def said(text: str) -> int:
    """The lines of a run after the last one of its plan."""
    _, plan, rest = text.partition(" to create, ")
    return rest.count("\n") - 1 if plan else 0


def killed(lab: Lab, scenario: Scenario, chance: random.Random, log: Path) -> str | None:
    """Runs ``apply`` and kills it: the last line that it said. None: it was over before."""
    line, more = chance.randint(0, scenario.lines), chance.random()
    with log.open("w") as out:
        running = subprocess.Popen(
            lab.command("apply", *scenario.words),
            cwd=ROOT,
            env=lab.environment() | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    until(lambda: said(log.read_text()) >= line or running.poll() is not None)
    if running.poll() is None:
        time.sleep(more)
    over = running.poll() is not None
    running.kill()
    code = running.wait()
    text = log.read_text()
    assert "Traceback" not in text, text
    assert not over or code == 0, text
    return None if over else (text.splitlines() or ["before it said anything"])[-1].strip()


def the_next_run_converges(found: Watched, folder: Path, name: str, seed: int) -> None:
    """``folder``: for what the runs say."""
    lab, book = found.lab, found.book
    scenario, chance = SCENARIOS[name], random.Random(seed)
    book.begin()
    scenario.change(lab, seed)
    for number in range(KILLS):
        last = killed(lab, scenario, chance, folder / f"run-{number}")
        print(f"seed {seed}, {name}: {f'killed after {last!r}' if last else 'it was over'}")
        if last is None:
            break
    lab.apply(*scenario.words)
    assert left_behind(lab) == []
    assert {node: len(pids) for node, pids in lab.processes().items()} == (
        dict.fromkeys(lab.nodes, 1) | ({"broker-3": 0} if name == "drain" else {})
    )
    scenario.after(lab)
    assert lab.applied() == []
    kept(book.verdict(f"{name}, seed {seed}"))


if SOAK:

    @pytest.mark.parametrize("name", ["roll", "grow", "drain", "rebuild"])
    @pytest.mark.parametrize("seed", range(100, 124))
    def test_killed_in_a_row(newest: Watched, tmp_path: Path, name: str, seed: int) -> None:
        the_next_run_converges(newest, tmp_path, name, seed)

    @pytest.mark.parametrize("seed", range(200, 216))
    def test_killed_in_a_row_in_an_upgrade(older: Watched, tmp_path: Path, seed: int) -> None:
        the_next_run_converges(older, tmp_path, "upgrade", seed)
