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
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import BrokerView
from provisioner.kafka.routes import ForeignAddress, Routes
from provisioner.kafka.tunnel import Refusal, Tunnel, read_login, read_request, reply_for
from tests.unit.kafka.sockets import ask_proxy, log_in, pair, playing, take

USER, PASSWORD = "me", "5ecret"


def login(data: bytes) -> bytes:
    """What a client with this greeting and login is told, and that it is then sent away."""
    with pair() as (ours, theirs):
        theirs.sendall(data)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError, match=r"not SOCKS5|login|closed"):
            read_login(ours, USER, PASSWORD, Deadline(5))
        ours.close()
        return b"".join(iter(lambda: theirs.recv(100), b""))


def named(user: str, password: str) -> bytes:
    words = [bytes([len(word)]) + word.encode() for word in (user, password)]
    return b"\x05\x01\x02\x01" + b"".join(words)


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
        theirs.sendall(b"\x05\x01\x00" + address + b"\x23\x84")
        assert read_request(ours, Deadline(5)) == (expected, 9092)


def test_only_connect() -> None:
    with pair() as (ours, theirs):
        theirs.sendall(b"\x05\x02\x00\x01" + bytes(6))
        with pytest.raises(Refusal) as refused:
            read_request(ours, Deadline(5))
        assert refused.value.reply == module.NOT_A_COMMAND


def test_only_known_addresses() -> None:
    with pair() as (ours, theirs):
        theirs.sendall(b"\x05\x01\x00\x07" + bytes(6))
        with pytest.raises(Refusal) as refused:
            read_request(ours, Deadline(5))
        assert refused.value.reply == module.NOT_AN_ADDRESS


@pytest.mark.parametrize("hello", [b"\x04\x01\x00", b"GET / HTTP/1.1\r\n" + bytes(55)])
def test_what_does_not_speak_socks5(hello: bytes) -> None:
    assert login(hello) == b""


@pytest.mark.parametrize("hello", [b"\x05\x01\x00", b"\x05\x00", b"\x05\x03\x00\x01\x03"])
def test_nobody_gets_in_without_a_login(hello: bytes) -> None:
    assert login(hello) == b"\x05\xff"


@pytest.mark.parametrize(
    ("user", "password"),
    [("", ""), ("me", ""), ("me", "5ecre"), ("you", "5ecret"), ("me", "5" * 255)],
)
def test_nobody_gets_in_with_another_login(user: str, password: str) -> None:
    assert login(named(user, password)) == b"\x05\x02\x01\x01"


def test_who_has_the_login_gets_in() -> None:
    with pair() as (ours, theirs):
        theirs.sendall(named(USER, PASSWORD))
        read_login(ours, USER, PASSWORD, Deadline(5))
        assert take(theirs, 4) == b"\x05\x02\x01\x00"


def test_every_tunnel_has_a_login_of_its_own_that_cannot_be_guessed() -> None:
    with Tunnel(lambda *_: None) as one, Tunnel(lambda *_: None) as other:
        words = [url.removeprefix("socks5h://").partition("@")[0] for url in (one.url, other.url)]
        assert len({word for pair in words for word in pair.split(":")}) == 4
        assert all(len(word) >= 2 * 32 for word in words)
        assert one._password not in repr(one)


def test_a_client_that_never_ends_its_login_is_ended() -> None:
    tunnel = Tunnel(lambda *_: None, seconds=0.3)
    with tunnel, through(tunnel) as client:
        for byte in b"\x05\x05\x02":
            client.sendall(bytes([byte]))
        assert client.recv(1) == b""


def test_only_addresses_of_the_cluster() -> None:
    dialled: list[tuple[str, int]] = []

    def dial(host: str, port: int, seconds: float) -> Any:
        dialled.append((host, port))
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    routes = Routes({("kafka1", 9092): dial}, {"kafka1": dial})
    registered = [BrokerView(1, "kafka1", 9092), BrokerView(9, "kafka1", 9099)]
    registered.append(BrokerView(7, "169.254.169.254", 80))
    only = routes.only(registered)
    with Tunnel(only.dial) as tunnel:
        for host, port, code in [
            ("kafka1", 9092, module.REFUSED),
            ("kafka1", 9099, module.REFUSED),
            ("kafka1", 22, module.NOT_ALLOWED),
            ("localhost", 22, module.NOT_ALLOWED),
            ("169.254.169.254", 80, module.NOT_ALLOWED),
        ]:
            with through(tunnel) as client:
                assert (host, port, ask_proxy(client, tunnel.url, host, port)) == (host, port, code)
    assert dialled == [("kafka1", 9092), ("kafka1", 9099)]


@pytest.mark.parametrize(
    ("error", "reply"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), module.REFUSED),
        (OSError(errno.ENETUNREACH, "x"), module.NO_NETWORK),
        (OSError(errno.EHOSTUNREACH, "x"), module.NO_HOST),
        (socket.gaierror(-2, "x"), module.NO_HOST),
        (TimeoutError("x"), module.TIMED_OUT),
        (Exception(2, "Connect failed: Connection refused"), module.REFUSED),  # SSH's kind
        (ForeignAddress("x", 1), module.NOT_ALLOWED),
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
            assert ask_proxy(client, tunnel.url, "localhost", 9092) == module.DONE
            there, back = os.urandom(3_000_000), os.urandom(2_000_000)
            with playing(lambda s: s.sendall(there), client):
                assert take(remote, len(there)) == there
            with playing(lambda s: s.sendall(back), remote):
                assert take(client, len(back)) == back
    assert asked == [("localhost", 9092)]


def test_a_client_that_has_sent_all_still_gets_its_answer() -> None:
    with (
        pair() as (inside, remote),
        Tunnel(lambda *_: inside) as tunnel,
        through(tunnel) as client,
    ):
        assert ask_proxy(client, tunnel.url, "h", 1) == module.DONE
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert take(remote, 8) == b"question"
        assert remote.recv(1) == b""
        time.sleep(0.1)  # it may take its time
        remote.sendall(b"answer")
        remote.close()
        assert take(client, 6) == b"answer"
        assert client.recv(1) == b""


def test_an_end_on_either_side_ends_the_other() -> None:
    with (
        pair() as (inside, remote),
        Tunnel(lambda *_: inside) as tunnel,
        through(tunnel) as client,
    ):
        assert ask_proxy(client, tunnel.url, "h", 1) == module.DONE
        remote.close()
        assert client.recv(1) == b""


def test_a_failed_dial_is_told() -> None:
    def dial(*_: Any) -> Any:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    with Tunnel(dial) as tunnel, through(tunnel) as client:
        assert ask_proxy(client, tunnel.url, "h", 1) == module.REFUSED
        assert client.recv(1) == b""


def test_close_ends_connections_and_threads() -> None:
    before = set(threading.enumerate())
    with pair() as (inside, remote):
        tunnel = Tunnel(lambda *_: inside)
        with through(tunnel) as client:
            assert ask_proxy(client, tunnel.url, "h", 1) == module.DONE
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
        release.wait(60)
        return dialled

    tunnel = Tunnel(dial)
    with through(tunnel) as client:
        assert log_in(client, tunnel._user, tunnel._password) == b"\x01\x00"
        client.sendall(b"\x05\x01\x00\x01" + bytes(6))
        time.sleep(0.05)
        begun = time.monotonic()
        tunnel.close()
        assert time.monotonic() - begun < 30
        release.set()
    remote.settimeout(60)
    assert remote.recv(1) == b""  # what was dialled too late is ended
    remote.close()
