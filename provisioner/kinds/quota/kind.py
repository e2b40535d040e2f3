"""The kind ``quota``: the rates of a user, a client id or both, or of their defaults.

Without ``quotas:`` in the spec they are not looked at. A quota that the spec does not name is
reported and left alone, whatever the policy; rates that it does not name, of one that it names, are
what overrides of topics are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.kind import Kind
from provisioner.kinds.quota.requests import AlterQuota, DescribeQuotas, Entity, named
from provisioner.plan.model import (
    Absent,
    Await,
    Call,
    Change,
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
from provisioner.spec.types import Spec

PATIENCE = 30.0


def quota_id(entity: Entity) -> Id:
    return Id("", "quota", named(entity))


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    closed = spec.policy.unmanaged_config == "delete"
    return {
        quota_id(quota.entity): State(quota.rates, closed=closed, args={"entity": quota.entity})
        for quota in spec.quotas or ()
    }


def asks(spec: Spec) -> Sequence[Ask]:
    return [] if spec.quotas is None else [DescribeQuotas()]


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    wanted = [quota_id(quota.entity) for quota in spec.quotas or ()]
    answer = view.answers.get(DescribeQuotas())
    if answer is None:
        why = view.errors.get(DescribeQuotas().what, "Kafka did not tell its quotas")
        return dict.fromkeys(wanted, Unknown(why))
    told = {quota_id(entity): Present(rates) for entity, rates in answer.items()}
    return {**dict.fromkeys(wanted, Absent()), **told}


def find(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> Sequence[Unmanaged]:
    """Quotas, and rates of our quotas, that the spec does not name."""
    if spec.policy.unmanaged_config == "ignore":
        return []
    found = []
    for id, seen in sorted(observed.items()):
        if id.kind != "quota" or not isinstance(seen, Present):
            continue
        state = desired.get(id)
        extra = [key for key in sorted(seen.fields) if state and key not in state.fields]
        if state is None or (extra and not state.closed):
            found.append(Unmanaged(id, tuple(extra)))
    return found


def steps(change: Change, state: State) -> Sequence[Step]:
    values = {key: state.fields[key] for key in change.fields if key in state.fields}
    dropped = tuple(key for key in change.fields if key not in state.fields)
    request = AlterQuota(state.args["entity"], values, dropped)
    return [Call(request), Await(change.id, PATIENCE)]


KIND = Kind(
    "quota",
    Layer.CLUSTER,
    rank=9,
    of_cluster=of_cluster,
    asks=asks,
    read=read,
    find=find,
    awaiting=lambda id: f"the brokers to apply the quota of {id.name}",
    of_topics=lambda id: (),
    steps=steps,
)
