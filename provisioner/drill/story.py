"""The steps of a drill as they are reported while it runs, and its outcome."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from provisioner.drill.account import Account, Moved, Place
from provisioner.plan.model import Line
from provisioner.run.results import Interrupted


class Story:
    """Collects the steps, and hands each to ``tell`` when it has ended."""

    def __init__(self, tell: Callable[[Line], None]):
        self.lines: list[Line] = []
        self._tell = tell

    @contextmanager
    def step(self, name: str, shows: str = "") -> Iterator[Line]:
        """An exception ends the step as not ok, and goes on to the caller."""
        line = Line(name, shows)
        started = time.monotonic()
        try:
            yield line
        except Exception as error:
            line.ok, line.detail = False, _why(error)
            raise
        finally:
            line.seconds = time.monotonic() - started
            self.lines.append(line)
            self._tell(line)

    @property
    def ok(self) -> bool:
        return all(line.ok for line in self.lines)


@dataclass
class Outcome:
    """What an exercise measured. ``account`` is None where nothing could be read back at the end;
    ``silent`` is the longest time without an acknowledgement on any partition of its topic, and
    ``leaderless`` how long other partitions had no leader, both in seconds."""

    acked_before: int = 0
    acked_during: int = 0
    account: Account | None = None
    vanished: int = 0
    moved: list[Moved] = field(default_factory=list)
    silent: float | None = None
    leaderless: dict[Place, float] = field(default_factory=dict)
    healed: bool = False
    stopped: bool = False

    @property
    def lost(self) -> int | None:
        """Acknowledged records that are gone, and such as were in the topic before."""
        return None if self.account is None else self.account.lost + self.vanished


def _why(error: Exception) -> str:
    if isinstance(error, Interrupted):
        return "interrupted: healing now"
    return str(error) or type(error).__name__
