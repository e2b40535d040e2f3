"""Control groups of a world and of each host in it.

Without groups of their own all guests share one, and then stopping `kafka.service` on one host
reaches for the same-named group of the next. The groups also carry the memory limit and the
kill of a whole host at once. They lie *below* the groups of the caller, so that whatever limits
or kills the caller covers the hosts too. v1, v2 and the hybrid of both are understood.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.shell import HarnessError

UNIFIED = ""  # how /proc/self/cgroup names the v2 hierarchy
_USED = (UNIFIED, "name=systemd", "memory", "pids", "freezer")


def own_groups() -> dict[str, Path]:
    """The group this process is in, by hierarchy, for the hierarchies that a host uses."""
    mounts = _mounts()
    groups = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        mount = mounts.get(names.split(",")[0])
        if mount and names in _USED:
            groups[names] = mount / path.lstrip("/")
    return groups


def _mounts() -> dict[str, Path]:
    mounts = {}
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, kind, options = line.split()[:4]
        if kind == "cgroup2":
            mounts[UNIFIED] = Path(mount)
        elif kind == "cgroup":
            mounts.update(dict.fromkeys(options.split(","), Path(mount)))
    return mounts


def remove(tops: Iterable[Path]) -> None:
    """Remove groups with all below them. One with a living process stays."""
    for top in tops:
        for directory, _, _ in os.walk(top, topdown=False):
            _remove_one(Path(directory))


def _remove_one(group: Path) -> None:
    for _ in range(50):  # busy for some milliseconds after the death of its last process
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(0.02)
        else:
            return


@dataclass(frozen=True)
class HostGroups:
    """The groups of one host, one per hierarchy."""

    paths: dict[str, Path]

    @classmethod
    def below(cls, world: dict[str, Path], host: str) -> HostGroups:
        return cls({hierarchy: path / host for hierarchy, path in world.items()})

    def create(self, memory: int | None) -> None:
        """Make them anew, with a limit of `memory` bytes. Raises OSError, HarnessError."""
        self.remove()
        for path in self.paths.values():
            path.mkdir(parents=True)
        if memory is not None:
            limit = self._memory("memory.limit_in_bytes", "memory.max")
            if not limit.exists():
                raise HarnessError("no memory limit here: the memory controller is not delegated")
            limit.write_text(str(memory))

    def remove(self) -> None:
        remove(self.paths.values())

    def kill(self) -> None:
        """SIGKILL every process of the host in one step, as a pulled plug does.

        Without v2 this does nothing: there the guest dies with its systemd-nspawn.
        """
        with suppress(FileNotFoundError, KeyError):
            (self.paths[UNIFIED] / "cgroup.kill").write_text("1")

    def processes(self) -> set[int]:
        """The pids in these groups, as this process sees them."""
        found: set[int] = set()
        for top in self.paths.values():
            for listing in top.rglob("cgroup.procs"):
                with suppress(OSError):
                    found.update(map(int, listing.read_text().split()))
        return found

    def oom_kills(self) -> int:
        """How many processes the kernel killed at the memory limit since the last boot."""
        counters = self._memory("memory.oom_control", "memory.events").read_text()
        pairs = (line.split() for line in counters.splitlines())
        return next(int(count) for name, count in pairs if name == "oom_kill")

    def _memory(self, v1: str, v2: str) -> Path:
        """A file of the memory controller. v2 hands it down only where the caller arranged it."""
        return self.paths["memory"] / v1 if "memory" in self.paths else self.paths[UNIFIED] / v2
