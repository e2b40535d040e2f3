"""The kind ``file``: how files are read, compared and repaired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.kinds import properties
from provisioner.kinds.cluster_id import cluster_id
from provisioner.kinds.file import dropin, preinstalled, unit
from provisioner.kinds.file.candidates import asked_first
from provisioner.kinds.file.desired import desired
from provisioner.kinds.file.guard import guard
from provisioner.kinds.file.migration import with_data_first
from provisioner.kinds.file.quorum import switched
from provisioner.kinds.kind import Difference, Kind, Probe, Record, script
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.phases import foreseen
from provisioner.kinds.rendering import text_of
from provisioner.kinds.switch import with_later
from provisioner.plan.diff import change
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
    if places.preinstalled:
        return preinstalled.paths(places)
    every = (*places.leaving, *places.former)
    gone = {path for n in every for path in (n.properties, places.launch(n))}
    if not places.nodes:
        return sorted(gone)
    found = {places.digest_key, places.cluster_id_file, f"{places.private_dir}/launch/default.conf"}
    found |= {f"{places.home}/config/log4j.properties", f"{places.home}/config/log4j2.properties"}
    found |= {f"{places.home}/bin", f"{places.home}/libs"}
    for node in places.nodes:
        found |= {node.properties, places.launch(node)}
    return sorted(found | gone)


def probe(places: HostLayout) -> Sequence[Probe]:
    nodes = places.known
    if not nodes:
        return []
    every = tuple(paths(places))
    ids = tuple(Id(places.host, "file", path) for path in every)
    text = script(PACKAGE, "probe.sh")
    probes = [Probe(text, ids, every, 1, places.kafka_user)]
    if places.preinstalled:
        probes.append(_reading(text, places, (places.cluster_id_file,), places.cluster_id_user))
    if places.supervisor is Supervisor.SYSTEMD:
        units = [unit.path(places, node) for node in nodes if not node.unit]
        units += preinstalled.rooted_paths(places)
        probes.append(_reading(text, places, units, PRIVILEGED))
    return probes


def _reading(text: str, places: HostLayout, paths: Sequence[str], user: str) -> Probe:
    ids = tuple(Id(places.host, "file", path) for path in paths)
    return Probe(text, ids, tuple(paths), 1, user)


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
    if id.name.endswith(".service") or id.name.startswith(f"{dropin.UNITS}/"):
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
    if spec.preinstalled:
        mine = preinstalled.resolve(spec, mine, observed)
    mine = switched(spec, with_data_first(spec, mine, observed), observed)
    known = cluster_id(spec, observed)
    if not spec.has_quorum or known.value is None:
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
    """Of a broker's file in a migration also what is written later."""
    coming = state.args.get("later", ())
    if state.args.get("goes later"):
        return True, foreseen(id, None, coming, "delete")
    decided, difference = _judged(id, state, observation, fields)
    if not coming:
        return decided, difference
    if not decided and fields:
        difference = change(id, state, observation, fields)
    return True, foreseen(id, difference, coming, "update")


def _judged(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """A folder in a file's place is never removed."""
    if preinstalled.needless(state, observation):
        return True, None
    if refused := preinstalled.judge(id, state, observation, fields):
        return True, refused
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
    if state.args.get("adopted") or "text" not in seen.volatile:
        return False
    if state.args["format"] not in ("properties", "launch"):
        return False
    wanted, found = text_of(state), str(seen.volatile["text"])
    return properties.canonical(wanted) != properties.canonical(found)


def steps(change: Change, state: State) -> Sequence[Step]:
    path = change.id.name
    user = str(state.args["user"])
    format = state.args["format"]
    if change.action == "delete" and format == "text":
        return [Run("directory/destroy", (str(state.args["state"]), "unit", path), user)]
    if change.action == "delete":
        return [Run("file/remove", (path,), user)]
    if format == "key":
        return [Run("file/make_key", (path,), user)]
    if format == "link":
        return [Run("file/make_link", (path, str(state.fields["target"])), user)]
    if state.args.get("adopted"):
        return preinstalled.steps(path, text_of(state), state)
    put = Put(path, text_of(state), str(state.fields["mode"]), user, keep=True)
    return [dropin.folder_step(path), put] if state.args.get("drop_in") else [put]


KIND = Kind(
    "file",
    Layer.HOST,
    rank=3,
    desired=desired,
    probe=probe,
    parse=parse,
    resolve=resolve,
    judge=with_later("update", judge),
    guard=guard,
    asked_first=asked_first,
    steps=steps,
)
