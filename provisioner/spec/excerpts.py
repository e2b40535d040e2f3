"""A line of a file as a message may show it: with a caret, cut when long, and without secrets."""

from __future__ import annotations

import re
from functools import lru_cache

SECRET_LINE = re.compile(r"passw|secret|token|jaas|private.?key", re.IGNORECASE)
KEY_REST = re.compile(r"[\w.-]*")
KEY_BEFORE = re.compile(r"([\w.-]+)[\"']?\s*[:=,{\[]\s*$")
LONGEST_KEY = 300
WORD = re.compile(r"[\w./:-]*")


def excerpt(lines: list[str], line: int, column: int) -> str:
    """The source line with a caret below; what may be a secret is not shown."""
    if not 1 <= line <= len(lines):
        return ""
    source = printable(lines[line - 1])
    start, source = crop(masked(source, column - 1), column)
    mark = f"{line:>5} | "
    return f"{mark}{source}\n{' ' * (len(mark) - 2)}| {' ' * (column - 1 - start)}^"


# A file may be one line of a megabyte with thousands of problems in it.
@lru_cache(maxsize=4)
def printable(line: str) -> str:
    return "".join(c if c.isprintable() else " " for c in line)


@lru_cache(maxsize=4)
def first_secret(line: str) -> re.Match[str] | None:
    return SECRET_LINE.search(line)


def masked(source: str, at: int) -> str:
    """The line as it may be shown: of one that names a secret, what is before that name, or the one
    word at ``at``, unless that is the secret itself."""
    secret = first_secret(source)
    if secret is None:
        return source
    end = secret.end() + len(KEY_REST.match(source[secret.end() :])[0])  # type: ignore[index]
    if at <= end:
        return source[:end] + ": …"
    # Only so far back, since a line may be a megabyte; a key that begins before that is hidden.
    start = max(0, at - LONGEST_KEY)
    key = KEY_BEFORE.search(source[start:at])
    hidden = key is None or (start and not key.start()) or SECRET_LINE.search(key[1])
    word = "…" if hidden else WORD.match(source[at:])[0]  # type: ignore[index]
    return " " * (at - 2) + "… " + word


def crop(source: str, column: int, width: int = 160) -> tuple[int, str]:
    """The part of a long line around ``column``: how much was cut at the left, and the rest."""
    start = max(0, column - width // 2) if len(source) > width else 0
    return start, source[start : start + width].rstrip()
