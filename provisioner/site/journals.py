"""What was done to a cluster: the journals of its hosts, merged. Whoever owns a journal can write
anything into it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.cleaning import clean
from provisioner.hosts.observer import Reading
from provisioner.hosts.transport import TransportError, understood
from provisioner.kinds.ids import file_id
from provisioner.plan.model import UnknownState
from provisioner.run.journal import journal_lines
from provisioner.site.site import Site

LINES = 5000
MOST = 900_000
"""Bytes of a journal that are read: with other output it stays below the limit of a command."""
MOST_WORDS = 500
SHOWN = 5
"""Broken lines of one host that are shown."""
FIELDS: Mapping[str, Any] = {
    **dict.fromkeys(("run", "time", "who", "version", "command", "spec", "outcome", "note"), str),
    "wave": int,
    "seq": int,
    "changes": list,
    "noted": dict,
    "waited": int | float,
}
Entry = Mapping[str, Any]


@dataclass
class Journals:
    """The merged journals. ``unread`` are hosts without an answer, ``notes`` are remarks: lines
    that were left out or are not JSON."""

    entries: list[Entry] = field(default_factory=list)
    unread: list[UnknownState] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def gather(site: Site) -> Journals:
    """One exec per host, side by side."""
    found = Journals()
    for host, error in sorted(site.unreachable.items()):
        found.unread.append(_unread(host, str(error)))
    for answer in site.side_by_side(lambda host: _read(site, host)).values():
        if isinstance(answer, UnknownState):
            found.unread.append(answer)
        else:
            found.entries += answer.entries
            found.notes += answer.notes
    return found


def _read(site: Site, host: str) -> Journals | UnknownState:
    places = site.places[host]
    words = (places.state, str(LINES), str(MOST))
    reading = Reading(journal_lines(), words, places.state_user, 30)
    try:
        frame = site.observer(host).read([reading])[0]
        if frame is None or frame.status != 0:
            why = frame.text.strip()[:MOST_WORDS] if frame else "the host gave no answer"
            return _unread(host, why or "the journal could not be read")
        found = Journals()
        with understood(host):
            take(found, host, frame.text.split("\n"))
        return found
    except TransportError as error:
        return _unread(host, str(error))


def _unread(host: str, why: str) -> UnknownState:
    return UnknownState(file_id(host, "journal.jsonl"), why)


def take(found: Journals, host: str, lines: Sequence[str]) -> None:
    """Adds one host's answer: a count, then that many lines or the last of them. Raises ValueError
    where there is no count."""
    total, *rest = lines or ["0"]
    rest = [line for line in rest if line]
    if int(total) > len(rest):
        found.notes.append(f"{host}: the first {int(total) - len(rest)} lines are not shown")
    broken = []
    for line in rest:
        try:
            with understood(host):
                found.entries.append(entry_of(host, line))
        except TransportError:
            broken.append(line)
    for line in broken[:SHOWN]:
        found.notes.append(f"{host}: a line of the journal is broken: {clean(line[:60])}")
    if len(broken) > SHOWN:
        found.notes.append(f"{host}: so are {len(broken) - SHOWN} more")


def entry_of(host: str, line: str) -> Entry:
    """One line of a host's journal, with the types that it must have. Whoever owns the journal can
    write anything into it. Raises ValueError, KeyError, TypeError."""
    entry = json.loads(line)
    if not isinstance(entry, dict):
        raise TypeError("no object")
    for name, type_ in FIELDS.items():
        if not isinstance(entry.get(name), type_ | None):
            raise TypeError(name)
    changes = entry.get("changes") or []
    if not all(isinstance(change, str) for change in changes):
        raise TypeError("changes")
    if not all(_is_noted(values) for values in (entry.get("noted") or {}).values()):
        raise TypeError("noted")
    return {**entry, "host": host, "seq": int(entry["seq"]), "changes": changes}


def _is_noted(values: Any) -> bool:
    """Whether it is what this tool notes of a thing: names with plain values or lists of them."""

    def plain(value: Any) -> bool:
        return value is None or isinstance(value, (int, str))

    return isinstance(values, dict) and all(
        plain(value) or (isinstance(value, list) and all(map(plain, value)))
        for value in values.values()
    )


def merged(entries: Iterable[Entry]) -> list[Entry]:
    """Runs in the order they began, and within a run by its own count, because hosts' clocks
    differ."""
    entries = list(entries)
    began: dict[str, str] = {}
    for entry in sorted(entries, key=_time):
        began.setdefault(str(entry.get("run")), _time(entry))

    def place(entry: Entry) -> tuple[str, str, int]:
        run = str(entry.get("run"))
        return began[run], run, entry["seq"]

    return sorted(entries, key=place)


def _time(entry: Entry) -> str:
    return str(entry.get("time") or "")
