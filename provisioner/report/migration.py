"""A migration from ZooKeeper in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.plan.age import duration


def migration(found: Mapping[str, Any]) -> str:
    """``migration to KRaft: dual-write for 12 d (since 2026-11-26T08:00:00Z)``."""
    since = found["since"]
    age = "" if since is None else f" for {duration(found['seconds'])} (since {since})"
    return f"migration to KRaft: {found['phase']}{age}"
