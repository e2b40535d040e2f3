"""A thread that works until it is told to end, and pauses when it is told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

PATIENCE = 300.0
"""Seconds that anything here may take: a hang ends the test, slowness does not."""


class Worker(threading.Thread):
    """``step`` again and again. What it raises ends it, and is raised by ``rest`` and ``end``."""

    def __init__(self, name: str):
        super().__init__(name=f"ledger {name}", daemon=True)
        self.writer = name
        self._go, self._over, self._idle = threading.Event(), threading.Event(), threading.Event()
        self._go.set()
        self._error: BaseException | None = None

    def step(self) -> None:
        raise NotImplementedError

    def quiet(self) -> bool:
        """Nothing that it began is under way any more."""
        return True

    def close(self) -> None:
        """What it holds, in its own thread."""

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def wait(self, seconds: float) -> None:
        """Less, when it is told to end."""
        self._over.wait(seconds)

    def run(self) -> None:
        try:
            while not self.over:
                if self._go.is_set():
                    self._idle.clear()
                    self.step()
                else:
                    self._idle.set()
                    self._go.wait(0.05)
            self.close()
        except BaseException as error:
            self._error = error
            raise

    def rest(self) -> None:
        """Tell it to pause; ``until_quiet`` waits for it."""
        self._go.clear()

    def until_quiet(self) -> None:
        until(lambda: self.check() and self._idle.is_set() and self.quiet(), f"{self.name} rests")

    def resume(self) -> None:
        self._idle.clear()
        self._go.set()

    def end(self) -> None:
        """Raises what it ended with before."""
        self._over.set()
        self._go.set()
        self.join(PATIENCE)
        assert not self.is_alive(), f"{self.name} does not end"
        self.check()

    def check(self) -> bool:
        """True; raises AssertionError when it ended by an error."""
        if self._error is not None:
            raise AssertionError(f"{self.name} ended: {self._error!r}") from self._error
        return True


def until(true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Raises AssertionError after ``seconds``."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.02)
