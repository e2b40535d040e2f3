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
_HEADER = re.compile(rb"([0-9]{1,9}) ([0-9]{1,3}|stale) ([0-9]{1,9})")

AFTER_FAILURE = 999_999
"""The index of what a script does when one of its steps has failed."""
CUT = 153
"""The status of a part that said more than the prelude's ``MOST`` bytes."""


def quote(value: str) -> str:
    """One shell word that expands to exactly ``value``. Raises ValueError for a NUL byte."""
    if "\0" in value:
        raise ValueError("a NUL byte cannot be an argument")
    if _SAFE.fullmatch(value):
        return value
    return "'" + value.replace("'", "'\\''") + "'"


@cache
def constant(name: str, package: str = "provisioner.hosts") -> str:
    """The text of a shell file of a package."""
    return resources.files(package).joinpath(name).read_text()


ENTER = constant("enter.sh")
"""The functions by which a script goes to a folder that it works in; for root the only way."""


def prelude() -> str:
    return constant("prelude.sh")


@dataclass(frozen=True)
class Frame:
    """One answer: its text and status (124: a timeout; ``CUT``: too long; None: stale)."""

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
        """The frames in ``output``; what a login shell printed besides is passed over, and so is
        what a host prints that is no frame of this script."""
        frames: dict[int, Frame] = {}
        mark = b"\n" + self.marker.encode() + b" "
        position = output.find(mark)
        while position >= 0:
            begin = position + len(mark)
            end = output.find(b"\n", begin)
            if end < 0:
                break
            header = _HEADER.fullmatch(output[begin:end])
            position = end
            if header:
                index, status, length = header.groups()
                position = end + 1 + int(length)
                text = output[end + 1 : position]
                if len(text) == int(length) and self._is_mine(int(index)):
                    code = None if status == b"stale" else int(status)
                    frames[int(index)] = Frame(text.decode("utf-8", "surrogateescape"), code)
            position = output.find(mark, position)
        return frames

    def _is_mine(self, index: int) -> bool:
        return index < self.count or index == AFTER_FAILURE


def fingerprint(text: str) -> str:
    """What ``check`` computes on the host: SHA-256 of the lines without ``~`` or ``=`` first."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    kept = [line for line in lines if line[:1] not in ("~", "=")]
    data = "".join(line + "\n" for line in kept)
    return hashlib.sha256(data.encode("utf-8", "surrogateescape")).hexdigest()
