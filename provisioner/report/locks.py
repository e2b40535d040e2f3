"""The locks of a cluster's hosts as a table."""

from __future__ import annotations

from provisioner.cleaning import clean
from provisioner.plan.model import HostLock, UnknownState
from provisioner.report.text import table


def as_text(locks: list[HostLock], unread: list[UnknownState], spec: str) -> list[str]:
    rows = [row(lock) for lock in locks]
    lines = [table([("HOST", "LOCK", "HELD BY", "LAST BEAT"), *rows])] if rows else []
    lines += [f"? {u.id.host}: its lock could not be read: {clean(u.reason)}" for u in unread]
    ids = sorted({lock.id for lock in locks if lock.id})
    lines += [f"to end it: provision lock {spec} --break {id}" for id in ids]
    return lines


def row(lock: HostLock) -> tuple[str, ...]:
    if not lock.held:
        return (lock.host, "free")
    beat = "?" if lock.silent_seconds is None else f"{lock.silent_seconds} s ago"
    return (lock.host, lock.id or "held", lock.who or "unknown", beat)
