"""Errors a user can act on, and the exit codes of every verb.

An error says what, where, why and how to go on. ``CODES`` is the closed list of error codes that
``--json`` may carry; adding one is an interface change and belongs in ``docs/errors.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

CODES = frozenset(
    {
        "usage",
        "invalid-spec",
        "invalid-inventory",
        "not-supported",
        "limit-matches-nothing",
        "lock-held",
        "lock-lost",
        "stale-plan",
        "host-key-unknown",
        "host-key-changed",
        "host-name-unknown",
        "connection-refused",
        "connection-lost",
        "authentication-failed",
        "sudo-refused",
        "shell-missing",
        "unreachable",
        "disk-full",
        "preflight",
        "port-taken",
        "artifact-unavailable",
        "artifact-corrupt",
        "not-healthy",
        "refused",
        "unknown-plan",
        "step-failed",
        "not-permitted",
        "interrupted",
        "internal",
    }
)

OF_INPUT = frozenset({"usage", "invalid-spec", "invalid-inventory", "not-supported"})
"""Codes of errors whose words are made of what somebody wrote."""
LONG = 500
QUOTED = re.compile(r"'([^'\n]{81,})'")
RUN = re.compile(r"\S{121,}")


class Exit(IntEnum):
    """Exit codes, the same for every verb (see docs/exit-codes in the contract)."""

    YES = 0
    STOPPED = 1
    NO = 2
    CANNOT_TELL = 3
    INTERRUPTED = 130
    TERMINATED = 143


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: what (message), where, and what to do (hint).

    ``line`` and ``column`` count from 1. ``excerpt`` is the source line with a caret below,
    already rendered, or empty.
    """

    code: str
    message: str
    hint: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None
    host: str | None = None
    excerpt: str = ""

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"{self.code!r} is not in the closed list of error codes")
        if self.code in OF_INPUT:
            object.__setattr__(self, "message", shortened(self.message))
            object.__setattr__(self, "hint", shortened(self.hint))

    def __str__(self) -> str:
        where = self.file or self.host or ""
        if self.file and self.line is not None:
            where += f":{self.line}:{self.column or 1}"
        text = f"{where}: {self.message}" if where else self.message
        if self.excerpt:
            text += "\n" + self.excerpt
        return text + (f"\n  {self.hint}" if self.hint else "")


def cut(value: object, width: int = 80) -> str:
    """A value as a message may show it: its beginning, and how long it is, when it is long."""
    text = str(value)
    return text if len(text) <= width else f"{text[:width]}… ({len(text):,} characters)"


def shortened(message: str) -> str:
    """A sentence that quotes a value of the user's files, however long that is. What is not long as
    a whole is left alone: apostrophes quote as well."""
    if len(message) <= LONG:
        return message
    message = QUOTED.sub(lambda found: f"'{cut(found[1])}'", message)
    message = RUN.sub(lambda found: cut(found[0]), message)
    return cut(message, LONG)


@dataclass(frozen=True)
class Notice:
    """A warning: what a person should know and no exit code says. ``line`` and ``column`` count
    from 1."""

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", shortened(self.message))

    def __str__(self) -> str:
        if not self.file:
            return self.message
        at = "" if self.line is None else f":{self.line}:{self.column or 1}"
        return f"{self.file}{at}: {self.message}"


class ProvisionError(Exception):
    """Carries one or more ``Problem``; raised where a run cannot go on. ``warnings`` are those of
    the files that were read until then."""

    exit_code: Exit = Exit.STOPPED

    def __init__(
        self,
        problems: Problem | Iterable[Problem],
        exit_code: Exit | None = None,
        warnings: Iterable[Notice] = (),
    ):
        self.problems = (problems,) if isinstance(problems, Problem) else tuple(problems)
        self.warnings = tuple(warnings)
        if exit_code is not None:
            self.exit_code = exit_code
        super().__init__("\n".join(str(p) for p in self.problems))


def fail(code: str, message: str, hint: str = "", **where: object) -> ProvisionError:
    """A ``ProvisionError`` of one problem, for ``raise fail(…)``."""
    return ProvisionError(Problem(code, message, hint, **where))  # type: ignore[arg-type]
