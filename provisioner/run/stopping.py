"""SIGINT and SIGTERM: the step under way ends, and no other begins."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stop(threading.Event):
    """Set by a signal; ``number`` says by which. Several clusters of one command share one."""

    number = 0


@contextmanager
def stopping(shared: Stop | None = None) -> Iterator[Stop]:
    """The ``Stop`` that a signal sets. Only a main thread may install handlers: workers get the
    one that theirs installed as ``shared``."""
    if shared is not None:
        yield shared
        return
    stop = Stop()

    def handle(number: int, _: object) -> None:
        stop.number = number
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
