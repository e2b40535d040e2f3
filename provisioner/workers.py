"""Threads for what goes side by side."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


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
