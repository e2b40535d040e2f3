"""How commands and streams share connections whose server allows few sessions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from provisioner.hosts.ssh import connection as ssh_connection
from provisioner.hosts.ssh.connection import Refused, SshConnection
from provisioner.hosts.transport import TransportError


class FakeChannel:
    def __init__(self, link: FakeLink):
        self.link, self.closed = link, False

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.link.open -= 1


class FakeLink:
    """A server with ``limit`` sessions on each connection."""

    errors: tuple[type[Exception], ...] = (OSError,)
    is_active = True

    def __init__(self, limit: int):
        self.limit, self.open, self.most, self.closed = limit, 0, 0, False
        self.lock = threading.Lock()
        self.refuse = 0  # times that even a free session is refused

    def open_session(self) -> FakeChannel:
        with self.lock:
            if self.open >= self.limit or self.refuse > 0:
                self.refuse -= 1
                raise Refused("open failed")
            self.open += 1
            self.most = max(self.most, self.open)
        return FakeChannel(self)

    def start(self, channel: Any, command: str) -> None:
        if command == "fails":
            raise TransportError("not-permitted", "no")

    def lost(self, why: object) -> TransportError:
        return TransportError("connection-lost", str(why))

    def close(self) -> None:
        self.closed = True


class Pool:
    """A connection over fake links, with what it opened."""

    def __init__(self, limit: int):
        self.links: list[Any] = []
        self.limit = limit
        self.connection = SshConnection("host", self.open_link, [])

    def open_link(self) -> Any:
        self.links.append(FakeLink(self.limit))
        return self.links[-1]

    def command(self, seconds: float = 0.0) -> int:
        """Runs a command; the number of the link it ran on."""
        return self.until(lambda: time.sleep(seconds))

    def until(self, done: Callable[[], object]) -> int:
        """Runs a command that ends when this returns."""
        with self.connection._session("true") as (link, _):
            done()
            return self.links.index(link)

    def stream(self) -> tuple[int, FakeChannel]:
        line, channel = self.connection._take(lasting=True)
        return self.links.index(line.link), channel


def test_commands_take_turns() -> None:
    pool = Pool(limit=1)
    with ThreadPoolExecutor(8) as threads:
        ran_on = list(threads.map(pool.command, [0.01] * 40))
    assert set(ran_on) == {0}
    assert len(pool.links) == 1


def test_as_many_at_once_as_the_server_takes() -> None:
    pool = Pool(limit=3)
    with ThreadPoolExecutor(9) as threads:
        met = threading.Barrier(3)
        list(threads.map(pool.until, [partial(met.wait, 60)] * 9))
    assert pool.links[0].most == 3
    assert len(pool.links) == 1


def test_no_limit_no_waiting() -> None:
    pool = Pool(limit=1000)
    with ThreadPoolExecutor(30) as threads:
        met = threading.Barrier(30)
        list(threads.map(pool.until, [partial(met.wait, 60)] * 30))


def test_a_stream_keeps_the_only_session_so_commands_get_a_connection() -> None:
    pool = Pool(limit=1)
    assert pool.stream()[0] == 0
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(pool.command, [0.01] * 12)) == {1}
    assert len(pool.links) == 2


def test_a_stream_does_not_wait_for_commands() -> None:
    pool, begun, over = Pool(limit=1), threading.Event(), threading.Event()

    def lasting() -> None:
        begun.set()
        over.wait(60)

    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(pool.until, lasting)
        begun.wait(60)
        assert pool.stream()[0] == 1
        assert not running.done()
        over.set()
        assert running.result() == 0
    assert pool.command() == 0


def test_an_ended_stream_gives_its_place_back() -> None:
    pool = Pool(limit=1)
    _, channel = pool.stream()
    assert pool.command() == 1
    channel.close()
    assert pool.stream()[0] == 0
    assert len(pool.links) == 2


def test_a_session_that_lingers_on_the_server_is_waited_for() -> None:
    pool = Pool(limit=1)
    pool.links[0].refuse = 4
    assert pool.command() == 0


def test_a_server_without_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssh_connection, "_SETTLE", (0.0, 0.001))
    pool = Pool(limit=0)
    with pytest.raises(TransportError) as caught:
        pool.command()
    assert caught.value.code == "not-permitted"
    assert len(pool.links) == 1


def test_a_command_that_does_not_start_gives_its_place_back() -> None:
    pool = Pool(limit=1)
    for _ in range(3):
        with pytest.raises(TransportError):
            pool.connection.execute("fails", seconds=1)
        with pytest.raises(TransportError):
            pool.connection.stream("fails")
    assert pool.command() == 0
    assert len(pool.links) == 1


def test_close_ends_every_link_and_waiting() -> None:
    pool = Pool(limit=1)
    pool.stream()
    pool.command()
    with ThreadPoolExecutor(2) as threads:
        holding = threads.submit(pool.command, 0.5)
        time.sleep(0.1)
        waiting = threads.submit(pool.command)
        time.sleep(0.1)
        pool.connection.close()
        assert all(link.closed for link in pool.links)
        with pytest.raises(TransportError, match="already closed"):
            waiting.result(timeout=0.3)
        holding.result()
    pool.connection.close()
