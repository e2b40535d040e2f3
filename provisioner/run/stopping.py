"""SIGINT and SIGTERM. A command that only reads ends at once; after the first change the current
step finishes and no other starts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from provisioner.errors import Exit, Problem, ProvisionError

AGAIN = "run it again: it continues from the current state"


class Signalled(KeyboardInterrupt):
    """A signal came while nothing has to finish first."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(interruption(number).message)


class Stop(threading.Event):
    """Set by a signal; ``number`` says by which. All clusters of one command share one.

    ``raises``: a signal also raises Signalled in the main thread. It does so until something may be
    changed; from then on whoever works looks here before each step.
    """

    number = 0
    raises = True

    def came(self, number: int, _: object) -> None:
        """The handler of both signals."""
        self.number = number
        self.set()
        if self.raises:
            raise Signalled(number)

    @property
    def ended(self) -> bool:
        """A signal came that ends the command, even if its exception was swallowed."""
        return self.raises and self.is_set()

    def check(self) -> None:
        """Raises ProvisionError ``interrupted`` once a signal has come: for where nothing has
        been changed yet."""
        if self.is_set():
            raise ProvisionError(interruption(self.number), Exit(128 + self.number))


def interruption(number: int) -> Problem:
    """The problem of a command that a signal ended."""
    return Problem("interrupted", f"interrupted by {signal.Signals(number).name}", AGAIN)


@contextmanager
def signals() -> Iterator[Stop]:
    """The ``Stop`` of a command, for as long as it runs. Only a main thread may install handlers:
    elsewhere nothing sets it."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {n: signal.signal(n, stop.came) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def stopping(shared: Stop | None = None) -> Iterator[Stop]:
    """From here to the end of the command a signal is only noted. ``shared`` is the command's own;
    without one handlers are installed for as long as this lasts. Raises ProvisionError
    ``interrupted`` where a signal was noted before."""
    if shared is None:
        with signals() as stop:
            stop.raises = False
            yield stop
        return
    shared.raises = False
    shared.check()
    yield shared
