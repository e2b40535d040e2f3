"""The server side of SOCKS5, and how bytes pass through a tunnel."""

from __future__ import annotations

import errno
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from provisioner.kafka import tunnel as module
from provisioner.kafka.dialing import ask_proxy, receive_exactly
from provisioner.kafka.tunnel import Refusal, Tunnel, read_request, reply_for
from tests.unit.kafka.sockets import pair, playing

FACTS = b"\x05\x01\x00"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (b"\x01\x0a\x00\x00\x04", "10.0.0.4"),
        (b"\x04" + bytes(15) + b"\x01", "::1"),
        (b"\x03\x09localhost", "localhost"),
    ],
)
def test_requests(address: bytes, expected: str) -> None:
    with pair() as (ours, theirs):
        theirs.sendall(FACTS + b"\x05\x01\x00" + address + b"\x23\x84")
        assert read_request(ours) == (expected, 9092)
        assert receive_exactly(theirs, 2) == b"\x05\x00"


def test_only_connect() -> None:
    with pair() as (ours, theirs):
        theirs.sendall(FACTS + b"\x05\x02\x00\x01" + bytes(6))
        with pytest.raises(Refusal) as refused:
            read_request(ours)
        assert refused.value.reply == module.NOT_A_COMMAND


def test_only_known_addresses() -> None:
    with pair() as (ours, theirs):
        theirs.sendall(FACTS + b"\x05\x01\x00\x07" + bytes(6))
        with pytest.raises(Refusal) as refused:
            read_request(ours)
        assert refused.value.reply == module.NOT_AN_ADDRESS


@pytest.mark.parametrize("hello", [b"\x04\x01\x00", b"\x05\x01\x02", b"GET / HTTP/1.1\r\n" * 9])
def test_what_does_not_speak_socks5(hello: bytes) -> None:
    with pair() as (ours, theirs):
        theirs.sendall(hello)
        with pytest.raises(OSError, match=r"not SOCKS5|login"):
            read_request(ours)


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), module.REFUSED),
        (OSError(errno.ENETUNREACH, "x"), module.NO_NETWORK),
        (OSError(errno.EHOSTUNREACH, "x"), module.NO_HOST),
        (socket.gaierror(-2, "x"), module.NO_HOST),
        (TimeoutError("x"), module.TIMED_OUT),
        (Exception(2, "Connect failed: Connection refused"), module.REFUSED),  # SSH's kind
        (ValueError("x"), module.FAILED),
    ],
)
def test_replies(error: Exception, reply: int) -> None:
    assert reply_for(error) == reply


@contextmanager
def through(tunnel: Tunnel) -> Iterator[socket.socket]:
    """A client's end of a connection that the tunnel serves."""
    with pair() as (client, inside):
        client.settimeout(5)
        tunnel._start(tunnel._serve, inside)
        yield client


def test_bytes_pass_both_ways() -> None:
    asked: list[tuple[str, int]] = []
    with pair() as (inside, remote):

        def dial(host: str, port: int, seconds: float) -> Any:
            asked.append((host, port))
            return inside

        with Tunnel(dial) as tunnel, through(tunnel) as client:
            ask_proxy(client, "localhost", 9092)
            there, back = os.urandom(3_000_000), os.urandom(2_000_000)
            with playing(lambda s: s.sendall(there), client):
                assert receive_exactly(remote, len(there)) == there
            with playing(lambda s: s.sendall(back), remote):
                assert receive_exactly(client, len(back)) == back
    assert asked == [("localhost", 9092)]


def test_a_client_that_has_sent_all_still_gets_its_answer() -> None:
    with (
        pair() as (inside, remote),
        Tunnel(lambda *_: inside) as tunnel,
        through(tunnel) as client,
    ):
        ask_proxy(client, "h", 1)
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert receive_exactly(remote, 8) == b"question"
        assert remote.recv(1) == b""
        time.sleep(0.1)  # it may take its time
        remote.sendall(b"answer")
        remote.close()
        assert receive_exactly(client, 6) == b"answer"
        assert client.recv(1) == b""


def test_an_end_on_either_side_ends_the_other() -> None:
    with (
        pair() as (inside, remote),
        Tunnel(lambda *_: inside) as tunnel,
        through(tunnel) as client,
    ):
        ask_proxy(client, "h", 1)
        remote.close()
        assert client.recv(1) == b""


def test_a_failed_dial_is_told() -> None:
    def dial(*_: Any) -> Any:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    with Tunnel(dial) as tunnel, through(tunnel) as client:
        with pytest.raises(OSError, match="connection refused"):
            ask_proxy(client, "h", 1)
        assert receive_exactly(client, 6) == bytes(6)
        assert client.recv(1) == b""


def test_close_ends_connections_and_threads() -> None:
    before = set(threading.enumerate())
    with pair() as (inside, remote):
        tunnel = Tunnel(lambda *_: inside)
        with through(tunnel) as client:
            ask_proxy(client, "h", 1)
            remote.sendall(b"x")
            assert client.recv(1) == b"x"
            tunnel.close()
            assert client.recv(1) == b""
            assert remote.recv(1) == b""
    assert set(threading.enumerate()) <= before


def test_a_client_that_comes_too_late_is_ended() -> None:
    tunnel = Tunnel(lambda *_: None)
    tunnel.close()
    with through(tunnel) as client:
        assert client.recv(1) == b""


def test_close_does_not_wait_for_a_dial() -> None:
    release = threading.Event()
    dialled, remote = socket.socketpair()

    def dial(*_: Any) -> Any:
        release.wait(5)
        return dialled

    tunnel = Tunnel(dial)
    with through(tunnel) as client:
        client.sendall(FACTS + b"\x05\x01\x00\x01" + bytes(6))
        time.sleep(0.05)
        begun = time.monotonic()
        tunnel.close()
        assert time.monotonic() - begun < 2
        release.set()
    remote.settimeout(5)
    assert remote.recv(1) == b""  # what was dialled too late is ended
    remote.close()
