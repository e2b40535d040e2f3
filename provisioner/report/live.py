"""What goes on just now, shown below the lines of a terminal; gone when it is over.

A thing that takes long has a line: a host that is sent a distribution, a node that stops, starts,
recovers and catches up. What is printed meanwhile is printed as always, above these lines. Without
a terminal there is no ``Live``. The library that draws is imported when there is something to draw:
the first time something has taken longer than ``AFTER``.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from provisioner.plan.model import Progress

if TYPE_CHECKING:
    from provisioner.report.region import Region

AFTER = 0.5
"""Seconds: what is over sooner is not shown."""
SPEED_OF = 5.0
"""Seconds: the speed is that of the last few."""
DUMB = ("", "dumb", "unknown")


def moves(stream: Any) -> bool:
    """Whether it is a terminal on which a line can be drawn again."""
    return bool(stream is not None and stream.isatty()) and os.environ.get("TERM", "") not in DUMB


@dataclass
class Row:
    """One thing that goes on: since when, how far, and ``samples`` of (when, how much was done)."""

    prefix: str
    progress: Progress
    began: float
    samples: deque[tuple[float, int]] = field(default_factory=deque)

    def take(self, progress: Progress, now: float) -> None:
        if progress.phase != self.progress.phase:
            self.began = now
            self.samples.clear()
        self.progress = progress
        # Ten a second are enough for a speed.
        if not self.samples or now - self.samples[-1][0] >= 0.1:
            self.samples.append((now, progress.done))
        while now - self.samples[0][0] > SPEED_OF and len(self.samples) > 1:
            self.samples.popleft()

    def speed(self, now: float) -> float:
        """How much is done in a second; 0 where that is not known yet."""
        if not self.samples:
            return 0.0
        since, done = self.samples[0]
        return (self.progress.done - done) / (now - since) if now > since else 0.0

    def seconds_left(self, now: float) -> float | None:
        speed, left = self.speed(now), self.progress.total - self.progress.done
        return left / speed if speed > 0 and left > 0 else None


class Rows:
    """What goes on, by cluster, host and subject, in the order it began. For any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._rows: dict[tuple[str, str, str], Row] = {}
        self._mutex = threading.Lock()

    def take(self, progress: Progress, prefix: str) -> bool:
        """Whether anything goes on, after what was just told."""
        key, now = (prefix, progress.host, progress.subject), self._clock()
        with self._mutex:
            known = self._rows.get(key)
            if progress.over:
                if known is not None and progress.phase in ("", known.progress.phase):
                    del self._rows[key]
            elif known is not None:
                known.take(progress, now)
            else:
                self._rows[key] = row = Row(prefix, progress, now)
                row.take(progress, now)
            return bool(self._rows)

    def now(self) -> tuple[list[Row], float]:
        """A copy, and the time it is of."""
        with self._mutex:
            rows = [
                Row(row.prefix, row.progress, row.began, deque(row.samples))
                for row in self._rows.values()
            ]
            return rows, self._clock()


class Live:
    """The lines on one stream, of all clusters of a command."""

    def __init__(self, stream: Any, *, after: float = AFTER, rows: Rows | None = None):
        self._stream, self._after = stream, after
        self._rows = rows or Rows()
        self._mutex = threading.RLock()
        self._region: Region | None = None
        self._closed = threading.Event()
        self._waits = False

    def update(self, progress: Progress, prefix: str = "") -> None:
        """Called by any thread, often."""
        some = self._rows.take(progress, prefix)
        if some == (self._region is not None) or self._closed.is_set():
            return
        with self._mutex:
            if not some:
                self._hide()
            elif not self._waits:
                self._waits = True
                threading.Thread(target=self._begin, daemon=True).start()

    def _begin(self) -> None:
        """Shows what still goes on after a moment."""
        self._closed.wait(self._after)
        if not self._closed.is_set() and self._rows.now()[0]:
            with suppress(Exception):
                import provisioner.report.region  # noqa: F401  # meanwhile nobody waits for it
        with self._mutex:
            self._waits = False
            self._show()

    @contextmanager
    def above(self) -> Iterator[None]:
        """What is printed meanwhile, to whatever stream, stands above the lines."""
        with self._mutex:
            shown = self._region is not None
            self._hide()
            try:
                yield
            finally:
                if shown:
                    self._show()

    def close(self) -> None:
        """The lines are gone, the cursor is back, and nothing is shown any more. A signal that
        comes meanwhile is not lost: it is raised when this is done."""
        try:
            self._close()
        except KeyboardInterrupt:
            self._close()
            raise

    def _close(self) -> None:
        self._closed.set()
        with self._mutex:
            self._hide()

    def _show(self) -> None:
        if self._closed.is_set() or self._region is not None or not self._rows.now()[0]:
            return
        try:
            from provisioner.report.region import Region

            self._region = Region(self._stream, self._rows)
            self._region.start()
        except Exception:
            # What cannot be drawn is no failure of the run: its lines are printed all the same.
            self._closed.set()
            self._hide()

    def _hide(self) -> None:
        region = self._region
        if region is not None:
            with suppress(Exception):
                region.stop()
            self._region = None
