"""Worlds end without a trace, however they end, and do not see one another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hosts import world
from tests.hosts.cgroups import HostGroups
from tests.hosts.lab import Lab
from tests.hosts.shell import HarnessError, run

_REPOSITORY = Path(__file__).parents[2]
_TOOL = (sys.executable, "-m", "tests.hosts")
# a host with all that could be left behind: overlay, loop device, links, control groups
_KEEP_A_HOST = """
import signal
from tests.hosts.lab import current
from tests.hosts.options import MIB, Options, SmallDisk
lab = current()
lab.start([lab.add(Options(network="both", disk=SmallDisk("/data", 8 * MIB, "ext4")))])
print("ready", flush=True)
signal.pause()
"""

# every test has `lab`: these need root, too, and run in a world of worlds
pytestmark = pytest.mark.usefixtures("lab")


class Running:
    """A world below this one with a host in it."""

    def __init__(self, name: str) -> None:
        command = [*_TOOL, "world", "--name", name, "--", sys.executable, "-c", _KEEP_A_HOST]
        self.owner = subprocess.Popen(
            command, cwd=_REPOSITORY, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        assert self.owner.stdout is not None
        assert self.owner.stdout.readline() == b"ready\n"
        self.world = world.World.named(name)
        self.init = self.world.pid("init")
        self.groups = self.world.groups
        self.processes = _descendants(self.owner.pid)
        self.loops = _loops(self.world.directory)

    def child(self) -> int:
        """The command that the world was made for."""
        return min(_children(self.init))

    def traces(self) -> list[str]:
        """What there is of it outside, its directory and control groups excepted."""
        living = [f"process {pid}" for pid in self.processes if Path(f"/proc/{pid}").exists()]
        members = [f"member {pid}" for pid in HostGroups(self.groups).processes()]
        return living + members + _loops(self.world.directory) + _mounts(self.world.directory)

    def leftovers(self) -> list[Path]:
        places = [self.world.directory, *self.groups.values()]
        return [place for place in places if place.exists()]


def _children(pid: int) -> list[int]:
    """None of a process that has ended since it was listed: a booting host starts many."""
    try:
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _descendants(pid: int) -> set[int]:
    children = _children(pid)
    return {pid, *children}.union(*(_descendants(child) for child in children))


def _loops(directory: Path) -> list[str]:
    listed = run("losetup", "--noheadings", "--output", "BACK-FILE").stdout
    return [line for line in listed.splitlines() if str(directory) in line]


def _mounts(directory: Path) -> list[str]:
    lines = Path("/proc/mounts").read_text().splitlines()
    return [line for line in lines if f"{directory}/" in line]


def _gone(traces: list[str], again: Running) -> list[str]:
    """What stays after the seconds in which the kernel may still be at it."""
    end = time.monotonic() + 120
    while traces and time.monotonic() < end:
        time.sleep(0.05)
        traces = again.traces()
    return traces


@pytest.fixture
def running() -> Iterator[Running]:
    below = Running(f"below-{os.getpid()}")
    yield below
    below.owner.kill()
    below.owner.wait()
    world.reap()


def test_a_world_has_what_the_others_check_for(running: Running) -> None:
    assert len(running.processes) > 8  # owner, pid 1, the lab, nspawn, systemd and its services
    assert len(running.loops) == 1
    assert HostGroups(running.groups).processes()
    assert running.world.name not in world.reap()  # a living world is left alone


def test_same_names_and_addresses_in_two_worlds(lab: Lab, running: Running) -> None:
    entered = run(*_TOOL, "enter", running.world.name, "--", "ip", "-brief", "address")
    assert f"{lab.address}/16" in entered.stdout
    config = running.world.directory / "ssh_config"
    login = ("ssh", "-F", config, "deploy@h1", "cat /etc/machine-id")
    entered = run(*_TOOL, "enter", running.world.name, "--", *login)
    assert entered.stdout.strip() not in {machine.machine_id for machine in lab.machines}


def test_a_world_has_one_lab(lab: Lab) -> None:
    again = run(sys.executable, "-c", "from tests.hosts.lab import current; current()", check=False)
    assert again.returncode == 1
    assert f"Taken: world {lab.world.name!r} has a lab already" in again.stderr


@pytest.mark.parametrize("victim", ["owner", "init", "command"])
def test_sigkill_leaves_nothing_that_reap_does_not_remove(running: Running, victim: str) -> None:
    pids = {"owner": running.owner.pid, "init": running.init, "command": running.child()}
    os.kill(pids[victim], signal.SIGKILL)
    running.owner.wait()
    assert _gone(running.traces(), running) == []
    assert (running.world.name in world.reap()) == (victim == "owner")
    assert running.leftovers() == []


def test_sigterm_ends_a_world_and_removes_it(running: Running) -> None:
    running.owner.terminate()
    assert running.owner.wait(300) == 128 + signal.SIGTERM
    assert _gone(running.traces(), running) == []
    assert running.leftovers() == []


@pytest.mark.parametrize("status", [0, 7])
def test_a_world_ends_with_the_status_of_its_command(status: int) -> None:
    done = run(*_TOOL, "world", "--", "sh", "-c", f"exit {status}", check=False)
    assert done.returncode == status


def test_a_world_is_told_apart_by_its_name(running: Running) -> None:
    again = run(*_TOOL, "world", "--name", running.world.name, "--", "true", check=False)
    assert again.returncode == 1
    assert "is running already" in again.stderr
    with pytest.raises(HarnessError, match="no world"):
        world.World.named("nobody")


def test_up_and_down() -> None:
    name = f"updown-{os.getpid()}"
    started = run(*_TOOL, "up", "--name", name, "--hosts", "1")
    try:
        login = next(line for line in started.stdout.splitlines() if "deploy@h1" in line)
        assert run("sh", "-c", f"{login} id -un").stdout == "deploy\n"
        assert run(*_TOOL, "up", "--name", name).stdout == started.stdout
    finally:
        run(*_TOOL, "down", "--name", name)
    assert not (world.worlds_dir() / name).exists()
    assert not list(world.worlds_dir().parent.glob(f"{name}*"))


@pytest.mark.parametrize(("ci", "outcome"), [("true", "1 error"), ("", "1 skipped")])
def test_outside_a_world_tests_skip_or_fail(ci: str, outcome: str) -> None:
    one = "tests/real_hosts/test_worlds.py::test_up_and_down"
    pytest_run = (sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", one)
    outside = ("env", "-u", world.VARIABLE, f"CI={ci}", *pytest_run)
    done = run(*outside, check=False)
    assert outcome in done.stdout
    assert "needs root on Linux; run make hosts-test" in done.stdout
