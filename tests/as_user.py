"""Run a command of this checkout as another user: `python -m tests.as_user USER COMMAND…` (root).

The checkout, or the Python it runs on, may lie below a folder that only root may enter: /root, or
what `mktemp -d` makes. Then the command gets mounts of its own, in which such a folder has the same
content and may be entered. Nothing else is changed for the user: no capability, no group, no path,
and for everybody else the folder stays closed. The pid stays, too.
"""

from __future__ import annotations

import os
import pwd
import stat
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

from tests.hosts import linux

CHECKOUT = Path(__file__).parents[1]


def become(user: str, command: list[str], *needed: Path) -> NoReturn:
    """Become the user, and then the command, to whom the folders ``needed`` are open as well.

    Raises KeyError, OSError.
    """
    known = pwd.getpwnam(user)
    python = (Path(p) for p in (sys.prefix, sys.base_prefix, sys.base_exec_prefix))
    _open(closed([CHECKOUT, *python, *needed]))
    os.setgroups([])
    os.setresgid(known.pw_gid, known.pw_gid, known.pw_gid)
    os.setresuid(known.pw_uid, known.pw_uid, known.pw_uid)
    os.execvp(command[0], command)


def closed(needed: list[Path]) -> list[Path]:
    """Which of these folders, and of those around them, are not open to all; outer ones first."""
    paths = {path.resolve() for path in needed}
    ways = {way for path in paths for way in (path, *path.parents)}
    return sorted(way for way in ways if not way.stat().st_mode & stat.S_IXOTH)


def _open(folders: list[Path]) -> None:
    if not folders:
        return
    linux.unshare(linux.NEW_MOUNTS)
    linux.mount("", "/", linux.PRIVATE | linux.RECURSIVE)
    for folder in folders:
        _put_open_one_over(folder)
    os.chdir(Path.cwd())  # by name: what we stand in may be covered now


def _put_open_one_over(folder: Path) -> None:
    """Mount a folder that may be entered over one that may not, with all that is in it."""
    # Below /proc/self/fd the folder can still be named when it is covered.
    below = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        inside = Path(f"/proc/self/fd/{below}")
        linux.mount("tmpfs", str(folder), 0, kind="tmpfs", data="mode=0755")
        for entry in os.scandir(inside):
            name = folder / entry.name
            if entry.is_symlink():
                name.symlink_to(Path(entry.path).readlink())
            elif entry.is_dir():
                name.mkdir()
                linux.mount(entry.path, str(name), linux.BIND | linux.RECURSIVE)
            else:
                name.touch()
                linux.mount(entry.path, str(name), linux.BIND)
    finally:
        os.close(below)


if __name__ == "__main__":
    become(sys.argv[1], sys.argv[2:], Path(tempfile.gettempdir()))
