"""The kind ``voter``: each controller of a dynamic quorum is a voter with its current directory id.

A controller that was just added, or whose lost disk was formatted with a new directory id, is an
observer until it is made a voter (KIP-853). This is only for dynamic quorums; the voters of a
static one are in the properties files.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kinds.kind import Difference, Kind
from provisioner.kinds.voter.requests import AddVoter
from provisioner.plan.model import (
    Absent,
    Await,
    Call,
    Change,
    Deferred,
    Id,
    Layer,
    Observation,
    Observed,
    Pending,
    Present,
    Refused,
    State,
    Step,
    Unknown,
    Unmanaged,
)
from provisioner.plan.safety import CAUGHT_UP
from provisioner.spec.types import Node, Spec

PATIENCE = 60.0
DIRECTORY = "directory_id"


def voter_id(number: int) -> Id:
    return Id("", "voter", str(number))


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    if spec.controller_quorum != "dynamic":
        return {}
    return {
        voter_id(node.id): State(
            {DIRECTORY: Pending("its log dir to be formatted")},
            args={"storage": Id(node.host, "storage", node.log_dirs[0].path)}
            | {"endpoint": _endpoint(spec, node), "id": node.id},
        )
        for node in spec.controllers
    }


def _endpoint(spec: Spec, node: Node) -> tuple[str, str, int]:
    """The address at which the other controllers reach it."""
    assert node.controller_listener is not None
    told = node.advertised_controller or node.controller_listener
    host = told.host or spec.hosts[node.host].kafka_address or "localhost"
    return told.name, host, told.port


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    """The directory id in its ``meta.properties``. Where that cannot be read, none is wanted."""
    resolved = {}
    for id, state in mine.items():
        seen = observed.get(state.args["storage"])
        fields = dict(state.fields)
        if isinstance(seen, Present) and seen.fields.get(DIRECTORY):
            fields[DIRECTORY] = seen.fields[DIRECTORY]
        elif seen is None or isinstance(seen, Unknown):
            fields = {}
        resolved[id] = replace(state, fields=fields)
    return resolved


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    if spec.controller_quorum != "dynamic":
        return {}
    ids = [voter_id(node.id) for node in spec.controllers]
    quorum = view.quorum
    if quorum is None:
        return {id: Unknown(view.errors.get("quorum", "the quorum was not read")) for id in ids}
    seen: dict[Id, Observation] = dict.fromkeys(ids, Absent())
    for number, lag in quorum.voters.items():
        fields = {DIRECTORY: quorum.directories.get(number, "")}
        seen[voter_id(number)] = Present(fields, volatile={"lag": lag, "dynamic": quorum.dynamic})
    return seen


def told_by(id: Id, spec: Spec) -> Collection[Id]:
    """Every controller: any of them may be the quorum's leader."""
    return [Id(node.host, "service", node.name) for node in spec.controllers]


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """A static quorum is not converted; where the directory id is not known, any vote is enough."""
    if isinstance(observation, Present):
        dynamic, coming = observation.volatile["dynamic"], state.fields.get(DIRECTORY)
        if dynamic and isinstance(coming, Pending):
            return True, Deferred(id, f"waits for {coming.what}", "update")
        return not dynamic, None
    if isinstance(observation, Absent) and not state.fields:
        why = "it is not a voter, and its log dir cannot be read"
        return True, Refused(id, why)
    return False, None


def find(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> Sequence[Unmanaged]:
    return [
        Unmanaged(id, detail="it is a voter but not a controller of the spec")
        for id, seen in sorted(observed.items())
        if id.kind == "voter" and isinstance(seen, Present) and id not in desired
    ]


def settled(state: State, observation: Observation) -> bool:
    """It has caught up with the leader."""
    return isinstance(observation, Present) and bool(observation.volatile["lag"] <= CAUGHT_UP)


def steps(change: Change, state: State) -> Sequence[Step]:
    before = (change.before or {}).get(DIRECTORY)
    args = state.args
    request = AddVoter(args["id"], state.fields[DIRECTORY], args["endpoint"], replaces=before)
    return [Call(request), Await(change.id, PATIENCE)]


KIND = Kind(
    "voter",
    Layer.CLUSTER,
    rank=5,
    of_cluster=of_cluster,
    read=read,
    told_by=told_by,
    resolve=resolve,
    judge=judge,
    find=find,
    settled=settled,
    awaiting=lambda id: f"controller {id.name} to catch up with the quorum's leader",
    steps=steps,
)
