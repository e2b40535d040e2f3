"""Connected pairs of sockets, with a scripted other side: no network."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from provisioner.kafka.dialing import Deadline, receive_exactly


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


def take(connection: socket.socket, count: int) -> bytes:
    """``count`` bytes, within 5 s."""
    return receive_exactly(connection, count, Deadline(5))


def log_in(connection: socket.socket, user: str, password: str) -> bytes:
    """What a SOCKS5 proxy answers to a login (RFC 1929); nothing when it hangs up."""
    connection.sendall(b"\x05\x01\x02")
    assert take(connection, 2) == b"\x05\x02"
    words = [bytes([len(word)]) + word.encode() for word in (user, password)]
    connection.sendall(b"\x01" + b"".join(words))
    return take(connection, 2)


def ask_proxy(connection: socket.socket, url: str, host: str, port: int) -> int:
    """Logs in with what ``url`` says and asks for an address by its name; the reply's code."""
    login = urlsplit(url)
    assert log_in(connection, login.username or "", login.password or "") == b"\x01\x00"
    name = host.encode()
    connection.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", port))
    code = take(connection, 10)[1]
    return code
