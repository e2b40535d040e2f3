"""A lock of which a holder can no longer be reached."""

from __future__ import annotations

from typing import cast

import pytest

from provisioner.hosts.transport import Stream, TransportError
from provisioner.run import lock as locks
from provisioner.run.lock import Lock

WHY = "the connection to 10.0.0.2 was lost: no sign of life for 20 s"


class Cut:
    """Its host is out of reach; the second beat is the last of the test."""

    def __init__(self, lock: Lock):
        self.lock, self.beats = lock, 0

    def write(self, data: bytes) -> None:
        self.beats += 1
        if self.beats == 2:
            self.lock._ended.set()
        raise TransportError("connection-lost", WHY)


def test_what_the_run_lost_is_said_once_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "BEAT", 0.0)
    said: list[str] = []
    lock = Lock("me", said.append)
    assert lock.loss() == ""
    lock._streams["vm2"] = cast(Stream, Cut(lock))
    lock._beat()
    assert said == [f"vm2: {WHY}; this run's lock there is gone: nothing more is begun"]
    assert lock.loss() == f"vm2: {WHY}, and with it this run's lock there"


def test_a_holder_that_ends_because_the_run_ends_is_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locks, "BEAT", 0.0)
    said: list[str] = []
    lock = Lock("me", said.append)
    cut = Cut(lock)
    cut.beats = 1
    lock._streams["vm2"] = cast(Stream, cut)
    lock._beat()
    assert (said, lock.lost) == ([], {})
