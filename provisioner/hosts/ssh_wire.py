"""Bytes to a server: TCP or a ProxyCommand, with deadlines on everything. Knows nothing of SSH."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from provisioner.hosts.transport import TransportError

_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN}


class Deadline:
    """Calls ``abort`` from a thread of its own after ``seconds``, unless the block ends before.

    For calls of libraries that take no timeout: what they wait on is closed under them.
    """

    def __init__(self, seconds: float, abort: Callable[[], None]):
        self.seconds = seconds
        self.expired = False
        self._abort = abort
        self._timer = threading.Timer(max(seconds, 0.0), self._expire)
        self._timer.daemon = True

    def _expire(self) -> None:
        self.expired = True
        self._abort()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        self._timer.join()


class Wire:
    """A connected socket, or a channel through another host, as the SSH library wants it.

    ``last_received`` is when the last byte came (``time.monotonic``), ``greeting`` the first ones
    (at most 80). ``abort`` ends all waiting
    on it at once, from any thread; closing a socket alone does not wake a thread that reads.
    """

    def __init__(self, sock: Any, child: subprocess.Popen[bytes] | None = None):
        self._sock = sock
        self._child = child
        self._closed = False
        self.greeting = b""
        # Until a session runs, sshd holds back what it sends while we owe it an acknowledgement,
        # and our kernel takes its time with those: 40 ms at each step of a login.
        self.eager = isinstance(sock, socket.socket) and sock.family != socket.AF_UNIX
        self.last_received = time.monotonic()

    def send(self, data: bytes) -> int:
        return int(self._sock.send(data))

    def recv(self, size: int) -> bytes:
        data: bytes = self._sock.recv(size)
        if data:
            self.last_received = time.monotonic()
            self.greeting = self.greeting or data[:80]
            if self.eager:
                _acknowledge(self._sock)
        return data

    def settimeout(self, seconds: float | None) -> None:
        self._sock.settimeout(seconds)

    def getpeername(self) -> Any:
        return self._sock.getpeername()

    def abort(self) -> None:
        self._closed = True
        if isinstance(self._sock, socket.socket):
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
        else:
            with contextlib.suppress(EOFError, OSError):
                self._sock.close()

    def close(self) -> None:
        self.abort()
        with contextlib.suppress(EOFError, OSError):
            self._sock.close()
        if self._child is not None:
            _end(self._child)
            self._child = None


def _acknowledge(sock: socket.socket) -> None:
    if hasattr(socket, "TCP_QUICKACK"):  # Linux; holds for the moment only
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(2.0)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def dial(host: str, port: int, seconds: float, dead_after: float) -> Wire:
    """A TCP connection. ``dead_after`` is how long sent bytes may stay without an answer.

    Raises TransportError: ``host-name-unknown``, ``connection-refused``, ``unreachable``.
    """
    end = time.monotonic() + seconds
    addresses = _resolve(host, port, seconds)
    failures: list[OSError] = []
    for index, (family, address) in enumerate(addresses):
        left = end - time.monotonic()
        # an address that swallows everything must leave time for the ones after it
        share = left / (len(addresses) - index)
        if left <= 0:
            break
        try:
            return Wire(_dial(family, address, share, dead_after))
        except OSError as error:
            failures.append(error)
    raise _failure(host, port, seconds, failures)


def _dial(family: int, address: Any, seconds: float, dead_after: float) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(seconds)
        sock.connect(address)
        _tune(sock, dead_after)
    except OSError:
        sock.close()
        raise
    return sock


def _tune(sock: socket.socket, dead_after: float) -> None:
    # the SSH library sets none of these: without NODELAY a command takes 44 ms instead of 2
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    milliseconds = int(dead_after * 1000)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def _resolve(host: str, port: int, seconds: float) -> list[tuple[int, Any]]:
    """The addresses of a name, each once. The resolver takes no deadline, so a thread asks it."""
    found: list[Any] = []

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except OSError as error:
            found.append(error)
        except UnicodeError as error:  # a label that is empty or too long
            found.append(OSError(str(error)))

    if _is_address(host):
        ask()
    else:
        thread = threading.Thread(target=ask, daemon=True, name=f"resolve {host}")
        thread.start()
        thread.join(seconds)
    if not found:
        raise TransportError(
            "host-name-unknown", f"no answer about the name {host} within {seconds:.0f} s"
        )
    if isinstance(found[0], OSError):
        reason = found[0].strerror or str(found[0])
        raise TransportError(
            "host-name-unknown",
            f"the name {host} is unknown: {reason}",
            "set ansible_host in the inventory or HostName in ~/.ssh/config",
        ) from found[0]
    return list(dict.fromkeys((entry[0], entry[4]) for entry in found[0]))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _failure(host: str, port: int, seconds: float, failures: list[OSError]) -> TransportError:
    """The error of a host none of whose addresses took the connection."""
    where = f"{host} port {port}"
    for error in failures:
        if isinstance(error, ConnectionRefusedError):
            return TransportError(
                "connection-refused",
                f"connection refused by {where}",
                "is sshd running there, and on that port?",
            )
    for error in failures:
        if error.errno in _UNREACHABLE:
            return TransportError("unreachable", f"{where}: {error.strerror}")
    if all(isinstance(error, TimeoutError) for error in failures):
        return TransportError(
            "unreachable",
            f"connection to {where} timed out after {seconds:g} s",
            "is it up, and do the firewalls between let the port through?",
        )
    return TransportError("unreachable", f"{where}: {failures[0]}")


def environment() -> dict[str, str]:
    """Ours, for what the SSH configuration runs, but for our passwords."""
    return {name: v for name, v in os.environ.items() if not name.startswith("PROVISION_")}


def proxy_command(command: str) -> Wire:
    """The two ends of a ProxyCommand as one socket. Raises TransportError('unreachable')."""
    ours, theirs = socket.socketpair()
    try:
        child = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,  # Ctrl-C is for us to handle, not for it to die of
        )
    except OSError as error:
        ours.close()
        raise TransportError("unreachable", f"ProxyCommand {command!r}: {error}") from error
    finally:
        theirs.close()
    return Wire(ours, child)
