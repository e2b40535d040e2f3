"""How far a run goes: ``--max-restarts N`` and ``--until HH:MM``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from provisioner.plan.model import Change, Wave

Ended = Literal["", "max-restarts", "until"]


@dataclass(frozen=True)
class Limits:
    """``max_restarts``: running nodes that may be bounced, a combined one once. ``until``: when the
    last wave has to be over, in seconds since the epoch; ``until_words`` is that for a person.
    ``expected``: seconds that the bounce of a node takes, by the node's name, where that is
    known."""

    max_restarts: int | None = None
    until: float | None = None
    until_words: str = ""
    expected: Mapping[str, float] = field(default_factory=dict)


NO_LIMITS = Limits()


@dataclass
class Allowance:
    """What of the limits a run has left. ``ended``: which of them ended it; nothing is begun after
    that."""

    limits: Limits = NO_LIMITS
    now: Callable[[], float] = time.time
    bounced: int = 0
    longest: float = 0.0
    """Seconds that the longest bounce of this run took: what is expected of an unknown one."""
    ended: Ended = ""

    def ends(self, wave: Wave) -> bool:
        """Whether the run ends before this wave."""
        bounces = bounced_by(wave.changes)
        if not self.ended and bounces and self.left is not None and self.left < len(bounces):
            self.ended = "max-restarts"
        if not self.ended and not self.in_time(wave.changes):
            self.ended = "until"
        return bool(self.ended)

    @property
    def left(self) -> int | None:
        """How many nodes may still be bounced; None: any number."""
        most = self.limits.max_restarts
        return None if most is None else most - self.bounced

    def in_time(self, changes: Sequence[Change]) -> bool:
        """Whether these are expected to be over in time, when they begin now."""
        until = self.limits.until
        return until is None or self.now() + self.seconds(changes) <= until

    def seconds(self, changes: Sequence[Change]) -> float:
        """What these are expected to take; of what was never timed, nothing is known."""
        names = [change.id.name for change in bounced_by(changes)]
        return max((self.limits.expected.get(name, self.longest) for name in names), default=0.0)

    def took(self, changes: Sequence[Change], seconds: float) -> None:
        """These were bounced, or their bounce has failed."""
        bounces = bounced_by(changes)
        self.bounced += len(bounces)
        if bounces:
            self.longest = max(self.longest, seconds)


def bounced_by(changes: Sequence[Change]) -> list[Change]:
    """Those that stop a running process and start it again."""
    return [change for change in changes if change.action == "restart"]
