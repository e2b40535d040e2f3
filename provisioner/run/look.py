"""One look at a host: every probe in one exec, and its output as observations."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace

from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import Frame
from provisioner.hosts.transport import TransportError
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
    seen: dict[Id, Observation] = {}
    for probe, frame in zip(probes, frames, strict=True):
        seen.update(parsed(probe, frame))
    return seen


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


def parsed(probe: Probe, frame: Frame | None) -> dict[Id, Observation]:
    """What one probe saw; what it did not come to is Unknown, never absent."""
    texts = records(frame.text) if frame else []
    whole = frame is not None and frame.status == 0
    if not whole and texts:
        texts.pop()
    seen: dict[Id, Observation] = {}
    for number, id in enumerate(probe.ids):
        if number >= len(texts):
            seen[id] = Unknown(_why(frame, probe))
            continue
        observation = KINDS[id.kind].parse(id, record(texts[number]))
        if not isinstance(observation, Unknown):
            observation = replace(observation, text=texts[number])
        elif observation.otherwise is not None:
            otherwise = replace(observation.otherwise, text=texts[number])
            observation = replace(observation, otherwise=otherwise)
        seen[id] = observation
    return seen


def accepted(seen: Observed, allow: Container[str]) -> dict[Id, Observation]:
    """What is unknown only until it is allowed by name, taken for what it then is."""
    return {
        id: o.otherwise
        if isinstance(o, Unknown) and o.otherwise and all(name in allow for name in o.allow)
        else o
        for id, o in seen.items()
    }


def _why(frame: Frame | None, probe: Probe) -> str:
    if frame is None:
        return "the host gave no answer"
    if frame.status in (124, 137):
        return f"it could not be read within {probe.seconds} s"
    lines = frame.text.strip().splitlines()
    return lines[-1] if lines else f"reading it failed with status {frame.status}"


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
