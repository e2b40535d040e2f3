"""Connected pairs of sockets, with a scripted other side: no network."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """(ours, theirs), with a limit of 5 s on theirs so that a failing test ends."""
    ours, theirs = socket.socketpair()
    theirs.settimeout(5)
    with ours, theirs:
        yield ours, theirs


@contextmanager
def playing(role: Callable[[socket.socket], object], connection: socket.socket) -> Iterator[None]:
    """``role`` has the other side in a thread; what it raises fails the test."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            role(connection)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield
    thread.join(5)
    assert not thread.is_alive()
    if failed:
        raise failed[0]
