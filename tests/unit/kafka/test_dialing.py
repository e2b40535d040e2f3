"""Bytes within a deadline, however slowly they come or go."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from provisioner.kafka.dialing import Deadline, receive_exactly, send_all
from tests.unit.kafka.sockets import pair


def dripping(connection: socket.socket, ended: threading.Event) -> None:
    """A byte every 50 ms, for ever."""
    while not ended.wait(0.05):
        try:
            connection.sendall(b"x")
        except OSError:
            return


def test_what_drips_does_not_stretch_the_deadline() -> None:
    ended = threading.Event()
    with pair() as (ours, theirs):
        thread = threading.Thread(target=dripping, args=(theirs, ended))
        thread.start()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            receive_exactly(ours, 1_000_000, Deadline(0.5))
        assert time.monotonic() - began < 60  # else it were 14 hours
        ended.set()
        thread.join()


def test_what_is_taken_slowly_does_not_stretch_it_either() -> None:
    ended = threading.Event()

    def sip(connection: socket.socket) -> None:
        while not ended.wait(0.05):
            connection.recv(10_000)

    with pair() as (ours, theirs):
        thread = threading.Thread(target=sip, args=(theirs,))
        thread.start()
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            send_all(ours, bytes(100_000_000), Deadline(0.5))
        assert time.monotonic() - began < 60
        ended.set()
        thread.join()


def test_an_end_before_all_has_come() -> None:
    with pair() as (ours, theirs):
        theirs.sendall(b"ab")
        theirs.close()
        with pytest.raises(ConnectionResetError):
            receive_exactly(ours, 3, Deadline(5))


def test_all_comes_and_goes() -> None:
    data = bytes(range(256)) * 10_000
    with pair() as (ours, theirs):
        sending = threading.Thread(target=send_all, args=(theirs, data, Deadline(5)))
        sending.start()
        assert receive_exactly(ours, len(data), Deadline(5)) == data
        sending.join()
