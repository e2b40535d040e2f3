"""Paths and listeners in what a host says of its nodes."""

from __future__ import annotations

from provisioner.spec.types import Listener


def is_path(text: str) -> bool:
    return text.startswith("/") and not {"", ".", ".."} & set(text.split("/")[1:])


def listeners_in(text: str) -> tuple[Listener, ...]:
    """``NAME://HOST:PORT`` each; what is none is left out."""
    found = []
    for each in text.split(","):
        name, _, address = each.strip().partition("://")
        host, _, port = address.rpartition(":")
        if name and port.isdecimal() and 0 < int(port) < 65536:
            found.append(Listener(name, host.strip("[]"), int(port)))
    return tuple(found)
