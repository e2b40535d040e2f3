"""Runs that are cut off anywhere, and runs that meet: nothing is half, and the next goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests.real.lab import Lab, shown, until
from tests.soak import SOAK

KILLS = 10 if SOAK else 5


def holds(lab: Lab, running: subprocess.Popen[str]) -> bool:
    """Whether that command holds the lock; a command that has ended fails the test."""
    assert running.poll() is None, lab.answer(running)
    file = lab.home / ".provision/lock.holder"
    try:
        return f" pid {running.pid} " in file.read_text()
    except FileNotFoundError:
        return False


def once(lab: Lab) -> None:
    """Every node runs once, and nothing that is half done lies about."""
    assert {node: len(pids) for node, pids in lab.processes().items()} == {"broker-0": 1}
    assert lab.temporaries() == []


def test_of_ten_at_once_one_works_and_nine_say_who_holds_it(one: Lab) -> None:
    running = [one.start("apply", "--json") for _ in range(10)]
    done = [one.answer(r) for r in running]
    (winner,) = [n for n, d in enumerate(done) if d.code == 0]
    assert done[winner].cluster["applied"]
    for number, other in enumerate(done):
        if number != winner:
            assert other.code == 1, shown(other)
            (error,) = other.document["errors"]
            assert error["code"] == "lock-held"
            assert f"pid {running[winner].pid} apply" in error["message"]
    once(one)
    assert one.run("lock").code == 0
    assert one.applied() == [], "the lock is free"


def test_a_killed_holder_frees_the_lock_at_once(one: Lab) -> None:
    running = one.start("apply")
    until(lambda: holds(one, running) and (one.home / ".provision/dist").is_dir())
    running.kill()
    running.communicate()
    one.apply()
    once(one)


def test_a_holder_that_was_stopped_loses_it_and_changes_nothing_more(one: Lab) -> None:
    sleeper = one.start("apply", "--json")
    until(lambda: holds(one, sleeper) and (one.home / ".provision/dist").is_dir())
    os.kill(sleeper.pid, signal.SIGSTOP)
    try:
        while (other := one.run("apply", "--json")).code == 1:
            assert other.document["errors"][0]["code"] == "lock-held", shown(other)
        assert other.code == 0, shown(other)
        tree, pids = one.tree(), one.processes()
    finally:
        os.kill(sleeper.pid, signal.SIGCONT)
    woken = one.answer(sleeper)
    assert woken.code in (1, 2), shown(woken)
    assert "lock" in woken.text + woken.progress
    assert one.tree() == tree
    assert one.processes() == pids
    once(one)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.soak)],
)
def test_a_signal_ends_the_step_under_way_and_says_what_was_not_begun(
    one: Lab, number: signal.Signals, code: int
) -> None:
    running = one.start("apply", "--json")
    until(lambda: holds(one, running) and (one.home / ".provision/dist").is_dir())
    os.kill(running.pid, number)
    done = one.answer(running)
    assert done.code == code, shown(done)
    assert [error["code"] for error in done.document["errors"]] == ["interrupted"]
    cluster = done.cluster
    left = {(c["kind"], c["name"]) for c in cluster["not_started"]}
    assert ("service", "broker-0") in left
    assert not one.pids()
    assert one.temporaries() == []
    assert not (one.home / ".provision/lock.holder").exists()
    one.apply()
    once(one)


def is_broker(pid: int) -> bool:
    """Not its format, and not its launcher."""
    try:
        return b"\0kafka.Kafka\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False


def test_a_signal_ends_the_wait_for_a_broker_that_goes_on_starting(one: Lab) -> None:
    running = one.start("apply", "--json")
    until(lambda: any(is_broker(pid) for pid in one.pids()))
    os.kill(running.pid, signal.SIGINT)
    done = one.answer(running)
    assert done.code == 130, shown(done)
    (failed,) = done.cluster["failed"]
    assert failed["kind"] == "service"
    assert failed["message"].startswith("interrupted while it waited for "), shown(done)
    assert one.pids(), "what was started is left alone"
    assert not (one.home / ".provision/lock.holder").exists()
    one.apply()
    once(one)


def test_killed_anywhere_the_next_run_goes_on(one: Lab) -> None:
    """Some moments, spread by a seed over what an apply takes from nothing."""
    one.apply()
    seconds = one.json("destroy", "--confirm", one.name, "--allow", "wipe-log-dir")["seconds"]
    assert seconds >= 0
    moments = random.Random(20240229)
    whole: dict[Path, bytes] = {}
    for number in range(KILLS):
        running = one.start("apply")
        try:
            running.communicate(timeout=moments.uniform(0.4, 5.0))
        except subprocess.TimeoutExpired:
            running.kill()
            running.communicate()
        for file in written(one):
            # A file is there as a whole or not at all: whatever it is, it stays what it is.
            content = file.read_bytes()
            assert content, f"{file} is empty after kill {number}"
            assert whole.setdefault(file, content) == content
    one.apply()
    once(one)
    assert one.applied() == []


def written(lab: Lab) -> list[Path]:
    found = [*lab.home.glob("config/*"), *lab.home.glob(".provision/launch/*.conf")]
    return [f for f in [*found, lab.home / ".provision/cluster.properties"] if f.is_file()]


def test_what_reads_its_output_is_not_held_by_what_it_started(one: Lab) -> None:
    words = one.command("apply")
    done = subprocess.run(
        ["sh", "-c", '"$@" | cat', "sh", *words], env=one.environment(), capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip
    assert "one-node is up" in done.stdout, done.stdout + done.stderr
    assert one.pid("broker-0")
