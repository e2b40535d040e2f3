"""Phrases for the changes of a run."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.kinds.service.causes import cause
from provisioner.plan.model import Change


def explained(text: str) -> str:
    """The known cause, if any, and the last lines of a step's output."""
    words, tail = cause(text), last_lines(text)
    return f"{words}\n{tail}" if words else tail


def last_lines(text: str, count: int = 12) -> str:
    lines = text.strip().splitlines()
    return "\n".join(lines[-count:]) if lines else "it failed without output"


def tally(changes: Sequence[Change]) -> str:
    """``14 directories, 1 file``: what a wave did, by kind."""
    plurals = {"directory": "directories", "storage": "storages", "java": "java", "kafka": "kafka"}
    counts: dict[tuple[str, str], int] = {}
    for change in changes:
        key = (change.action, change.id.kind)
        counts[key] = counts.get(key, 0) + 1
    words = []
    for (action, kind), count in counts.items():
        name = kind if count == 1 else plurals.get(kind, kind + "s")
        words.append(f"{action} {count} {name}")
    return ", ".join(words)
