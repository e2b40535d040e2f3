"""Waiting that is limited by lack of progress, not by time."""

from __future__ import annotations

import threading
import time


class Patience:
    """One wait. Whoever waits looks, says with ``mark`` how far things are, and pauses.

    ``limit``: seconds without progress after which ``is_over``. ``stop`` ends a pause.
    ``pause``: seconds between two looks, at first and at most: looking takes CPU from what is
    waited for.
    """

    def __init__(
        self,
        limit: float,
        stop: threading.Event | None = None,
        pause: tuple[float, float] = (0.2, 0.2),
    ):
        self.limit = limit
        self._stop = stop or threading.Event()
        self._pause, self._longest = pause
        self._began = self._moved = time.monotonic()
        self._mark: object = None
        self._told: object = None
        self._said = 0.0

    def mark(self, progress: object) -> None:
        """The measure of progress as it is now: any other value than before is progress."""
        if progress != self._mark:
            self._mark, self._moved = progress, time.monotonic()

    def moved(self) -> None:
        """There was progress that no measure shows."""
        self._moved = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    @property
    def idle(self) -> float:
        """Seconds without progress."""
        return time.monotonic() - self._moved

    @property
    def is_over(self) -> bool:
        return self.idle > self.limit

    def is_news(self, what: object, after: float = 3.0, every: float = 0.0) -> bool:
        """Whether a person should be told, after so many seconds, not the same again, and what
        keeps changing not more often than ``every`` so many."""
        if self.seconds <= after or what == self._told:
            return False
        now = time.monotonic()
        if self._told is not None and now - self._said < every:
            return False
        self._told, self._said = what, now
        return True

    def pause(self, least: float = 0.0) -> bool:
        """Waits a moment, ``least`` seconds. Returns True once ``stop`` is set."""
        if self._stop.wait(max(self._pause, least)):
            return True
        self._pause = min(self._pause * 1.3, self._longest)
        return False
