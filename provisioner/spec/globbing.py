"""The files that a pattern such as ``topics/*.yaml`` names.

    files("specs", "topics/**/*.yaml") -> [Path("specs/topics/a.yaml"), …], sorted

As in a shell, with ``**`` for folders at any depth: hidden names are matched only by a pattern that
begins with a dot, and ``**`` follows no link to a folder, which could lead round in a circle. The
standard library's ``glob`` passes over folders that it may not read; here they are an error, since
topics that are silently not seen are topics that the spec does not have.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from provisioner.spec.patterns import matches

WILD = frozenset("*?[")
MOST = 100_000


class TooMany(Exception):
    """The pattern looks through more than ``MOST`` names."""


class NotAFile(Exception):
    """A name without a wildcard that is a folder, or any name that is neither file nor folder."""

    def __init__(self, path: Path):
        super().__init__(str(path))
        self.path = path


def files(folder: str | Path, pattern: str) -> list[Path]:
    """Raises ``OSError`` for a folder that cannot be read, ``TooMany`` and ``NotAFile``."""
    path = Path(pattern).expanduser()
    parts = [part for part in str(path).split("/") if part]
    start = Path("/") if path.is_absolute() else Path(folder)
    found = dict.fromkeys(Walk().names(start, tuple(without_repeats(parts))))
    wild = bool(parts) and is_wild(parts[-1])
    return sorted(path for path in found if is_file(path, wild))


def is_wild(part: str) -> bool:
    return not WILD.isdisjoint(part)


def without_repeats(parts: list[str]) -> Iterator[str]:
    """``**/**`` is ``**``, and at the end it means all files below."""
    for number, part in enumerate(parts):
        if part != "**" or parts[number + 1 : number + 2] != ["**"]:
            yield part
    if parts[-1:] == ["**"]:
        yield "*"


def is_file(path: Path, wild: bool) -> bool:
    """Folders are left out where a wildcard names them. A link without an end is a file, which
    reading it will show. Raises ``NotAFile``."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISREG(mode):
        return True
    if stat.S_ISDIR(mode) and wild:
        return False
    raise NotAFile(path)


class Walk:
    """Looks through folders, and stops after ``MOST`` names."""

    def __init__(self) -> None:
        self.seen = 0

    def names(self, folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
        """What is in ``folder`` by the pattern's ``parts``, whatever it is."""
        if not parts:
            yield folder
            return
        head, rest = parts[0], parts[1:]
        if head == "**":
            yield from self.names(folder, rest)
            for entry in self.entries(folder):
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
                    yield from self.names(folder / entry.name, parts)
        elif is_wild(head):
            yield from self.wild(folder, head, rest)
        elif not rest:
            path = folder / head
            if path.is_symlink() or path.exists():
                yield path
        elif (folder / head).is_dir():
            yield from self.names(folder / head, rest)

    def wild(self, folder: Path, head: str, rest: tuple[str, ...]) -> Iterator[Path]:
        for entry in self.entries(folder):
            hidden = entry.name.startswith(".") and not head.startswith(".")
            if hidden or not matches((head,), entry.name):
                continue
            if not rest:
                yield folder / entry.name
            elif entry.is_dir():
                yield from self.names(folder / entry.name, rest)

    def entries(self, folder: Path) -> list[os.DirEntry[str]]:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        self.seen += len(entries)
        if self.seen > MOST:
            raise TooMany
        return entries
