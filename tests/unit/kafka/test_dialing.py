"""The client side of SOCKS5."""

from __future__ import annotations

import socket

import pytest

from provisioner.kafka.dialing import ask_proxy, dial_for, receive_exactly
from tests.unit.kafka.sockets import pair, playing


def proxy(greeting: bytes, answer: bytes) -> None:
    """Plays a proxy for kafka.example:9092 that says ``greeting``, then ``answer``, then 'data'."""

    def role(server: socket.socket) -> None:
        assert receive_exactly(server, 3) == b"\x05\x01\x00"
        server.sendall(greeting)
        if greeting == b"\x05\x00":
            request = b"\x05\x01\x00\x03\x0dkafka.example" + (9092).to_bytes(2, "big")
            assert receive_exactly(server, len(request)) == request
            server.sendall(answer + b"data")

    with pair() as (ours, theirs), playing(role, theirs):
        ask_proxy(ours, "kafka.example", 9092)
        assert receive_exactly(ours, 4) == b"data"  # not one byte too many was taken


@pytest.mark.parametrize(
    "address",
    [b"\x01" + bytes(4), b"\x04" + bytes(16), b"\x03\x05abcde"],
    ids=["ipv4", "ipv6", "name"],
)
def test_the_way_is_open(address: bytes) -> None:
    proxy(b"\x05\x00", b"\x05\x00\x00" + address + b"\x00\x50")


@pytest.mark.parametrize(
    ("code", "said"),
    [(5, "connection refused"), (4, "host unreachable"), (6, "timed out"), (99, "answered 99")],
)
def test_the_proxy_refuses(code: int, said: str) -> None:
    with pytest.raises(OSError, match=said):
        proxy(b"\x05\x00", bytes([5, code, 0, 1]) + bytes(6))


def test_the_proxy_wants_a_login() -> None:
    with pytest.raises(OSError, match="login"):
        proxy(b"\x05\xff", b"")


@pytest.mark.parametrize("url", ["http://h:1", "socks5h://h", "socks5://h:1", "h:1"])
def test_only_a_proxy_that_resolves_names(url: str) -> None:
    with pytest.raises(ValueError, match="is not socks5h"):
        dial_for(url)
