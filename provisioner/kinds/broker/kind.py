"""The kind ``broker``: whether a broker is registered and not fenced. It is only waited for; its
service starts it. Registered brokers that are not in the spec are reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kafka.port import ClusterView
from provisioner.kinds.kind import Difference, Kind
from provisioner.plan.model import (
    Absent,
    Change,
    Id,
    Layer,
    Observation,
    Observed,
    Present,
    State,
    Step,
    Unmanaged,
)
from provisioner.spec.types import Spec


def broker_id(number: int) -> Id:
    return Id("", "broker", str(number))


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    return {broker_id(node.id): State({}) for node in spec.brokers}


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    seen: dict[Id, Observation] = {broker_id(node.id): Absent() for node in spec.brokers}
    for broker in view.brokers:
        seen[broker_id(broker.id)] = Present({"fenced": broker.fenced, "host": broker.host})
    return seen


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    return True, None


def find(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> Sequence[Unmanaged]:
    return [
        Unmanaged(id, detail=f"registered from {seen.fields['host']}")
        for id, seen in sorted(observed.items())
        if id.kind == "broker" and isinstance(seen, Present) and id not in desired
    ]


def settled(state: State, observation: Observation) -> bool:
    return isinstance(observation, Present) and not observation.fields["fenced"]


def steps(change: Change, state: State) -> Sequence[Step]:
    return []


KIND = Kind(
    "broker",
    Layer.CLUSTER,
    rank=6,
    of_cluster=of_cluster,
    read=read,
    judge=judge,
    find=find,
    settled=settled,
    awaiting=lambda id: f"broker {id.name} to register",
    steps=steps,
)
