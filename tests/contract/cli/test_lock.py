"""``provision lock``: who holds it, and ending who holds it, on this machine."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioner.errors import ProvisionError
from provisioner.hosts.actor import HELD
from provisioner.hosts.local import LocalConnection
from provisioner.hosts.observer import Shell
from provisioner.hosts.shell import Script
from provisioner.run.lock import Lock, LockFile
from tests.contract.cli.conftest import Provision

WHO = "ann@desk pid 7 apply since 2026-01-01 00:00:00 UTC"
SLEEP = 'sleep 600 & echo $! >"$1"; wait'


class Host:
    """This machine, with a spec's state folder."""

    def __init__(self, spec: Path):
        self.state = spec.parent / "kafka-one" / ".provision"
        self.shell = Shell(LocalConnection("localhost"))
        self.place = LockFile(self.shell, str(self.state), "")

    def take(self) -> Lock:
        lock = Lock(WHO, lambda text: None)
        lock.acquire({"localhost": self.place})
        return lock

    def pid(self) -> int:
        return int((self.state / "lock.pid").read_text().split()[0])


@pytest.fixture
def host(spec: Path) -> Host:
    return Host(spec)


@pytest.fixture
def held(host: Host) -> Iterator[Lock]:
    lock = host.take()
    yield lock
    lock.release()


def files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file below: its change time and content."""
    return {
        str(path): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"  # its time is the holder's beat
    }


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2]
    except OSError:
        return False
    return not state.startswith("Z")


def test_nobody_and_nothing_there(provision: Provision, spec: Path, host: Host) -> None:
    ran = provision("lock", spec.name)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.split() == ["HOST", "LOCK", "HELD", "BY", "LAST", "BEAT", "localhost", "free"]
    assert not host.state.exists()


def test_who_holds_it(provision: Provision, spec: Path, held: Lock, host: Host) -> None:
    before = files(host.state)
    ran = provision("lock", spec.name)
    assert ran.code == 0
    assert held.token[:8] in ran.out
    assert WHO in ran.out
    assert f"provision lock {spec.name} --break {held.token[:8]}" in ran.out
    assert files(host.state) == before


def test_who_holds_it_as_json(provision: Provision, spec: Path, held: Lock, host: Host) -> None:
    (cluster,) = provision("lock", spec.name, "--json").document["clusters"]
    (lock,) = cluster["locks"]
    silent = lock.pop("silent_seconds")
    assert 0 <= silent <= 5
    assert lock == {
        "host": "localhost",
        "held": True,
        "id": held.token[:8],
        "who": WHO,
        "pid": host.pid(),
    }


def test_the_files_of_a_dead_holder_hold_nothing(
    provision: Provision, spec: Path, host: Host
) -> None:
    host.state.mkdir(parents=True)
    for name, text in (("lock", ""), ("lock.holder", WHO), ("lock.token", "0123456789abcdef")):
        (host.state / name).write_text(text)
    (host.state / "lock.pid").write_text("1 1 no-such-boot\n")
    (cluster,) = provision("lock", spec.name, "--json").document["clusters"]
    assert cluster["locks"][0]["held"] is False


def test_a_lock_without_a_known_process_is_seen_in_the_kernels_list(
    provision: Provision, spec: Path, host: Host
) -> None:
    host.state.mkdir(parents=True)
    (host.state / "lock.holder").write_text(WHO)
    with (host.state / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (cluster,) = provision("lock", spec.name, "--json").document["clusters"]
    assert cluster["locks"][0]["held"] is True


def test_break_ends_the_holder_and_what_its_run_still_does(
    provision: Provision, spec: Path, held: Lock, host: Host, tmp_path: Path
) -> None:
    step = tmp_path / "step.pid"
    script = Script()
    script.raw("sh", "-c", HELD, "sh", str(host.state), held.token)
    script.add("part", 60, "", SLEEP, str(step))
    connection = LocalConnection("localhost")
    stream = connection.stream("exec /bin/sh", script.render())
    stream.close()
    wait_until(lambda: step.exists() and step.read_text().strip() != "")
    pid, holder = int(step.read_text()), host.pid()

    started = time.monotonic()
    ran = provision("lock", spec.name, "--break", held.token[:8])
    assert ran.code == 0, ran.err
    assert "localhost: its holder has ended" in ran.out
    assert time.monotonic() - started < 15  # at once, not after the 20 s of a silent holder
    assert not is_running(holder)
    assert not is_running(pid)
    assert not (host.state / "lock.token").exists()
    assert "lock --break" in (host.state / "journal.jsonl").read_text()

    wait_until(lambda: set(held.lost) == {"localhost"})
    other = host.take()
    other.release()


def test_break_of_another_id_does_nothing(
    provision: Provision, spec: Path, held: Lock, host: Host
) -> None:
    ran = provision("lock", spec.name, "--break", "00000000", "--json")
    assert ran.code == ran.document["exit_code"] == 1
    (error,) = ran.document["errors"]
    assert error["code"] == "usage"
    assert held.token[:8] in error["hint"]
    assert is_running(host.pid())


def test_an_end_of_input_still_frees_the_lock(host: Host) -> None:
    lock = host.take()
    pid = host.pid()
    lock.release()
    assert not is_running(pid)
    assert [p.name for p in host.state.iterdir() if p.name.startswith("lock.")] == []


def test_a_held_lock_stops_another_run_at_once(held: Lock, host: Host) -> None:
    with pytest.raises(ProvisionError) as caught:
        host.take()
    assert [p.code for p in caught.value.problems] == ["lock-held"]
    assert WHO in str(caught.value)


def wait_until(true: object, seconds: float = 120) -> None:
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)
