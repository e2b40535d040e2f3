"""A world: private mounts, network and processes, in which the hosts and the tests run.

When pid 1 of a world dies, of whatever cause, the kernel removes all that was in it. What may
stay behind is a directory and empty control groups: the next start removes those of every world
that no living process holds the lock of.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import shutil
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

from tests.hosts import addresses, base, cgroups, linux, pid1
from tests.hosts.shell import HarnessError, run

VARIABLE = "PROVISION_TEST_WORLD"  # in the environment of all in a world: its directory
# One guest needs 7 of them and the kernel's default of 128, for the whole machine, ends at 18.
_INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
_INOTIFY_WANTED = 2048
_OPEN_FILES_WANTED = 524288  # what systemd gives a service elsewhere


@dataclass(frozen=True)
class World:
    """What the directory of a world says about it."""

    directory: Path

    @classmethod
    def current(cls) -> World | None:
        """The world this process is in, or None."""
        given = os.environ.get(VARIABLE)
        return cls(Path(given)) if given else None

    @classmethod
    def named(cls, name: str) -> World:
        """A running world. Raises HarnessError."""
        world = cls(worlds_dir() / name)
        if not world.directory.is_dir() or world.is_dead():
            raise HarnessError(f"no world {name!r} is running")
        return world

    @property
    def name(self) -> str:
        return self.directory.name

    @property
    def groups(self) -> dict[str, Path]:
        """Its control groups, by hierarchy."""
        stored = json.loads((self.directory / "groups.json").read_text())
        return {hierarchy: Path(path) for hierarchy, path in stored.items()}

    def pid(self, relative: str) -> int:
        """The pid of its "init" or its "owner", as seen from outside. Raises HarnessError."""
        try:
            return int((self.directory / f"{relative}.pid").read_text())
        except (OSError, ValueError) as error:
            raise HarnessError(f"world {self.name!r} is not up yet") from error

    def is_dead(self) -> bool:
        """Whether no living process holds it."""
        try:
            lock = _try_lock(self.directory)
        except FileNotFoundError:
            return True
        if lock is None:
            return False
        lock.close()
        return True

    def remove(self) -> None:
        """Remove what is left of a dead world."""
        with suppress(OSError, ValueError):
            cgroups.remove(self.groups.values())
        shutil.rmtree(self.directory, ignore_errors=True)


def worlds_dir() -> Path:
    return base.cache_dir() / "worlds"


def start(command: Sequence[str], name: str | None = None) -> int:
    """Run a command in a new world, remove the world, return the exit status.

    Needs root and the base image. Raises HarnessError, OSError.
    """
    _raise_inotify_limit()
    world, lock = _create(name or uuid.uuid4().hex[:8])
    with lock:
        try:
            init = pid1.fork(lambda: _init(world, command), f"world {world.name}")
            (world.directory / "init.pid").write_text(str(init))
            pid1.forward_signals(init)
            _, status = os.waitpid(init, 0)  # with it died every process in the world
        finally:
            world.remove()
    return pid1.exit_status(status)


def enter(name: str, command: Sequence[str]) -> NoReturn:
    """Become a command in a running world. Raises HarnessError."""
    world = World.named(name)
    init = str(world.pid("init"))
    os.environ[VARIABLE] = str(world.directory)
    joined = ["nsenter", "-t", init, "--mount", "--net", "--pid", f"--wd={Path.cwd()}", "--"]
    os.execvp("nsenter", [*joined, *command])


def reap() -> list[str]:
    """Remove what dead worlds left; return their names."""
    with _registry():
        return _reap()


@contextmanager
def _registry() -> Iterator[None]:
    """Alone among processes that make or reap worlds: a new directory has no lock for a moment."""
    worlds_dir().mkdir(parents=True, exist_ok=True)
    with (worlds_dir() / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _reap() -> list[str]:
    found = [World(path) for path in sorted(worlds_dir().iterdir()) if path.is_dir()]
    dead = [world for world in found if world.is_dead()]
    for world in dead:
        world.remove()
    return [world.name for world in dead]


def _try_lock(directory: Path) -> IO[str] | None:
    lock = (directory / "lock").open("r+")  # close-on-exec: no program we start inherits it
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def _create(name: str) -> tuple[World, IO[str]]:
    """A new world's directory, and the lock that says it lives: held by us and its pid 1."""
    with _registry():
        for reaped in _reap():
            print(f"test hosts: removed what world {reaped} left", file=sys.stderr)
        world = World(worlds_dir() / name)
        try:
            world.directory.mkdir()
        except FileExistsError:
            raise HarnessError(f"world {name!r} is running already") from None
        (world.directory / "lock").touch()
        lock = _try_lock(world.directory)
        assert lock is not None
        # two caches may each have a world of this name
        group = f"provision-test-{name}-{os.getpid()}"
        groups = {h: str(path / group) for h, path in cgroups.own_groups().items()}
        (world.directory / "groups.json").write_text(json.dumps(groups))
        (world.directory / "owner.pid").write_text(str(os.getpid()))
        return world, lock


def _raise_inotify_limit() -> None:
    with suppress(OSError, ValueError):
        if int(_INOTIFY.read_text()) < _INOTIFY_WANTED:
            _INOTIFY.write_text(str(_INOTIFY_WANTED))


def _init(world: World, command: Sequence[str]) -> int:
    """Be pid 1 of a world: furnish it, start the command, collect orphans until it ends."""
    linux.unshare(linux.NEW_MOUNTS | linux.NEW_NETWORK)
    run("mount", "--make-rprivate", "/")
    run("mount", "-t", "proc", "proc", "/proc")
    run("mount", "-t", "tmpfs", "tmpfs", "/run")  # systemd-nspawn keeps its locks here
    names = world.directory / "hosts"
    names.write_text(addresses.hosts_file())
    run("mount", "--bind", names, "/etc/hosts")
    run("ip", "link", "set", "lo", "up")
    _raise_open_files()
    return pid1.run(command, os.environ | {VARIABLE: str(world.directory)})


def _raise_open_files() -> None:
    """Our hard limit silently caps LimitNOFILE= in every guest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, max(hard, _OPEN_FILES_WANTED)))
