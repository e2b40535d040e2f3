"""The kind ``broker-config``: dynamic values in Kafka. They bring about what Kafka takes live; one
that hides what the spec has is drift; one whose key is not in the spec is unmanaged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from provisioner.kafka.port import DYNAMIC_BROKER, ClusterView
from provisioner.kafka.requests.configs import AlterBrokerConfig
from provisioner.kafka.requests.features import DescribeFeatures
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.broker_config import kept, leaving
from provisioner.kinds.broker_config.judge import OF_BROKER, OF_CLUSTER, of_broker
from provisioner.kinds.broker_config.judge import of_cluster as of_all
from provisioner.kinds.broker_config.layers import mixed, told_by_brokers
from provisioner.kinds.broker_config.names import CLUSTER, own
from provisioner.kinds.broker_config.warnings import warnings
from provisioner.kinds.ids import config_id
from provisioner.kinds.kind import Difference, Kind, Question, Verdict
from provisioner.kinds.leaving import CORDON, PASSES
from provisioner.kinds.live import WIDE_ONLY, common_values, live_keys, same, stored_by_kafka
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
    Refused,
    State,
    Step,
    Unknown,
    Unmanaged,
)
from provisioner.spec import properties
from provisioner.spec.types import Node, Spec

LEAVING, CORDONED = "leaving", "cordoned"
PATIENCE = 30.0


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    """What the spec has of each broker, and of all. Those of all go first: what is then below a
    broker's own value is right."""
    if spec.bootstrap:
        return kept.of_cluster(spec)
    closed = spec.policy.unmanaged_config == "delete"
    common = common_values(spec)
    named = {key for node in spec.brokers for key in node.config}
    args: dict[str, Any] = {"common": dict(common), "stored": stored_by_kafka(spec)}
    states = {config_id(CLUSTER): State(dict.fromkeys(named), closed=closed, args=args)}
    live = live_keys(spec.version)
    for node in spec.brokers:
        wanted = {k: v for k, v in node.config.items() if k in live}
        states[config_id(node.name)] = State(
            dict.fromkeys(node.config),
            inputs=(config_id(CLUSTER),),
            closed=closed,
            args={**args, "wanted": wanted, CORDONED: node.cordon},
        )
    return states | {config_id(n.name): State({}, args={LEAVING: n}) for n in spec.leaving}


def asks(spec: Spec) -> Sequence[Ask]:
    concerned = spec.leaving or any(node.cordon for node in spec.brokers)
    return [DescribeFeatures()] if concerned and spec.is_kraft else []


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    """Fields are the dynamic values; what else a broker tells of its live keys is volatile."""
    if spec.bootstrap:
        return kept.read(view, spec)
    told = told_by_brokers(view, spec)
    differing = mixed(told)
    seen: dict[Id, Observation] = {}
    for node in spec.brokers:
        configs = view.broker_configs.get(node.id)
        if configs is None:
            why = view.errors.get(node.name, "the broker does not answer")
            seen[config_id(node.name)] = Unknown(why)
            continue
        fields = own(configs)
        volatile = {
            "cordons": leaving.cordons(view),
            "told": told[node.id],
            "mixed": differing,
            "refused": _refused(fields, spec),
            "ours": _is_ours(node, fields, view),
        }
        seen[config_id(node.name)] = Present(fields, volatile=volatile)
    for node in spec.leaving:
        seen[config_id(node.name)] = _of_leaving(node, view)
    if "cluster-config" in view.errors:
        seen[config_id(CLUSTER)] = Unknown(view.errors["cluster-config"])
    else:
        wide = dict(view.cluster_config)
        around = {"brokers": told, "mixed": differing, "refused": _refused(wide, spec)}
        seen[config_id(CLUSTER)] = Present(wide, volatile=around)
    return seen


def _is_ours(node: Node, fields: Mapping[str, Any], view: ClusterView) -> bool:
    """Whether this tool cordoned it, and nothing in the spec says so any more."""
    return not node.cordon and CORDON in fields and leaving.is_ours(view, config_id(node.name))


def _refused(values: Mapping[str, str | None], spec: Spec) -> dict[str, str]:
    """Key → why the version of the spec does not take its dynamic value. What was there before this
    tool came stays."""
    known = {key: value for key, value in values.items() if value is not None}
    taken = {} if spec.adopted else properties.not_taken("broker", known, spec.version)
    return dict(taken)


def _of_leaving(node: Node, view: ClusterView) -> Observation:
    """All its dynamic values, limits too. Of one that does not run nobody knows any."""
    if node.id not in view.alive:
        return Absent()
    configs = view.broker_configs.get(node.id)
    if configs is None:
        return Unknown(view.errors.get(node.name, "the broker does not answer"))
    fields = own(configs, limits=True)
    volatile = {"cordons": leaving.cordons(view), "ours": _is_ours(node, fields, view)}
    return Present(fields, volatile=volatile)


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    found = dict(mine)
    for id, state in mine.items():
        seen = observed.get(id)
        if LEAVING in state.args:
            found[id] = leaving.resolved(state.args[LEAVING], state, observed)
        elif state.args.get(CORDONED) and isinstance(seen, Present) and seen.volatile["cordons"]:
            found[id] = replace(state, fields={**state.fields, CORDON: leaving.EVERY})
    return found


def guard(question: Question) -> Iterator[Verdict]:
    """One that cannot be emptied is not cordoned: it goes on as it is."""
    why = leaving.stuck(question.wanted)
    for change in question.changes:
        node = question.wanted[change.id].args.get(LEAVING)
        if node is not None and node.id in why:
            yield Refused(change.id, f"{node.name} cannot go: {why[node.id]}", None, change)


def told_by(id: Id, spec: Spec) -> Collection[Id]:
    """Only the broker itself knows its own values."""
    return [Id(n.host, "service", n.name) for n in spec.brokers if config_id(n.name) == id]


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """The reason names the key, the value that overrides it, and Kafka's name of its source."""
    if kept.KEPT in state.args:
        return True, kept.judge(id, state, observation, fields)
    if not isinstance(observation, Present):
        return True, None
    if LEAVING in state.args:
        return True, leaving.judged(id, state, observation)
    if observation.volatile.get("ours"):
        return True, _uncordoned(id, observation)
    by = of_all if id.name == CLUSTER else of_broker
    return True, by(id, state, observation, fields)


def _uncordoned(id: Id, seen: Present) -> Change:
    """What this tool cordoned while the broker was to go, or while the spec said so."""
    before, after = {CORDON: seen.fields[CORDON]}, {CORDON: None}
    why = "provision cordoned it, and the spec does not say so any more"
    return Change(id, "update", before, after, (CORDON,), reason=why, more=True)


def undo(id: Id, observation: Observation) -> tuple[Change, State] | None:
    if not isinstance(observation, Present) or not observation.volatile.get("ours"):
        return None
    return _uncordoned(id, observation), State({})


def noted(change: Change, state: State) -> Mapping[str, object]:
    """That a cordon is this tool's, or no longer is."""
    after = change.after or {}
    return {CORDON: after[CORDON] or ""} if CORDON in after else {}


def deeper(view: ClusterView, spec: Spec) -> bool:
    """Whether it must be known whose a cordon is."""
    return any(
        CORDON in configs and configs[CORDON].layer(DYNAMIC_BROKER)
        for configs in view.broker_configs.values()
    )


def settled(state: State, observation: Observation) -> bool:
    """A cluster-wide value has arrived at every broker that answers."""
    if not isinstance(observation, Present):
        return False
    return all(
        same(layers.wide, observation.fields.get(key))
        for told in observation.volatile.get("brokers", {}).values()
        for key, layers in told.items()
    )


def find(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> Sequence[Unmanaged]:
    """Dynamic values of keys that the spec does not have."""
    policy = spec.policy.unmanaged_config
    if policy == "ignore" or (policy == "delete" and not spec.bootstrap):
        return []
    found = []
    for id, seen in sorted(observed.items()):
        if id.kind != "broker-config" or not isinstance(seen, Present):
            continue
        if spec.bootstrap:
            extra = kept.extra(id, desired.get(id), seen)
        elif id not in desired or LEAVING in desired[id].args or seen.volatile.get("ours"):
            continue
        else:
            known = {*desired[id].fields, *seen.volatile.get("refused", {})}
            stored = (WIDE_ONLY,) if id.name == CLUSTER and spec.is_kraft else ()
            extra = [key for key in seen.fields if key not in known and key not in stored]
        if extra:
            source = OF_CLUSTER if id.name == CLUSTER else OF_BROKER
            found.append(Unmanaged(id, tuple(sorted(extra)), f"set as {source}"))
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
    asks=asks,
    told_by=told_by,
    resolve=resolve,
    guard=guard,
    judge=judge,
    find=find,
    settled=settled,
    noted=noted,
    undo=undo,
    deeper=deeper,
    passes=lambda id, spec: PASSES if any(n.name == id.name for n in spec.leaving) else 1,
    warnings=warnings,
    awaiting=lambda id: f"the brokers to apply the dynamic configuration of {id.name}",
    steps=steps,
)
