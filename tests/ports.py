"""TCP ports on the loopback address for what a test starts.

The kernel's own choice (port 0) is somebody else's by the time Kafka opens it: every client's
connection takes its port from the same range. Ours lie below that range, and each test process
claims a block of them by listening on its first port, so that several workers, and several runs on
one machine, never meet.
"""

from __future__ import annotations

import contextlib
import socket
from functools import cache
from itertools import cycle, islice

FIRST, LAST = 12_000, 23_000  # Linux gives clients 32768 and up, macOS 49152 and up
BLOCK = 100
HOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports of this process's block that nobody listens on now; what was given last comes last."""
    assert 0 < count < BLOCK
    found: list[int] = []
    for port in islice(_block().ports, BLOCK):
        if _is_free(port):
            found.append(port)
            if len(found) == count:
                return found
    raise AssertionError(f"fewer than {count} of {BLOCK} ports are free")


class _Block:
    """Ours while this process lives."""

    def __init__(self, guard: socket.socket) -> None:
        first = guard.getsockname()[1]
        self.guard = guard
        self.ports = cycle(range(first + 1, first + BLOCK))


@cache
def _block() -> _Block:
    for first in range(FIRST, LAST, BLOCK):
        guard = socket.socket()
        try:
            guard.bind((HOST, first))
            guard.listen()
        except OSError:
            guard.close()
        else:
            return _Block(guard)
    raise AssertionError(f"all blocks of ports from {FIRST} to {LAST} are taken")


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.socket() as probe:
        probe.bind((HOST, port))
        return True
    return False
