"""How far a broker has come with the recovery of its logs, by its own log and its log dirs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from provisioner.kinds.kind import script

SCRIPT = script(__package__ or "", "recovery.sh")
"""Its arguments are the broker's log file and its log dirs."""
COUNTS = re.compile(r"(\d{1,9}) (\d{1,9}) (\d{1,9}) (\d{1,9})\n?")


@dataclass(frozen=True)
class Recovery:
    """Logs (replicas) that are loaded, of all; segments whose recovery was begun, of all."""

    logs: int
    all_logs: int
    segments: int
    all_segments: int

    @property
    def shown(self) -> tuple[int, int, Literal["logs", "segments"]]:
        """(done, of, what): segments, where there are some to recover."""
        if self.all_segments:
            return self.segments, self.all_segments, "segments"
        return self.logs, self.all_logs, "logs"

    def __str__(self) -> str:
        done, of, what = self.shown
        return f"recovering {done:,} of {of:,} {what}"


def recovered(text: str) -> Recovery | None:
    """From the script's output; None where nothing is recovered."""
    found = COUNTS.fullmatch(text)
    if not found:
        return None
    logs, all_logs, segments, all_segments = map(int, found.groups())
    # A segment that Kafka has begun is on the disk, whatever the script saw there.
    return Recovery(logs, all_logs, segments, max(segments, all_segments))
