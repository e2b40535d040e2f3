"""The kind ``account``: made where root, and only where the spec names a user of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kinds.kind import Kind, Probe, Record, script
from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import (
    PRIVILEGED,
    Absent,
    Change,
    Id,
    Layer,
    Observation,
    Present,
    Run,
    State,
    Step,
)
from provisioner.spec.types import Spec

PACKAGE = __package__ or ""


def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    """An account is wanted where the spec names one (or systemd runs Kafka), and nothing of it but
    that it is there."""
    if spec.user is None or not places.root or not places.nodes or spec.user == "root":
        return {}
    id = Id(places.host, "account", spec.user)
    return {id: State({"exists": True}, args={"home": places.home})}


def probe(places: HostLayout) -> Sequence[Probe]:
    if not places.nodes or not places.root:
        return []
    id = Id(places.host, "account", places.user)
    return [Probe(script(PACKAGE, "probe.sh"), (id,), (places.user,), 1, PRIVILEGED)]


def parse(id: Id, record: Record) -> Observation:
    return Absent() if "absent" in record.values else Present({"exists": True})


def steps(change: Change, state: State) -> Sequence[Step]:
    return [Run("account/make", (change.id.name, str(state.args["home"])), PRIVILEGED)]


KIND = Kind("account", Layer.HOST, rank=0, desired=desired, probe=probe, parse=parse, steps=steps)
