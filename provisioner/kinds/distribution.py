"""What the kinds ``java`` and ``kafka`` share: an immutable folder beside its predecessors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kinds import installed
from provisioner.kinds.kind import Difference, Kind, Probe, Record, script
from provisioner.kinds.layout import Distribution, HostLayout
from provisioner.plan.model import (
    Absent,
    Change,
    Id,
    Layer,
    Observation,
    Present,
    State,
    Step,
    Unknown,
    Unpack,
)
from provisioner.spec.types import Spec


def chosen(kind: str, places: HostLayout) -> list[Distribution]:
    """The distributions of one kind; Kafka's commands and the class-data archive go with Kafka.

    An archive that nobody has made yet is no part of what should be so: what starts before does
    without it, and what finds it there uses it.
    """
    archive = places.archive if places.archive and places.archive.made else None
    every = {"java": (places.java,), "kafka": (places.kafka, places.scripts, archive)}
    return [distribution for distribution in every[kind] if distribution]


def make(name: str, rank: int) -> Kind:
    """The kind ``java`` or ``kafka``."""

    def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
        if not places.nodes:
            return {}
        if places.preinstalled:
            return installed.desired(spec, places) if name == "kafka" else {}
        return {
            Id(places.host, name, d.path): State(
                {"intact": True, **({"digest": d.digest} if d.digest else {})},
                args={
                    "artifact": d.artifact,
                    "user": places.user,
                    "optional": d == places.archive,
                },
            )
            for d in chosen(name, places)
        }

    return Kind(
        name,
        Layer.HOST,
        rank=rank,
        desired=desired,
        probe=probe if name == "kafka" else lambda places: (),
        parse=parse,
        judge=judge,
        plural=name,
        artifact=True,
        steps=steps,
    )


def probe(places: HostLayout) -> Sequence[Probe]:
    """One script for the distributions of both kinds: they are in one folder, and each script
    costs a shell and a change of user on the host."""
    if places.preinstalled:
        return installed.probe(places)
    ids = [
        Id(places.host, kind, d.path) for kind in ("java", "kafka") for d in chosen(kind, places)
    ]
    if not ids or not places.nodes:
        return []
    text = script("provisioner.kinds", "distribution.sh")
    paths = tuple(id.name for id in ids)
    return [Probe(text, tuple(ids), paths, 1, user=places.kafka_user, seconds=60)]


def parse(id: Id, record: Record) -> Observation:
    """``intact`` is False when files were changed, lost or added; which ones is in ``files``."""
    if "absent" in record.values:
        return Absent()
    if "error" in record.values:
        return Unknown(record.values["error"])
    if "installed" in record.many:
        return installed.found(record.many["installed"])
    wrong = tuple(
        f"{what} {name}"
        for what in ("changed", "missing", "extra")
        for name in record.many.get(what, ())
    )
    fields: dict[str, object] = {"intact": not wrong, "digest": record.values.get("digest", "")}
    return Present({**fields, "files": wrong}, volatile={"files": wrong})


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """A changed folder is replaced as a whole; the reason names the changed files."""
    if "version" in state.fields:
        return True, installed.judge(id, state, observation, fields)
    wrong = observation.fields.get("files") if isinstance(observation, Present) else ()
    if not fields or not wrong or not isinstance(observation, Present):
        return False, None
    before = {name: observation.fields.get(name) for name in fields} | {"files": wrong}
    after = {name: state.fields[name] for name in fields} | {"files": ()}
    more = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    reason = "; ".join(wrong[:NAMED]) + more
    return True, Change(id, "update", before, after, tuple(sorted(after)), reason=reason)


NAMED = 5


def steps(change: Change, state: State) -> Sequence[Step]:
    return [Unpack(str(state.args["artifact"]), change.id.name, str(state.args["user"]))]
