"""The journals of a cluster as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.cleaning import clean
from provisioner.plan.model import UnknownState
from provisioner.report.text import table

SHORT = 70
Entry = Mapping[str, Any]


def as_text(entries: Sequence[Entry], unread: Sequence[UnknownState], verbose: bool) -> list[str]:
    """A row for each unit of work: what was to be done on a host in a wave, and the outcome."""
    rows = [row(unit, verbose) for unit in units(entries)]
    lines = []
    if rows:
        heads = ("TIME (UTC)", "WHO", "COMMAND", "WAVE", "HOST", "OUTCOME", "CHANGES")
        lines.append(table([heads, *rows]))
    elif not unread:
        lines.append("the journal is empty")
    for item in unread:
        lines.append(f"? {item.id.host}: its journal could not be read: {clean(item.reason)}")
    return lines


def units(entries: Sequence[Entry]) -> list[Entry]:
    """Each intent with the outcome that followed it; an intent alone is ``not ended``."""
    found: list[Entry] = []
    begun: dict[tuple[str, ...], dict[str, Any]] = {}
    for entry in entries:
        key = tuple(str(entry.get(name)) for name in ("run", "host", "wave", "changes"))
        intent = begun.pop(key, None)
        if entry.get("outcome") == "intent":
            begun[key] = {**entry, "outcome": "not ended"}
            found.append(begun[key])
        elif intent is not None:
            intent |= {"outcome": entry.get("outcome"), "note": entry.get("note")}
        else:
            found.append(dict(entry))
    return found


def row(unit: Entry, verbose: bool) -> tuple[str, ...]:
    when = clean(str(unit.get("time") or "")[:19].replace("T", " "))
    changes = [clean(str(change)) for change in unit.get("changes") or ()]
    what = unit.get("note") or in_short(changes, clean(str(unit.get("host", ""))), verbose)
    names = [clean(str(unit.get(name, ""))) for name in ("who", "command", "wave", "host")]
    return (when, *names, clean(str(unit.get("outcome", ""))), clean(str(what)))


def in_short(changes: Sequence[str], host: str, verbose: bool) -> str:
    """'start broker-1', or where that is long: 'create 16 × directory' (``verbose``: every one)."""
    parts = [named(change, host) for change in changes]
    if verbose:
        return ", ".join(f"{action} {name}" for action, _, name in parts)
    names = [f"{action} {name.rpartition('/')[2]}" for action, _, name in parts]
    if len(", ".join(names)) <= SHORT:
        return ", ".join(names)
    counted: dict[str, dict[str, int]] = {}
    for action, kind, _ in parts:
        kinds = counted.setdefault(action, {})
        kinds[kind] = kinds.get(kind, 0) + 1
    return "; ".join(
        f"{action} " + ", ".join(f"{number} × {kind}" for kind, number in kinds.items())
        for action, kinds in counted.items()
    )


def named(change: str, host: str) -> tuple[str, str, str]:
    """'start vm/service/broker-1' → ('start', 'service', 'broker-1'): the row has the host."""
    action, _, id = change.partition(" ")
    first, _, rest = id.partition("/")
    kind, _, name = rest.partition("/") if first == host else (first, "", rest)
    return action, kind, name
