"""The contract over child processes of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from provisioner.hosts.local import LocalConnection
from tests.contract.transport.suite import TransportContract


@pytest.fixture
def connection() -> Iterator[LocalConnection]:
    connection = LocalConnection("here")
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def greeting() -> Iterator[tuple[int, bytes]]:
    """A listener of the test's own that greets, then waits."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held = []

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                held.append(client)
                client.sendall(b"hello\n")

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], b"hello\n"
        server.shutdown(socket.SHUT_RDWR)


class TestLocal(TransportContract):
    """Every case of the suite."""
