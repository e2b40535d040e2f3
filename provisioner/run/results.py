"""What became of the changes of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from provisioner.plan.diff import because
from provisioner.plan.model import Change, Event, Id


class Interrupted(Exception):
    """SIGINT or SIGTERM came; ``number`` is the signal's."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(f"signal {number}")


class StepFailed(Exception):
    """A step of ``change`` failed; the message is for a person. ``written``: it is already in
    the host's journal."""

    def __init__(self, change: Change, message: str, *, written: bool = False):
        self.change, self.written = change, written
        super().__init__(message)


class NotAccepted(Exception):
    """A gate refused the wave, and nothing of it was started: id → why."""

    def __init__(self, reasons: Mapping[Id, str]):
        self.reasons = reasons
        super().__init__("; ".join(reasons.values()))


@dataclass
class Results:
    """What became of each change."""

    applied: list[Change] = field(default_factory=list)
    failed: list[tuple[Change, str]] = field(default_factory=list)
    not_started: list[Change] = field(default_factory=list)

    def undone(self, again: Change, emit: Callable[[Event], None]) -> None:
        """Moves applied changes to failed where a later observation differs again."""
        words = again.reason or because(again.before or {}, again.after or {})
        why = f"applied, but it differs again: {words}"
        for change in [c for c in self.applied if c.id == again.id]:
            self.applied.remove(change)
            self.failed.append((change, why))
            emit(Event("failed", why, change.id.host, change))
