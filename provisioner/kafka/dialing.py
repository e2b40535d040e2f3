"""What goes over a dialled connection within a deadline, and dialling from this machine.

A dial function (``port.Dial``) takes ``(host, port, seconds)`` and gives a connected socket. Errors
are ``OSError`` with a text that a person can read.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from typing import Any

_PIECE = 1 << 18


class Deadline:
    """A point in time that everything in one call shares."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until then; TimeoutError when none are left."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"no answer within {self.seconds:g} s")
        return left

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._end

    def pause(self, seconds: float) -> None:
        """Waits, but not beyond the deadline; TimeoutError when that has passed."""
        time.sleep(min(seconds, self.left()))

    def sooner(self, seconds: float) -> Deadline:
        """This deadline, or ``seconds`` from now if that is earlier."""
        return Deadline(min(max(self._end - time.monotonic(), 0.0), seconds))


def dial_directly(host: str, port: int, seconds: float) -> socket.socket:
    """A connected TCP socket without delay of small packets, with keepalive."""
    connection = socket.create_connection((host, port), seconds)
    with suppress(OSError):  # the answer to a request is awaited anyhow
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection


def receive(connection: Any, most: int, deadline: Deadline) -> bytes:
    """What has come, ``b""`` at the end; TimeoutError at the deadline."""
    connection.settimeout(deadline.left())
    data: bytes = connection.recv(min(most, _PIECE))
    return data


def receive_exactly(connection: Any, count: int, deadline: Deadline) -> bytes:
    """``count`` bytes; ConnectionError when the other side closes before that, TimeoutError at the
    deadline, however many pieces the bytes come in."""
    received = bytearray()
    while len(received) < count:
        piece = receive(connection, count - len(received), deadline)
        if not piece:
            raise ConnectionResetError("the other side closed the connection")
        received += piece
    return bytes(received)


def send_all(connection: Any, data: bytes, deadline: Deadline) -> None:
    """Every byte; TimeoutError at the deadline, however slowly they are taken."""
    left = memoryview(data)
    while left:
        connection.settimeout(deadline.left())
        taken = connection.send(left)
        if not taken:  # how an SSH channel says that it was closed
            raise ConnectionResetError("the other side closed the connection")
        left = left[taken:]
