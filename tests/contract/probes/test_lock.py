"""The lock of a host for real: one holder, freed by silence, by the end of input, by a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from provisioner.errors import ProvisionError
from provisioner.hosts.local import LocalConnection
from provisioner.hosts.observer import Shell
from provisioner.run import lock as lock_module
from provisioner.run.lock import Lock, LockFile
from provisioner.site.stopping import Stop
from tests.contract.probes.shells import SHELLS

SCRIPT = lock_module._script()
Start = Callable[..., "Holder"]


class Holder:
    """One process that asks for the lock, with its silence as an argument."""

    def __init__(self, shell: str, state: Path, token: str, silence: int):
        words = ["busybox", "sh"] if shell == "busybox" else [shell]
        self.process = subprocess.Popen(
            [
                *words,
                "-c",
                SCRIPT,
                "sh",
                str(state),
                token,
                f"me, it's {token}",
                str(silence),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self.process.stdin
        assert self.process.stdout
        self.stdin = self.process.stdin
        self.answer = self.process.stdout.readline().decode().strip()

    def beat(self) -> None:
        self.stdin.write(b"beat\n")
        self.stdin.flush()

    def ended(self, seconds: float) -> bool:
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(params=SHELLS)
def start(request: pytest.FixtureRequest) -> Iterator[Start]:
    holders: list[Holder] = []

    def begin(*args: object) -> Holder:
        holders.append(Holder(request.param, *args))  # type: ignore[arg-type]
        return holders[-1]

    yield begin
    for holder in holders:
        holder.end()


def test_one_holder_at_a_time(start: Start, tmp_path: Path) -> None:
    state = tmp_path / "it's $(state)"
    first = start(state, "t1", 20)
    assert first.answer.startswith("got ")
    second = start(state, "t2", 20)
    word, age, who = second.answer.split(" ", 2)
    assert (word, who) == ("held", "me, it's t1")
    assert int(age) <= 60
    assert second.ended(60)
    assert (state / "lock.token").read_text() == "t1\n"
    assert (state / "manifest").read_text() == f"directory\t{state}\n"


def test_the_end_of_input_frees_it_at_once(start: Start, tmp_path: Path) -> None:
    first = start(tmp_path, "t1", 20)
    first.stdin.close()
    assert first.ended(60)
    assert not (tmp_path / "lock.token").exists()
    assert start(tmp_path, "t2", 20).answer.startswith("got ")


def test_silence_frees_it(start: Start, tmp_path: Path) -> None:
    first = start(tmp_path, "t1", 1)
    assert first.ended(60)
    assert start(tmp_path, "t2", 20).answer.startswith("got ")


def test_beats_keep_it(start: Start, tmp_path: Path) -> None:
    first = start(tmp_path, "t1", 3)
    touched = (tmp_path / "lock").stat().st_mtime
    for _ in range(8):
        first.beat()
        time.sleep(0.5)
    assert first.process.poll() is None
    assert (tmp_path / "lock").stat().st_mtime > touched
    assert start(tmp_path, "t2", 20).answer.startswith("held ")


def test_anything_else_than_a_beat_ends_it(start: Start, tmp_path: Path) -> None:
    first = start(tmp_path, "t1", 20)
    first.stdin.write(b"garbage\n")
    first.stdin.flush()
    assert first.ended(60)


def test_a_killed_holder_frees_it(start: Start, tmp_path: Path) -> None:
    first = start(tmp_path, "t1", 20)
    first.process.kill()
    first.process.wait()
    end = time.monotonic() + 60
    while not (second := start(tmp_path, "t2", 20)).answer.startswith("got "):
        assert time.monotonic() < end
        second.end()
        time.sleep(0.1)
    assert (tmp_path / "lock.token").read_text() == "t2\n"


def test_who_lets_go_ends_what_its_run_still_does_here(start: Start, tmp_path: Path) -> None:
    first = start(tmp_path, "t1", 20)
    own = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 60; true"], start_new_session=True)
    other = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        (tmp_path / "lock.sessions").write_text(f"{own.pid}\n")
        first.stdin.close()
        assert first.ended(60)
        assert own.wait(60) != 0
        assert other.poll() is None
    finally:
        own.kill()
        other.kill()


def test_every_folder_that_it_makes_is_noted(start: Start, tmp_path: Path) -> None:
    state = tmp_path / "a b" / "c" / ".provision"
    start(state, "t1", 20)
    made = [state, state.parent, tmp_path / "a b"]
    assert (state / "manifest").read_text() == "".join(f"directory\t{path}\n" for path in made)
    assert [path.stat().st_mode & 0o777 for path in made] == [0o750, 0o755, 0o755]


def test_a_folder_that_cannot_be_made(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    holder = start(tmp_path / "file" / "state", "t1", 20)
    assert holder.answer.startswith("error cannot make ")


# --- through Lock ------------------------------------------------------------------------------


def place(state: Path) -> LockFile:
    return LockFile(Shell(LocalConnection("here")), str(state), "")


def test_lock_and_release(tmp_path: Path) -> None:
    said: list[str] = []
    state = tmp_path / "state"
    with Lock("one", said.append) as one:
        one.acquire({"h": place(state)})
        assert (state / "lock.token").read_text().strip() == one.token
        with pytest.raises(ProvisionError) as caught, Lock("two", said.append) as two:
            two.acquire({"h": place(state)})
        assert caught.value.problems[0].code == "lock-held"
        assert "one" in str(caught.value)
        assert (state / "lock.token").read_text().strip() == one.token
    with Lock("three", said.append) as three:
        three.acquire({"h": place(state)})
    assert not said


def test_all_or_none_and_one_machine_is_one_name(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError) as caught, Lock("one", print) as one:
        one.acquire({"h1": place(tmp_path / "s"), "h2": place(tmp_path / "s")})
    assert caught.value.problems[0].code in ("invalid-inventory", "lock-held")
    with Lock("two", print) as two:
        two.acquire({"h1": place(tmp_path / "s")})


def silent_since(state: Path, seconds: float) -> None:
    """As if the last beat of its holder had been that long ago."""
    then = time.time() - seconds
    os.utime(state / "lock", (then, then))


def test_a_silent_holder_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock_module, "STALE", 1)
    said: list[str] = []
    first = Holder("dash", tmp_path, "t1", 8)
    try:
        silent_since(tmp_path, 5)
        with Lock("two", said.append) as two:
            two.acquire({"h": place(tmp_path)})
            assert (tmp_path / "lock.token").read_text().strip() == two.token
        assert len(said) == 1
        assert "silent" in said[0]
    finally:
        first.end()


def test_a_signal_ends_the_wait_and_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock_module, "STALE", 0)
    stop = Stop()
    first = Holder("dash", tmp_path / "s", "t1", 30)
    try:
        silent_since(tmp_path / "s", 5)

        def say(_: str) -> None:
            stop.number = 15
            stop.set()

        with pytest.raises(ProvisionError) as caught, Lock("two", say, stop) as two:
            two.acquire({"a": place(tmp_path / "free"), "h": place(tmp_path / "s")})
        assert caught.value.problems[0].code == "interrupted"
        assert caught.value.exit_code == 143
    finally:
        first.end()
    with Lock("three", print) as three:
        three.acquire({"a": place(tmp_path / "free")})
