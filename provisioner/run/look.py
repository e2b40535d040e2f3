"""One look at a host: every probe in one exec, and its output as observations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import CUT, Frame
from provisioner.hosts.transport import TransportError, understood
from provisioner.kinds.kind import Probe, Record
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Id, Observation, Observed, Unknown
from provisioner.run.target import Target


def look(target: Target, host: str, only: Iterable[Id] | None = None) -> dict[Id, Observation]:
    """Everything on one host (or some of it), in one exec."""
    probes = probes_of(target.places[host])
    if only is not None:
        wanted = set(only)
        probes = [p.only(wanted) for p in probes if wanted & set(p.ids)]
    if not probes:
        return {}
    try:
        frames = target.observer(host).read([reading(probe) for probe in probes])
    except TransportError as error:
        target.lost.add(host)
        return {id: Unknown(str(error)) for probe in probes for id in probe.ids}
    target.lost.discard(host)
    return together(probes, frames)


def probes_of(places: HostLayout) -> list[Probe]:
    return [probe for kind in KINDS.values() for probe in kind.probe(places)]


def reading(probe: Probe) -> Reading:
    return Reading(probe.script, probe.args, probe.user, probe.seconds)


def records(text: str) -> list[str]:
    """The text of each record: what follows a line ``=``."""
    found: list[list[str]] = []
    for line in text.split("\n"):
        if line == "=":
            found.append([])
        elif found:
            found[-1].append(line)
    return ["\n".join(lines) + ("\n" if lines and lines[-1] else "") for lines in found]


LONGEST = 500
"""Characters of a host's output that are taken as a reason."""
PART = "~part\n"
"""Separates the records of several probes of one thing."""


def together(probes: Sequence[Probe], frames: Sequence[Frame | None]) -> dict[Id, Observation]:
    """The observations of probes. A thing that several probes read is known only if all
    answered."""
    read: dict[Id, list[str]] = {}
    seen: dict[Id, Observation] = {}
    for probe, frame in zip(probes, frames, strict=True):
        texts = records(frame.text) if frame else []
        if (frame is None or frame.status != 0) and texts:
            texts.pop()
        for number, id in enumerate(probe.ids):
            if number < len(texts):
                read.setdefault(id, []).append(texts[number])
            else:
                seen[id] = Unknown(_why(frame, probe))
    for id, parts in read.items():
        if id not in seen:
            seen[id] = _observation(id, PART.join(parts))
    return seen


def parsed(probe: Probe, frame: Frame | None) -> dict[Id, Observation]:
    """The observations of one probe; what it did not reach is Unknown, never absent."""
    return together([probe], [frame])


def printed(probes: Sequence[Probe], number: int, seen: Observed) -> str | None:
    """What the probe of that number printed of all its things, volatile lines and all; None where
    that is not known of each."""
    texts = []
    for id in probes[number].ids:
        text = getattr(seen.get(id), "text", None)
        parts = text.split(PART) if isinstance(text, str) else []
        position = sum(id in probe.ids for probe in probes[:number])
        if position >= len(parts):
            return None
        texts.append(parts[position])
    return "".join(texts)


def _observation(id: Id, text: str) -> Observation:
    try:
        with understood(id.host):
            found = KINDS[id.kind].parse(id, record(text))
    except TransportError as error:
        return Unknown(str(error))
    if not isinstance(found, Unknown):
        return replace(found, text=text)
    if found.otherwise is not None:
        return replace(found, otherwise=replace(found.otherwise, text=text))
    return found


def _why(frame: Frame | None, probe: Probe) -> str:
    if frame is None:
        return "the host gave no answer"
    if frame.status in (124, 137):
        return f"reading it took longer than {probe.seconds} s"
    if frame.status == CUT:
        return "the answer was cut off: more than 1 MiB"
    lines = frame.text.strip().splitlines()
    return lines[-1][:LONGEST] if lines else f"reading it failed with status {frame.status}"


def record(text: str) -> Record:
    """``key=value`` lines (volatile ones without their ``~``), and the ``|`` lines as text."""
    values: dict[str, str] = {}
    many: dict[str, tuple[str, ...]] = {}
    lines = []
    for line in text.split("\n"):
        if line.startswith("|"):
            lines.append(line[1:])
            continue
        name, equals, value = line.removeprefix("~").partition("=")
        if equals:
            values[name] = value
            many[name] = (*many.get(name, ()), value)
    return Record(text, values, many, tuple(lines))
