"""The kind ``file``: how files are read, compared and repaired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.kinds import properties
from provisioner.kinds.cluster_id import cluster_id
from provisioner.kinds.file import unit
from provisioner.kinds.file.candidates import asked_first
from provisioner.kinds.file.desired import desired
from provisioner.kinds.file.guard import guard
from provisioner.kinds.kind import Difference, Kind, Probe, Record, script
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.rendering import text_of
from provisioner.plan.model import (
    PRIVILEGED,
    Absent,
    Change,
    Id,
    Layer,
    Observation,
    Observed,
    Present,
    Put,
    Refused,
    Run,
    State,
    Step,
    Unknown,
)
from provisioner.spec.types import Spec, Supervisor

PACKAGE = __package__ or ""
TYPES = {"regular file": "file", "regular empty file": "file", "symbolic link": "link"}


def paths(places: HostLayout) -> list[str]:
    """Every path this kind may look at on a host."""
    found = {places.digest_key, places.cluster_id_file, f"{places.private_dir}/launch/default.conf"}
    found |= {f"{places.home}/config/log4j.properties", f"{places.home}/config/log4j2.properties"}
    found |= {f"{places.home}/bin", f"{places.home}/libs"}
    for node in places.nodes:
        found |= {node.properties, places.launch(node)}
    return sorted(found)


def probe(places: HostLayout) -> Sequence[Probe]:
    if not places.nodes:
        return []
    every = tuple(paths(places))
    ids = tuple(Id(places.host, "file", path) for path in every)
    text = script(PACKAGE, "probe.sh")
    probes = [Probe(text, ids, every, 1, places.kafka_user)]
    if places.supervisor is Supervisor.SYSTEMD:
        units = tuple(unit.path(places, node) for node in places.nodes)
        ids = tuple(Id(places.host, "file", u) for u in units)
        probes.append(Probe(text, ids, units, 1, PRIVILEGED))
    return probes


def parse(id: Id, record: Record) -> Observation:
    """A properties or launch file as its keys; any other file as its text."""
    if "absent" in record.values:
        return Absent()
    if "error" in record.values:
        return Unknown(record.values["error"])
    kind = record.values.get("type", "?")
    fields: dict[str, Any] = {
        "type": TYPES.get(kind, kind),
        "owner": record.values.get("owner"),
    }
    if fields["type"] == "link":
        return Present({**fields, "target": record.values.get("target")})
    fields["mode"] = record.values.get("mode")
    if id.name.endswith("/key"):
        return Present(fields)
    text = "\n".join(record.lines)
    if id.name.endswith(".service"):
        return Present({**fields, "text": text + "\n"})
    if id.name.endswith(".conf"):
        content = dict(line.split("=", 1) for line in record.lines if _is_setting(line))
    else:
        content = properties.parse(text)
    return Present({**content, **fields}, volatile={"text": text})


def _is_setting(line: str) -> bool:
    return "=" in line and not line.lstrip().startswith("#")


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    """Puts the cluster id into the file that keeps it."""
    known = cluster_id(spec, observed)
    if not spec.is_kraft or known.value is None:
        return mine
    return {
        id: replace(state, fields={**state.fields, "cluster.id": known.value})
        if "cluster.id" in state.fields
        else state
        for id, state in mine.items()
    }


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """A folder in a file's place is never removed."""
    if isinstance(observation, Present) and fields:
        found = observation.fields.get("type")
        if found == "directory" and state.args.get("replace"):
            return False, None
        if found == "directory" and state.fields["type"] == "link":
            name = id.name.rpartition("/")[2]
            reason = (
                f"{name}/ exists and was not made by provision (another Kafka installation?): "
                f"--rebuild moves it to {name}.before-provision"
            )
            return True, Refused(id, reason)
        if found == "directory":
            wanted = state.fields["type"]
            return True, Refused(id, f"expected a {wanted}, found a directory: move it away")
    if isinstance(observation, Present) and not fields and _written_otherwise(state, observation):
        return True, Change(
            id,
            "update",
            {"text": "edited"},
            {"text": "as made"},
            ("text",),
            reason="same content, different text: the running digest is made of the text",
        )
    return False, None


def _written_otherwise(state: State, seen: Present) -> bool:
    """The running digest is made of the text, so blanks and redundant escapes count too."""
    if state.args["format"] not in ("properties", "launch") or "text" not in seen.volatile:
        return False
    wanted, found = text_of(state), str(seen.volatile["text"])
    return properties.canonical(wanted) != properties.canonical(found)


def steps(change: Change, state: State) -> Sequence[Step]:
    path = change.id.name
    user = str(state.args["user"])
    format = state.args["format"]
    if format == "key":
        return [Run("file/make_key", (path,), user)]
    if format == "link":
        return [Run("file/make_link", (path, str(state.fields["target"])), user)]
    return [Put(path, text_of(state), str(state.fields["mode"]), user, keep=True)]


KIND = Kind(
    "file",
    Layer.HOST,
    rank=3,
    desired=desired,
    probe=probe,
    parse=parse,
    resolve=resolve,
    judge=judge,
    guard=guard,
    asked_first=asked_first,
    steps=steps,
)
