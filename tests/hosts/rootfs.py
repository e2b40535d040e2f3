"""The disk of one host: a writable layer over the base image."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tests.hosts.shell import run


class RootFs:
    """An overlay below `directory`. What is written here before the boot needs no chroot."""

    def __init__(self, directory: Path, base: Path) -> None:
        self._layers = directory / "upper", directory / "work"
        self._base = base
        self.path = directory / "root"  # the host's /, readable here while it runs, too

    def mount_empty(self) -> None:
        """A disk as it comes from the factory; what was on it is gone. Raises HarnessError."""
        self._discard()
        upper, work = self._layers
        for directory in (upper, work, self.path):
            directory.mkdir(parents=True)
        layers = f"lowerdir={self._base},upperdir={upper},workdir={work}"
        run("mount", "-t", "overlay", "overlay", "-o", layers, self.path)

    def _discard(self) -> None:
        if self.path.is_mount():
            run("umount", self.path)
        for directory in (*self._layers, self.path):
            shutil.rmtree(directory, ignore_errors=True)

    def at(self, path: str) -> Path:
        """Where a path of the host lies here. The host's absolute links are not followed."""
        return self.path / path.lstrip("/")

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        file = self._free(path)
        file.write_text(text)
        file.chmod(mode)

    def append(self, path: str, text: str) -> None:
        with self.at(path).open("a") as file:
            file.write(text)

    def link(self, path: str, target: str) -> None:
        self._free(path).symlink_to(target)

    def _free(self, path: str) -> Path:
        """A name that can be written to without following a link out of this disk."""
        file = self.at(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        return file

    def give(self, path: str, uid: int) -> None:
        """Make a directory with all in it the property of a user and the group of that number."""
        for directory, _, files in os.walk(self.at(path)):
            for entry in (directory, *(f"{directory}/{file}" for file in files)):
                os.chown(entry, uid, uid, follow_symlinks=False)
