"""How far a broker has come with the recovery of its logs, by its own log."""

from __future__ import annotations

import re

from provisioner.kinds.kind import script

SCRIPT = script(__package__ or "", "recovery.sh")
"""Its argument is the broker's log file."""
COUNTS = re.compile(r"(\d{1,9}) (\d{1,9})\n?")


def recovered(text: str) -> tuple[int, int] | None:
    """(logs loaded, logs in all) from the script's output; None where none is recovered."""
    found = COUNTS.fullmatch(text)
    return (int(found[1]), int(found[2])) if found else None
