"""The kind ``account``: created only where the login is root and the spec names a user."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from provisioner.kinds.kind import Difference, Kind, Probe, Record, script
from provisioner.kinds.layout import HostLayout
from provisioner.plan.model import (
    PRIVILEGED,
    Absent,
    Change,
    Id,
    Layer,
    Observation,
    Present,
    Refused,
    Run,
    State,
    Step,
)
from provisioner.spec.types import Spec, Supervisor

PACKAGE = __package__ or ""


def desired(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    """An account is wanted where systemd runs Kafka or the spec names a user; only its existence
    is compared. ``made``: provision creates it only under systemd, where root owns the state
    folder."""
    if spec.user is None or not places.root or not places.nodes or spec.user == "root":
        return {}
    id = Id(places.host, "account", spec.user)
    made = places.supervisor is Supervisor.SYSTEMD
    return {
        id: State(
            {"exists": True}, args={"home": places.home, "made": made and not spec.preinstalled}
        )
    }


def probe(places: HostLayout) -> Sequence[Probe]:
    if not places.nodes or not places.root:
        return []
    id = Id(places.host, "account", places.user)
    return [Probe(script(PACKAGE, "probe.sh"), (id,), (places.user,), 1, PRIVILEGED)]


def parse(id: Id, record: Record) -> Observation:
    return Absent() if "absent" in record.values else Present({"exists": True})


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """Without systemd Kafka's user owns everything, also the lock and the manifest, so the
    account must exist before the first run."""
    if isinstance(observation, Absent) and not state.args["made"]:
        make = f"useradd --create-home {shlex.quote(id.name)}"
        return True, Refused(id, f"user {id.name} does not exist on this host; create it: {make}")
    return False, None


def steps(change: Change, state: State) -> Sequence[Step]:
    return [Run("account/make", (change.id.name, str(state.args["home"])), PRIVILEGED)]


KIND = Kind(
    "account",
    Layer.HOST,
    rank=0,
    desired=desired,
    probe=probe,
    parse=parse,
    judge=judge,
    makes_user=True,
    steps=steps,
)
