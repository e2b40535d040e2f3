"""The kind ``broker-config``: dynamic values in Kafka. One that overrides a key of the spec is
drift; one whose key is not in the spec is unmanaged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from provisioner.kafka.port import DYNAMIC_BROKER, ClusterView
from provisioner.kafka.requests.configs import AlterBrokerConfig
from provisioner.kinds.kind import Difference, Kind
from provisioner.plan.model import (
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

CLUSTER = "cluster"
PATIENCE = 30.0
# What Kafka itself stores cluster-wide on new 4.x clusters: it hides the brokers' files, so where
# the spec names it it is set there too.
STORED_BY_KAFKA = ("min.insync.replicas",)


def config_id(name: str) -> Id:
    return Id("", "broker-config", name)


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    """No dynamic value may override a key of the spec: the wanted state is that there is none."""
    states = {}
    closed = spec.policy.unmanaged_config == "delete"
    named: dict[str, set[str]] = {}
    for node in spec.brokers:
        for key, value in node.config.items():
            named.setdefault(key, set()).add(value)
        states[config_id(f"broker-{node.id}")] = State(dict.fromkeys(node.config), closed=closed)
    wide: dict[str, str | None] = dict.fromkeys(named)
    if spec.is_kraft and not spec.version.startswith("3."):
        for key in STORED_BY_KAFKA:
            if len(named.get(key, ())) == 1:
                wide[key] = next(iter(named[key]))
    states[config_id(CLUSTER)] = State(wide, closed=closed)
    return states


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    seen: dict[Id, Observation] = {}
    for node in spec.brokers:
        name = f"broker-{node.id}"
        configs = view.broker_configs.get(node.id)
        if configs is None:
            seen[config_id(name)] = Unknown(view.errors.get(name, "the broker does not answer"))
            continue
        fields = {
            key: entry.layer(DYNAMIC_BROKER)
            for key, entry in configs.items()
            if any(source == DYNAMIC_BROKER for source, _ in entry.synonyms)
        }
        seen[config_id(name)] = Present(fields)
    if "cluster-config" in view.errors:
        seen[config_id(CLUSTER)] = Unknown(view.errors["cluster-config"])
    else:
        seen[config_id(CLUSTER)] = Present(dict(view.cluster_config))
    return seen


def told_by(id: Id, spec: Spec) -> Collection[Id]:
    """Only the broker itself knows its own values."""
    return [Id(n.host, "service", n.name) for n in spec.brokers if config_id(n.name) == id]


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """The reason names the key and the value that overrides it."""
    # What Kafka stores by itself and cannot be deleted is no difference where nobody names it.
    fields = [k for k in fields if k in state.fields or k not in STORED_BY_KAFKA]
    if not isinstance(observation, Present) or not fields:
        return True, None
    before = {key: observation.fields.get(key) for key in fields}
    after = {key: state.fields.get(key) for key in fields}
    key = fields[0]
    if key not in state.fields:
        reason = f"the dynamic value {key}={before[key]} is not in the spec"
    elif after[key] is None:
        reason = f"the dynamic value {key}={before[key]} overrides the properties file"
    else:
        reason = f"{key} is {before[key]!r} cluster-wide, not {after[key]!r}"
    return True, Change(id, "update", before, after, tuple(fields), reason=reason)


def find(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> Sequence[Unmanaged]:
    if spec.policy.unmanaged_config != "report":
        return []
    found = []
    for id, seen in sorted(observed.items()):
        if id.kind != "broker-config" or not isinstance(seen, Present) or id not in desired:
            continue
        known = desired[id].fields
        stored = STORED_BY_KAFKA if id.name == CLUSTER and spec.is_kraft else ()
        extra = [k for k in seen.fields if k not in known and k not in stored]
        if extra:
            found.append(Unmanaged(id, tuple(sorted(extra))))
    return found


def steps(change: Change, state: State) -> Sequence[Step]:
    assert change.after is not None
    broker = None if change.id.name == CLUSTER else int(change.id.name.removeprefix("broker-"))
    values = {k: str(v) for k, v in change.after.items() if v is not None}
    dropped = [k for k, v in change.after.items() if v is None]
    return [Call(AlterBrokerConfig(broker, values, dropped)), Await(change.id, PATIENCE)]


KIND = Kind(
    "broker-config",
    Layer.CLUSTER,
    rank=7,
    of_cluster=of_cluster,
    read=read,
    told_by=told_by,
    judge=judge,
    find=find,
    awaiting=lambda id: f"the brokers to apply the dynamic configuration of {id.name}",
    steps=steps,
)
