"""A SOCKS5 listener on a loopback port; every connection through it is made by ``dial``.

Brokers on a remote host often advertise ``localhost``, or ports that nobody else can reach. With
``dial`` = "connect from that host" (an SSH channel) and ``proxy_url = tunnel.url``, the library's
producer and consumer work against them with nothing open but SSH. Names are resolved by ``dial``,
never here. Any user of this machine can connect to the port: what gets through knows the login,
which is random and lives as long as the listener.
"""

from __future__ import annotations

import errno
import hmac
import secrets
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from provisioner.kafka.dialing import Deadline, receive_exactly
from provisioner.kafka.port import Dial
from provisioner.kafka.routes import ForeignAddress

DIAL_SECONDS = 10.0
MOST_CLIENTS = 256
"""Connections at once: the library makes a few to each broker, and strangers may make more."""
PIECE = 1 << 18
"""Bytes moved at once."""

# Replies of RFC 1928; 6, "TTL expired", is the nearest it has to a timeout.
DONE, FAILED, NOT_ALLOWED, NO_NETWORK, NO_HOST, REFUSED, TIMED_OUT = range(7)
NOT_A_COMMAND, NOT_AN_ADDRESS = 7, 8
LOGIN, NO_METHOD = 2, 255
"""How a client may introduce itself: by user and password (RFC 1929), or by nothing we take."""
REPLIES = {
    errno.ENETUNREACH: NO_NETWORK,
    errno.EHOSTUNREACH: NO_HOST,
    errno.ECONNREFUSED: REFUSED,
    errno.ETIMEDOUT: TIMED_OUT,
}


class Refusal(Exception):
    """What the client asked for cannot be done; ``reply`` is what it is told."""

    def __init__(self, reply: int):
        self.reply = reply
        super().__init__(f"SOCKS reply {reply}")


class Tunnel:
    """Listens from its construction to ``close()``. ``url`` is what Kafka's clients are given."""

    def __init__(self, dial: Dial, *, seconds: float = DIAL_SECONDS):
        """``seconds``: limit for a handshake and for a ``dial``. OSError: nothing can listen."""
        self._dial = dial
        self._seconds = seconds
        self._lock = threading.Lock()
        self._open: set[Any] = set()
        self._threads: set[threading.Thread] = set()
        self._closed = False
        self._user, self._password = secrets.token_hex(16), secrets.token_hex(32)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"socks5h://{self._user}:{self._password}@127.0.0.1:{self.port}"
        self._start(self._accept)

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends every connection and thread (one that is in ``dial`` ends when that does)."""
        with self._lock:
            self._closed = True
            open_now, threads = list(self._open), list(self._threads)
        for each in [self._listener, *open_now]:
            _end(each)
        for thread in threads:
            thread.join(1.0)

    def _start(self, work: Callable[..., None], *arguments: Any) -> threading.Thread:
        def run() -> None:
            try:
                work(*arguments)
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=run, name=f"tunnel-{self.port}", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()
        return thread

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # close() was called
            if len(self._open) >= MOST_CLIENTS:
                client.close()
                continue
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        """One client: handshake, dial, then bytes both ways until both sides have ended."""
        remote = None
        try:
            self._keep(client)
            remote = self._answer(client)
            self._keep(remote)
            client.settimeout(None)
            remote.settimeout(None)
            back = self._start(_pump, remote, client)
            _pump(client, remote)
            back.join()  # a client that has sent all may still be reading
        except (OSError, Refusal):
            pass  # it was told, or is gone
        finally:
            self._forget(client)
            self._forget(remote)

    def _answer(self, client: socket.socket) -> Any:
        """The dialled connection, once the client has been told. Refusal, when told otherwise."""
        deadline = Deadline(self._seconds)
        read_login(client, self._user, self._password, deadline)
        try:
            remote = self._dial_for(*read_request(client, deadline))
        except Refusal as refusal:
            client.sendall(reply(refusal.reply))
            raise
        try:
            client.sendall(reply(DONE))
        except OSError:
            _end(remote)
            raise
        return remote

    def _dial_for(self, host: str, port: int) -> Any:
        try:
            return self._dial(host, port, self._seconds)
        except Exception as error:  # whatever the way to the host raises
            raise Refusal(reply_for(error)) from error

    def _keep(self, connection: Any) -> None:
        """From here on ``close()`` ends it. OSError when that has been called already."""
        with self._lock:
            self._open.add(connection)
            if self._closed:
                raise OSError("the tunnel is closed")

    def _forget(self, connection: Any) -> None:
        if connection is not None:
            with self._lock:
                self._open.discard(connection)
            _end(connection)


def read_login(client: socket.socket, user: str, password: str, deadline: Deadline) -> None:
    """The greeting and the login of RFC 1929. OSError when it is not SOCKS5 or another login: the
    client has been told then. Nothing is read of what such a one wants."""
    version, count = receive_exactly(client, 2, deadline)
    methods = receive_exactly(client, count, deadline)
    if version != 5:
        raise OSError("not SOCKS5")
    if LOGIN not in methods:
        client.sendall(bytes([5, NO_METHOD]))
        raise OSError("the client has no login")
    client.sendall(bytes([5, LOGIN]))
    version, length = receive_exactly(client, 2, deadline)
    given = receive_exactly(client, length, deadline)
    (length,) = receive_exactly(client, 1, deadline)
    shown = receive_exactly(client, length, deadline)
    known = [
        hmac.compare_digest(given, user.encode()),
        hmac.compare_digest(shown, password.encode()),
    ]
    if version != 1 or not all(known):
        client.sendall(b"\x01\x01")
        raise OSError("another login")
    client.sendall(b"\x01\x00")


def read_request(client: socket.socket, deadline: Deadline) -> tuple[str, int]:
    """Host and port the client wants. Refusal for all but CONNECT; OSError when not SOCKS5."""
    version, command, _, kind = receive_exactly(client, 4, deadline)
    if version != 5:
        raise OSError("not SOCKS5")
    if kind == 1:
        host = socket.inet_ntop(socket.AF_INET, receive_exactly(client, 4, deadline))
    elif kind == 4:
        host = socket.inet_ntop(socket.AF_INET6, receive_exactly(client, 16, deadline))
    elif kind == 3:
        (length,) = receive_exactly(client, 1, deadline)
        host = receive_exactly(client, length, deadline).decode("ascii", "replace")
    else:
        raise Refusal(NOT_AN_ADDRESS)
    (port,) = struct.unpack(">H", receive_exactly(client, 2, deadline))
    if command != 1:
        raise Refusal(NOT_A_COMMAND)
    return host, port


def reply(code: int) -> bytes:
    """A SOCKS5 reply; the address in it means nothing to a client that gave a name."""
    return bytes([5, code, 0, 1]) + bytes(6)


def reply_for(error: BaseException) -> int:
    """The reply that tells a failed ``dial`` best. SSH's own errors carry only a text."""
    if isinstance(error, ForeignAddress):
        return NOT_ALLOWED
    if isinstance(error, TimeoutError):
        return TIMED_OUT
    if isinstance(error, socket.gaierror):
        return NO_HOST
    known = REPLIES.get(getattr(error, "errno", None) or 0)
    if known is not None:
        return known
    return REFUSED if "refused" in str(error).lower() else FAILED


def _pump(source: Any, target: Any) -> None:
    """Moves bytes until ``source`` has ended, then says so to ``target``; both end on an error."""
    try:
        while piece := source.recv(PIECE):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except Exception:  # an SSH channel raises its own kinds
        _end(source)
        _end(target)


def _end(connection: Any) -> None:
    """Shuts down, which wakes a thread that waits in it (closing alone does not), and closes."""
    with suppress(Exception):
        connection.shutdown(socket.SHUT_RDWR)
    with suppress(Exception):
        connection.close()
