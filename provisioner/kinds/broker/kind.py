"""The kind ``broker``: whether a broker is registered and not fenced. Its service starts it, it is
only waited for. One that is to go is unregistered when it holds nothing and is stopped. Registered
brokers that are not in the spec are reported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.features import registered_brokers
from provisioner.kafka.requests.reassignments import ListReassignments, Moving
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.broker.requests import IsRegistered, UnregisterBroker
from provisioner.kinds.ids import broker_id
from provisioner.kinds.kind import Difference, Facts, Kind, Seen, as_observed
from provisioner.kinds.leaving import PASSES, Stage, lost, stage, told
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
    Present,
    State,
    Step,
    Unknown,
    Unmanaged,
)
from provisioner.spec.types import Node, Spec
from provisioner.spec.words import release

PATIENCE = 60.0
LISTS_FENCED = (4, 0, 0)
"""The first Kafka that lists registered brokers that do not run."""
WHEN = {
    Stage.UNKNOWN: "once Kafka tells what it holds",
    Stage.DRAIN: "once it holds no replica, its settings are cleared and it is stopped",
    Stage.CLEAR: "once its settings are cleared and it is stopped",
    Stage.STOP: "once it is stopped",
}


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    stay = {broker_id(node.id): State({}) for node in spec.brokers}
    return stay | {broker_id(node.id): _leaving(node, spec) for node in spec.leaving}


def _leaving(node: Node, spec: Spec) -> State:
    return State({}, args={"leaving": node, "kraft": spec.is_kraft})


def asks(spec: Spec) -> Sequence[Ask]:
    hidden = spec.is_kraft and release(spec.version) < LISTS_FENCED
    registered = [IsRegistered(node.id) for node in spec.leaving] if hidden else []
    return [ListReassignments(), *registered] if spec.leaving else []


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    seen: dict[Id, Observation] = {broker_id(node.id): Absent() for node in spec.brokers}
    for broker in view.brokers:
        fields = {"fenced": broker.fenced, "host": broker.host}
        volatile = {"rack": broker.rack, "free": view.free(broker.id)}
        seen[broker_id(broker.id)] = Present(fields, volatile=volatile)
    ours = {node.id for node in spec.known if node.is_broker}
    for number in registered_brokers(view.answers):
        if number not in ours:
            unknown = {"rack": None, "free": None}
            down = Present({"fenced": True, "host": "?"}, volatile=unknown)
            seen.setdefault(broker_id(number), down)
    leaving = frozenset(node.id for node in spec.leaving)
    for node in spec.leaving:
        id = broker_id(node.id)
        seen[id] = _held(node, seen.get(id, Absent()), view, leaving)
    return seen


def _held(node: Node, seen: Observation, view: ClusterView, leaving: frozenset[int]) -> Observation:
    """With what it holds, by the metadata and the reassignments under way (``holds``), and by its
    own log dirs (``stored``); ``only``: what nobody else has. It is absent when it is
    not registered and nothing names it."""
    question = ListReassignments()
    if why := _not_told(node, view):
        return Unknown(why)
    moving: Mapping[tuple[str, int], Moving] | None = view.answers.get(question)
    holds = None if moving is None else sorted(_named(node.id, view, moving))
    stored = [
        f"{topic}-{number}"
        for each in view.log_dirs.get(node.id, ())
        for topic, number in each.partitions
    ]
    more = {
        "holds": holds,
        "stored": sorted(stored),
        "registered": isinstance(seen, Present),
        "only": tuple(_last(node.id, view, leaving)),
    }
    if isinstance(seen, Present):
        return replace(seen, volatile={**seen.volatile, **more})
    nothing = {"rack": None, "free": None}
    gone = Present({"fenced": True, "host": ""}, volatile={**nothing, **more})
    hidden = view.answers.get(IsRegistered(node.id))
    return gone if holds or hidden else seen


def _not_told(node: Node, view: ClusterView) -> str:
    """Why it is not known what it holds, or whether it is registered."""
    asked = [ListReassignments().what, IsRegistered(node.id).what]
    if node.id in view.alive and node.id not in view.log_dirs:
        asked += [f"log-dirs-{node.id}", node.name]
    return next((view.errors[what] for what in asked if what in view.errors), "")


def _last(broker: int, view: ClusterView, leaving: frozenset[int]) -> Iterator[str]:
    for topic in view.topics:
        for partition in topic.partitions:
            if broker in partition.replicas and lost(partition, leaving, view.alive):
                yield f"{topic.name}-{partition.id}"


def _named(
    broker: int, view: ClusterView, moving: Mapping[tuple[str, int], Moving]
) -> Iterator[str]:
    for topic in view.topics:
        for partition in topic.partitions:
            move = moving.get((topic.name, partition.id))
            named = {*partition.replicas, *partition.adding, *(move.replicas if move else ())}
            if broker in named:
                yield f"{topic.name}-{partition.id}"


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    """One that is to go should be gone when it may; until then its stage says what comes before."""
    found = dict(mine)
    for id, state in mine.items():
        node = state.args.get("leaving")
        if not isinstance(node, Node):
            continue
        now = stage(node, observed)
        if now in (Stage.UNREGISTER, Stage.GONE):
            found[id] = Gone(args=state.args)
        else:
            found[id] = replace(state, args={**state.args, "stage": now})
    return found


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    if "stage" not in state.args or not isinstance(observation, Present):
        return True, None
    why = WHEN[state.args["stage"]]
    holds = observation.volatile.get("holds") or observation.volatile.get("stored") or ()
    if holds:
        count = f"{len(holds)} partitions" if len(holds) > 1 else "1 partition"
        why = f"it holds {count} ({told(holds)}); {why}"
    return True, Deferred(id, why, "delete", foreseen=True)


def find(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> Sequence[Unmanaged]:
    if spec.bootstrap:
        return []  # which brokers there are is not this spec's to say
    return [
        Unmanaged(id, detail=_registered(seen))
        for id, seen in sorted(observed.items())
        if id.kind == "broker" and isinstance(seen, Present) and id not in desired
    ]


def _registered(seen: Present) -> str:
    """Where from is not known of one that was found by its id alone."""
    host = seen.fields["host"]
    return "registered, and does not run" if host == "?" else f"registered from {host}"


def settled(state: State, observation: Observation) -> bool:
    """One that stays is there; of one that goes, its end has come to be known."""
    if isinstance(state, Gone):
        return isinstance(observation, Absent)
    if "leaving" in state.args and state.args.get("stage") is Stage.STOP:
        return isinstance(observation, Absent) or (
            isinstance(observation, Present) and bool(observation.fields["fenced"])
        )
    return isinstance(observation, Present) and not observation.fields["fenced"]


def steps(change: Change, state: State) -> Sequence[Step]:
    """In ZooKeeper mode the registration goes with the process."""
    if change.action != "delete":
        return []
    wait = Await(change.id, PATIENCE)
    return [Call(UnregisterBroker(int(change.id.name))), wait] if state.args["kraft"] else [wait]


def deeper(view: ClusterView, spec: Spec) -> bool:
    """That one which is to go holds nothing is also proved by its log dirs."""
    return any(spec.leaves(broker.id) for broker in view.brokers)


def basis(id: Id, state: State, fields: Sequence[str] | None, seen: Seen) -> Facts:
    """From where it is registered. What it holds grows meanwhile: it is emptied of that too."""
    there = seen.things.get(id)
    host = {"registered from": there.fields["host"]} if isinstance(there, Present) else {}
    return {**as_observed(id, state, fields, seen), **host}


KIND = Kind(
    "broker",
    Layer.CLUSTER,
    rank=6,
    of_cluster=of_cluster,
    asks=asks,
    read=read,
    resolve=resolve,
    judge=judge,
    find=find,
    settled=settled,
    awaiting=lambda id: f"broker {id.name} to register",
    liveness=True,
    deeper=deeper,
    basis=basis,
    passes=lambda id, spec: PASSES if spec.leaves(int(id.name)) else 1,
    steps=steps,
)
