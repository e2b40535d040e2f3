"""How long something has been so, for a person."""

from __future__ import annotations

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def duration(seconds: int) -> str:
    """``3 d``: whole units of the largest that fits."""
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(0, seconds)} s"
