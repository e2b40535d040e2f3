"""Threads for what goes side by side, and waiting for them so that a signal is heard.

The system may give a signal to any thread, and Python's handler runs in the main one as soon as
that runs at all: so the main thread never waits for longer than ``BEAT`` at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

BEAT = 0.2
A = TypeVar("A")
T = TypeVar("T")


@contextmanager
def workers(count: int) -> Iterator[ThreadPoolExecutor]:
    """At most ``count`` threads. The end waits for what they do, unless a signal ended the work:
    then what was not begun is dropped, and a host that does not answer is not waited for."""
    pool = ThreadPoolExecutor(count)
    waits = True
    try:
        yield pool
    except KeyboardInterrupt:
        waits = False
        raise
    finally:
        pool.shutdown(wait=waits, cancel_futures=not waits)


def each(pool: ThreadPoolExecutor, work: Callable[[A], T], items: Iterable[A]) -> Iterator[T]:
    """``work(item)`` of every item, in their order, as they come. Raises what one raised, when it
    is its turn; what was not begun then is dropped."""
    futures = [pool.submit(work, item) for item in items]
    try:
        for future in futures:
            yield result_of(future)
    finally:
        for future in futures:
            future.cancel()


def result_of(future: Future[T]) -> T:
    """What it gave, once it has. Raises what it raised."""
    while not future.done():
        wait([future], BEAT)
    return future.result()
