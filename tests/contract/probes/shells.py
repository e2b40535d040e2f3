"""This machine through ``LocalConnection``, with the shell that a host may have as its /bin/sh."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from provisioner.hosts.local import LocalConnection
from provisioner.hosts.transport import Result

SHELLS = [name for name in ("dash", "bash", "busybox") if shutil.which(name)]


class ShellConnection(LocalConnection):
    """Puts ``sh`` (and for busybox: all of its commands) first on the PATH, and runs that one."""

    def __init__(self, name: str, folder: Path):
        super().__init__(name)
        self.folder = folder / f"bin-{name}"
        self.folder.mkdir(parents=True, exist_ok=True)
        found = shutil.which(name)
        assert found
        (self.folder / "sh").symlink_to(found)

    def execute(
        self,
        command: str,
        stdin: bytes | Iterable[bytes] = b"",
        *,
        seconds: float,
        progress: Callable[[int], None] | None = None,
    ) -> Result:
        path = f"{self.folder}:{os.environ['PATH']}"
        shell = command.replace("/bin/sh", f"'{self.folder}/sh'")
        return super().execute(
            f"PATH='{path}'; export PATH; {shell}", stdin, seconds=seconds, progress=progress
        )


def tree(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder: names, sizes, modes, owners, times, targets."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        stat = path.lstat()
        target = str(path.readlink()) if path.is_symlink() else ""
        times = (stat.st_mtime_ns, stat.st_ctime_ns)
        found[str(path)] = (
            stat.st_ino,
            stat.st_mode,
            stat.st_uid,
            stat.st_gid,
            stat.st_size,
            *times,
            target,
        )
    return found
