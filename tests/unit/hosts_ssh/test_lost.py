"""Why a connection was lost is known to all who use it, not only to the one that gave it up."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.hosts.ssh.connect import SshLink
from provisioner.hosts.transport import TransportError


class Wire:
    def __init__(self) -> None:
        self.last_received = time.monotonic() - 100
        self.ended = False

    def abort(self) -> None:
        self.ended = True


def test_what_was_closed_because_the_peer_is_silent_says_so() -> None:
    wire = Wire()
    link = SshLink(cast(Any, SimpleNamespace(host="10.0.0.2")), cast(Any, wire), None, 10.0, 20.0)
    link._transport = SimpleNamespace(
        farewell="", is_active=lambda: not wire.ended, get_exception=lambda: None
    )
    link._asked = time.monotonic() - 16
    with pytest.raises(TransportError, match="no sign of life for 100 s"):
        link.check()
    assert wire.ended
    words = "the connection to 10.0.0.2 was lost: no sign of life for 100 s"
    assert str(link.lost("Socket is closed")) == words
