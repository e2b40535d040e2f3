"""Scripts for a host: quoting, composing and reading back. The one place where a value is quoted.

A script is the constant prelude plus calls of its functions, each with a constant text of our
source and quoted arguments; it travels on stdin to ``exec /bin/sh``. Each answer comes back framed
by a random marker of this run, with its length and exit status.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


def quote(value: str) -> str:
    """One shell word that expands to exactly ``value``. Raises ValueError for a NUL byte."""
    if "\0" in value:
        raise ValueError("a NUL byte cannot be an argument")
    if _SAFE.fullmatch(value):
        return value
    return "'" + value.replace("'", "'\\''") + "'"


@cache
def constant(name: str) -> str:
    """The text of a shell file of this package."""
    return resources.files(__package__ or "").joinpath(name).read_text()


def prelude() -> str:
    return constant("prelude.sh")


@dataclass(frozen=True)
class Frame:
    """One answer: its text and status (an int; 124 is a timeout; ``None`` means stale)."""

    text: str
    status: int | None


@dataclass
class Script:
    """A script under construction. ``add`` returns the index under which its answer comes back."""

    marker: str = field(default_factory=lambda: "@" + secrets.token_hex(8))
    lines: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, function: str, seconds: int, user: str, *words: str) -> int:
        """Calls a function of the prelude (part, check, step, fed) with quoted words."""
        index = self.count
        self.count += 1
        self.lines.append(
            " ".join([function, str(index), str(seconds), quote(user), *map(quote, words)])
        )
        return index

    def raw(self, line: str, *words: str) -> None:
        """A constant line of ours, followed by quoted words."""
        self.lines.append(" ".join([line, *map(quote, words)]))

    def render(self) -> bytes:
        """The bytes for stdin; a braced body, so that sh reads all of it before it starts."""
        body = "\n".join(self.lines)
        return f"{prelude()}\nMARK={self.marker}\n{{\n{body}\nexit 0\n}}\n".encode()

    def read(self, output: bytes) -> dict[int, Frame]:
        """The frames in ``output``; what a login shell printed besides is passed over."""
        frames: dict[int, Frame] = {}
        mark = b"\n" + self.marker.encode() + b" "
        position = output.find(mark)
        while position >= 0:
            end = output.find(b"\n", position + 1)
            if end < 0:
                break
            index, status, length = output[position + len(mark) : end].split()
            text = output[end + 1 : end + 1 + int(length)]
            if len(text) == int(length):
                code = None if status == b"stale" else int(status)
                frames[int(index)] = Frame(text.decode("utf-8", "surrogateescape"), code)
            position = output.find(mark, end + int(length))
        return frames


def fingerprint(text: str) -> str:
    """What ``check`` computes on the host: SHA-256 of the lines without ``~`` or ``=`` first."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    kept = [line for line in lines if line[:1] not in ("~", "=")]
    data = "".join(line + "\n" for line in kept)
    return hashlib.sha256(data.encode("utf-8", "surrogateescape")).hexdigest()
