"""The kind ``voter``: each controller of a dynamic quorum votes with its current directory id.

A controller that was just added, or whose lost disk was formatted with a new directory id, is an
observer until it is made a voter (KIP-853). One that is to go votes no more (``retired.py``). This
is only for dynamic quorums; the voters of a static one are in the properties files.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.features import registered_controllers
from provisioner.kinds.ids import service_id, storage_id, voter_id
from provisioner.kinds.kind import (
    Difference,
    Facts,
    Kind,
    Question,
    Seen,
    Verdict,
    as_observed,
)
from provisioner.kinds.safety_view import safety_view
from provisioner.kinds.voter import ghosts, retired
from provisioner.kinds.voter.requests import AddVoter
from provisioner.kinds.voter.retired import RETIRING, needed_meanwhile
from provisioner.plan.model import (
    Absent,
    Await,
    Call,
    Change,
    Deferred,
    Gone,
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
)
from provisioner.plan.safety import CAUGHT_UP, may_remove_voter
from provisioner.spec.types import Node, Spec

PATIENCE = 60.0
DIRECTORY = "directory_id"


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    if spec.controller_quorum != "dynamic":
        return {}
    stay = {
        voter_id(node.id): State(
            {DIRECTORY: Pending("its log dir to be formatted")},
            args={"storage": storage_id(node.host, node.log_dirs[0].path)}
            | {"endpoint": _endpoint(spec, node), "id": node.id},
        )
        for node in spec.controllers
    }
    return retired.of_cluster(spec) | stay


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
    resolved: dict[Id, State] = {}
    for id, state in mine.items():
        if RETIRING in state.args:
            resolved[id] = retired.resolved(state, observed)
            continue
        seen = observed.get(state.args["storage"])
        fields = dict(state.fields)
        if isinstance(seen, Present) and seen.fields.get(DIRECTORY):
            fields[DIRECTORY] = seen.fields[DIRECTORY]
        elif seen is None or isinstance(seen, Unknown):
            fields = {}
        resolved[id] = replace(state, fields=fields)
    return resolved


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    seen = {**_registered(view, spec), **_voters(view, spec)}
    return {**seen, **retired.read(view, spec)}


def _registered(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    """Controllers that are registered and not in the spec, whether they vote or not."""
    ours = {node.id for node in spec.controllers}
    others = [id for id in registered_controllers(view.answers) or () if id not in ours]
    level = retired.level_of(view)
    return {
        voter_id(id): Present({}, volatile={"registered": True, "level": level}) for id in others
    }


def _voters(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    if spec.controller_quorum != "dynamic":
        return {}
    ids = [voter_id(node.id) for node in spec.controllers]
    quorum = view.quorum
    if quorum is None:
        return {id: Unknown(view.errors.get("quorum", "the quorum was not read")) for id in ids}
    seen: dict[Id, Observation] = dict.fromkeys(ids, Absent())
    for number, lag in quorum.voters.items():
        fields = {DIRECTORY: quorum.directories.get(number, "")}
        count = len(quorum.voters)
        volatile = {"lag": lag, "dynamic": quorum.dynamic, "voters": count}
        seen[voter_id(number)] = Present(fields, volatile=volatile)
    return seen


def told_by(id: Id, spec: Spec) -> Collection[Id]:
    """Every controller: any of them may be the quorum's leader."""
    return [service_id(node) for node in spec.controllers]


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """A static quorum is not converted here; where the directory id is not known, any vote is
    enough."""
    if RETIRING in state.args:
        return True, retired.judged(id, state, observation)
    if isinstance(observation, Present):
        dynamic, coming = observation.volatile["dynamic"], state.fields.get(DIRECTORY)
        if dynamic and isinstance(coming, Pending):
            return True, Deferred(id, f"waits for {coming.what}", "update")
        if not dynamic or not fields:
            return True, None
        return True, _replaced(id, state, observation)
    if isinstance(observation, Absent) and not state.fields:
        why = "it is not a voter, and its log dir cannot be read"
        return True, Refused(id, why)
    return False, None


def _replaced(id: Id, state: State, seen: Present) -> Change:
    """In Kafka two changes, one after the other: the new directory cannot come first."""
    before, after = {DIRECTORY: seen.fields[DIRECTORY]}, {DIRECTORY: state.fields[DIRECTORY]}
    why = "its log dir is another one: the former voter is taken out, then this one in"
    others = seen.volatile["voters"] - 1
    reason = f"{why}{needed_meanwhile(others)}"
    return Change(id, "update", before, after, (DIRECTORY,), reason=reason)


def guard(question: Question) -> Iterator[Verdict]:
    """A voter is taken out only while those that stay are a majority of what they then are."""
    if question.seen.view is None:
        return
    view = safety_view(question.seen.view)
    for change in question.changes:
        if change.before is None:
            continue
        found = may_remove_voter(view, int(change.id.name))
        if change.action == "update" and not found.allowed:
            why = f"the quorum would stand still: {found.reason}"
            yield Refused(change.id, why, None, change)


def settled(state: State, observation: Observation) -> bool:
    """It has caught up with the leader; of one that goes, that is known."""
    if isinstance(state, Gone):
        return isinstance(observation, Absent)
    if RETIRING in state.args:
        return retired.votes_no_more(observation)
    return isinstance(observation, Present) and bool(observation.volatile["lag"] <= CAUGHT_UP)


def steps(change: Change, state: State) -> Sequence[Step]:
    wait = Await(change.id, PATIENCE)
    if RETIRING in state.args:
        return [Call(retired.request(change)), wait]
    before = (change.before or {}).get(DIRECTORY)
    args = state.args
    request = AddVoter(args["id"], state.fields[DIRECTORY], args["endpoint"], replaces=before)
    return [Call(request), wait]


def basis(id: Id, state: State, fields: Sequence[str] | None, seen: Seen) -> Facts:
    """All voters and their directories: one more or one less is another quorum."""
    quorum = seen.view.quorum if seen.view is not None else None
    if quorum is None:
        return as_observed(id, state, fields, seen)
    voters = {f"{number}": directory or True for number, directory in quorum.directories.items()}
    return {**as_observed(id, state, fields, seen), "voters and their directories": voters}


KIND = Kind(
    "voter",
    Layer.CLUSTER,
    rank=5,
    of_cluster=of_cluster,
    asks=retired.asks,
    read=read,
    told_by=told_by,
    resolve=resolve,
    judge=judge,
    guard=guard,
    find=ghosts.find,
    settled=settled,
    basis=basis,
    awaiting=lambda id: f"the quorum to take the change of voter {id.name}",
    of_topics=lambda id: (),
    steps=steps,
)
