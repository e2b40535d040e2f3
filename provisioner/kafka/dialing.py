"""How an address is reached: directly, or through a SOCKS5 proxy that resolves the name itself.

A dial function (``port.Dial``) takes ``(host, port, seconds)`` and gives a connected socket. Errors
are ``OSError`` with a text that a person can read.
"""

from __future__ import annotations

import socket
import struct
from contextlib import suppress
from urllib.parse import urlsplit

from provisioner.kafka.port import Dial

SOCKS_ERRORS = {
    1: "it cannot be reached",
    2: "the proxy does not allow it",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "timed out",
    7: "the proxy cannot connect",
    8: "the proxy does not know this kind of address",
}


def dial_directly(host: str, port: int, seconds: float) -> socket.socket:
    """A connected TCP socket without delay of small packets, with keepalive."""
    connection = socket.create_connection((host, port), seconds)
    with suppress(OSError):  # the answer to a request is awaited anyhow
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return connection


def dial_for(proxy_url: str | None) -> Dial:
    """The dial function for ``proxy_url`` (``socks5h://HOST:PORT``; None: no proxy)."""
    if proxy_url is None:
        return dial_directly
    proxy = urlsplit(proxy_url)
    if proxy.scheme != "socks5h" or not proxy.hostname or not proxy.port:
        raise ValueError(f"{proxy_url!r} is not socks5h://HOST:PORT")
    proxy_host, proxy_port = proxy.hostname, proxy.port

    def dial(host: str, port: int, seconds: float) -> socket.socket:
        connection = dial_directly(proxy_host, proxy_port, seconds)
        try:
            ask_proxy(connection, host, port)
        except BaseException:
            connection.close()
            raise
        return connection

    return dial


def ask_proxy(connection: socket.socket, host: str, port: int) -> None:
    """Speaks SOCKS5 (no login, name resolved by the proxy) until ``connection`` leads to host."""
    name = host.encode("idna")
    connection.sendall(b"\x05\x01\x00")
    if receive_exactly(connection, 2) != b"\x05\x00":
        raise OSError("the proxy wants a login or is no SOCKS5 proxy")
    connection.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", port))
    _, code, _, kind = receive_exactly(connection, 4)
    if code:
        raise OSError(SOCKS_ERRORS.get(code, f"the proxy answered {code}"))
    length = {1: 4, 4: 16}.get(kind) or receive_exactly(connection, 1)[0]
    receive_exactly(connection, length + 2)


def receive_exactly(connection: socket.socket, count: int) -> bytes:
    """``count`` bytes; ConnectionError when the other side closes before that."""
    received = bytearray()
    while len(received) < count:
        piece = connection.recv(min(count - len(received), 1 << 18))
        if not piece:
            raise ConnectionResetError("the other side closed the connection")
        received += piece
    return bytes(received)
