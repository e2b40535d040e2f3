"""``provision log``: what was done to this cluster, when and by whom, from the hosts' journals."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.errors import Exit, Notice
from provisioner.hosts.observer import Reading
from provisioner.hosts.transport import TransportError, understood
from provisioner.kinds.ids import file_id
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Layer, Plan, Report, UnknownState
from provisioner.report.cleaning import clean
from provisioner.report.text import table
from provisioner.run.journal import journal_lines
from provisioner.site.site import Site
from provisioner.verbs.shared.command import Context
from provisioner.verbs.shared.opening import open_context
from provisioner.verbs.shared.verb import Verb

LINES = 5000
MOST = 900_000
"""Bytes of a journal that are read: with other output it stays below the limit of a command."""
MOST_WORDS = 500
SHOWN = 5
"""Broken lines of one host that are shown."""
FIELDS: Mapping[str, type] = {
    **dict.fromkeys(("run", "time", "who", "version", "command", "spec", "outcome", "note"), str),
    "wave": int,
    "seq": int,
    "changes": list,
}
CLUSTER_KINDS = frozenset(name for name, kind in KINDS.items() if kind.layer is Layer.CLUSTER)
SHORT = 70
Entry = Mapping[str, Any]


@dataclass
class Journals:
    """The merged journals. ``unread`` are hosts without an answer, ``notes`` are remarks: lines
    that were left out or are not JSON."""

    entries: list[Entry] = field(default_factory=list)
    unread: list[UnknownState] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def story(args: argparse.Namespace, context: Context) -> Report:
    """read every host's journal → merge → show. Takes no lock, changes nothing."""
    with open_context(args, context, fetch=True) as site:
        journals = gather(site)
        report = Report(site.spec.cluster, plan=Plan(unread=tuple(journals.unread)))
    journals.entries = merged(journals.entries)
    report.extra["log"] = journals.entries
    report.complete = not journals.unread
    report.exit_code = Exit.YES if report.complete else Exit.CANNOT_TELL
    for note in journals.notes:
        context.warn(Notice(note))
    context.console.answer("\n".join(as_text(journals, args.verbose)))
    return report


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
    return {**entry, "host": host, "seq": int(entry["seq"]), "changes": changes}


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


# -- as text


def as_text(journals: Journals, verbose: bool) -> list[str]:
    """A row for each unit of work: what was to be done on a host in a wave, and the outcome."""
    rows = [row(unit, verbose) for unit in units(journals.entries)]
    lines = []
    if rows:
        heads = ("TIME (UTC)", "WHO", "COMMAND", "WAVE", "HOST", "OUTCOME", "CHANGES")
        lines.append(table([heads, *rows]))
    elif not journals.unread:
        lines.append("the journal is empty")
    for item in journals.unread:
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
    when = clean(_time(unit)[:19].replace("T", " "))
    changes = [clean(str(change)) for change in unit.get("changes") or ()]
    what = unit.get("note") or in_short(changes, verbose)
    names = [clean(str(unit.get(name, ""))) for name in ("who", "command", "wave", "host")]
    return (when, *names, clean(str(unit.get("outcome", ""))), clean(str(what)))


def in_short(changes: Sequence[str], verbose: bool) -> str:
    """'start broker-1', or where that is long: 'create 16 × directory' (``verbose``: every one)."""
    parts = [named(change) for change in changes]
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


def named(change: str) -> tuple[str, str, str]:
    """'start vm/service/broker-1' → ('start', 'service', 'broker-1'): the row has the host."""
    action, _, id = change.partition(" ")
    first, _, rest = id.partition("/")
    kind, _, name = (first, "", rest) if first in CLUSTER_KINDS else rest.partition("/")
    return action, kind, name


VERB = Verb(
    "log",
    "show what was done to the cluster, when and by whom",
    rank=16,
    story=story,
    examples=("provision log specs/prod.yaml",),
)
