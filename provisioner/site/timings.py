"""How long each node took to be bounced the last time, by the journals of the hosts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Layer
from provisioner.site.journals import Entry, merged

LONGEST = 86_400.0
"""Seconds: anything longer in a journal is no bounce."""
PROCESSES = frozenset(name for name, kind in KINDS.items() if kind.layer is Layer.NODE)


def last_bounces(entries: Iterable[Entry]) -> dict[str, float]:
    """Node → seconds from the moment it was to be stopped until it served again, what it waited for
    included. Begin and end are by the clock of its own host."""
    begun: dict[tuple[str, ...], Entry] = {}
    found: dict[str, float] = {}
    for entry in merged(entries):
        key = tuple(str(entry.get(name)) for name in ("run", "host", "wave", "changes"))
        if entry.get("outcome") == "intent":
            begun[key] = entry
        elif entry.get("outcome") == "done" and key in begun:
            seconds = _between(begun.pop(key), entry)
            if seconds is not None:
                found |= dict.fromkeys(_bounced(entry), seconds)
    return found


def _bounced(entry: Entry) -> Iterator[str]:
    """``restart vm/service/broker-1`` → ``broker-1``."""
    for change in entry["changes"]:
        action, _, id = change.partition(" ")
        _, _, rest = id.partition("/")
        kind, _, name = rest.partition("/")
        if action == "restart" and kind in PROCESSES and name:
            yield name


def _between(intent: Entry, done: Entry) -> float | None:
    """None where a time or what was waited is not to be believed."""
    try:
        begin, end = (_instant(str(entry["time"])) for entry in (intent, done))
    except (ValueError, KeyError):
        return None
    waited = float(intent.get("waited") or 0.0)
    seconds = (end - begin).total_seconds()
    if not (0.0 <= seconds <= LONGEST and 0.0 <= waited <= LONGEST):
        return None
    return round(seconds + waited, 1)


def _instant(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
