"""Kafka's writing of a Uuid, in ``meta.properties`` and cluster ids: base64url without padding."""

from __future__ import annotations

import base64


def written(data: bytes) -> str:
    """16 bytes → 22 characters."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def drawn() -> str:
    """A random one, which does not begin with '-': a command would take it for an option."""
    import secrets

    while True:
        text = written(secrets.token_bytes(16))
        if not text.startswith("-"):
            return text


def raw(text: str) -> bytes:
    """22 characters → 16 bytes. ValueError for what is none."""
    return base64.urlsafe_b64decode(text + "==")
