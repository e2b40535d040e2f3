"""The second, small disk of a host."""

from __future__ import annotations

import os
from pathlib import Path

from tests.hosts.options import Options, SmallDisk
from tests.hosts.shell import run


class Drive:
    """A SmallDisk as systemd-nspawn takes it. A tmpfs is nspawn's own; ext4 is an image here."""

    def __init__(self, directory: Path, options: Options) -> None:
        self._image, self._mount = directory / "disk.img", directory / "disk"
        self._disk = options.disk
        owner = self._disk.owner if self._disk else "root"
        self._uid = 0 if owner == "root" else options.user(owner).uid

    def format(self) -> None:
        """Make it new and empty. Raises HarnessError."""
        self.discard()
        if self._disk and self._disk.kind == "ext4":
            self._format_ext4(self._disk)

    def _format_ext4(self, disk: SmallDisk) -> None:
        self._mount.mkdir(exist_ok=True)
        with self._image.open("wb") as image:
            image.truncate(disk.size)
        run("mkfs.ext4", "-q", "-m", "0", self._image)
        run("mount", "-o", "loop", self._image, self._mount)
        os.chown(self._mount, self._uid, self._uid)

    def discard(self) -> None:
        if self._mount.is_mount():
            run("umount", self._mount)  # frees the loop device, too
        self._image.unlink(missing_ok=True)

    def flags(self) -> list[str]:
        """Arguments of systemd-nspawn."""
        if self._disk is None:
            return []
        if self._disk.kind == "ext4":
            return [f"--bind={self._mount}:{self._disk.mount}"]
        owner = f"uid={self._uid},gid={self._uid},mode=0755"
        return [f"--tmpfs={self._disk.mount}:size={self._disk.size},{owner}"]

    def read_only(self, on: bool) -> None:
        """What the kernel does to an ext4 disk with errors. Raises HarnessError if it is none."""
        run("mount", "-o", f"remount,{'ro' if on else 'rw'}", self._mount)
