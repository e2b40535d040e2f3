"""Phrases for the changes of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from provisioner.kinds.registry import KINDS
from provisioner.kinds.service.causes import cause
from provisioner.plan.model import Change


def explained(text: str) -> str:
    """The known cause, if any, and the last lines of a step's output."""
    words, tail = cause(text), last_lines(text)
    return f"{words}\n{tail}" if words else tail


def last_lines(text: str, count: int = 12) -> str:
    lines = text.strip().splitlines()
    return "\n".join(lines[-count:]) if lines else "it failed without output"


def tally(changes: Sequence[Change]) -> tuple[tuple[str, str], ...]:
    """``("create", "14 directories"), ("update", "1 file")``: what a wave did, by kind."""
    counts = Counter((change.action, change.id.kind) for change in changes)
    return tuple((a, KINDS[kind].count(count)) for (a, kind), count in counts.items())
