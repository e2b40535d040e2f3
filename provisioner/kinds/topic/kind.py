"""The kind ``topic``. Moving replicas and deleting are not supported yet and say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.configs import AlterTopicConfig
from provisioner.kafka.requests.topics import CreatePartitions, CreateTopic
from provisioner.kinds.kind import Difference, Kind
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
from provisioner.spec.types import Spec

SHAPE = ("partitions", "replication")
PATIENCE = 60.0


def topic_id(name: str) -> Id:
    return Id("", "topic", name)


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    return {
        topic_id(topic.name): State(
            {
                "partitions": topic.partitions,
                "replication": topic.replication,
                **topic.config,
            },
            closed=spec.policy.unmanaged_config == "delete",
        )
        for topic in spec.topics
    }


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    """Every topic in Kafka; a wanted one that Kafka does not have is absent."""
    seen: dict[Id, Observation] = {topic_id(t.name): Absent() for t in spec.topics}
    for topic in view.topics:
        fields = {
            "partitions": len(topic.partitions),
            "replication": topic.replication,
            **topic.config,
        }
        whole = all(
            p.leader is not None and len(p.isr) == len(p.replicas) for p in topic.partitions
        )
        volatile = {
            "whole": whole and bool(topic.partitions),
            "internal": topic.internal,
            "config": tuple(sorted(topic.config)),
        }
        seen[topic_id(topic.name)] = Present(fields, volatile=volatile)
        unread = view.errors.get(f"topic-{topic.name}")
        if unread:
            # Its overrides are not known, which is not the same as having none.
            seen[topic_id(topic.name)] = Unknown(unread)
    return seen


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """Never fewer partitions; another replication factor waits for the tool to move replicas."""
    if not isinstance(observation, Present):
        return False, None
    refused = [
        Refused(id, reason, None, _change(id, state, observation, [name]))
        for name, reason in _impossible(state, observation, fields)
    ]
    if not refused:
        return False, None
    shape = {name for item in refused if item.change for name in item.change.fields}
    rest = [name for name in fields if name not in shape]
    return True, (*refused, *([_change(id, state, observation, rest)] if rest else []))


def _impossible(state: State, seen: Present, fields: Sequence[str]) -> list[tuple[str, str]]:
    """(field, why) of differences that cannot be repaired."""
    found = []
    have, want = seen.fields, state.fields
    if "partitions" in fields and have["partitions"] > want["partitions"]:
        found.append(
            (
                "partitions",
                f"it has {have['partitions']} partitions and Kafka cannot remove any; set "
                f"partitions: {have['partitions']} in the spec, or delete the topic by hand",
            )
        )
    if "replication" in fields:
        found.append(
            (
                "replication",
                f"its replication factor is {have['replication']}, not {want['replication']}: "
                "moving replicas is not yet supported",
            )
        )
    return found


def _change(id: Id, state: State, seen: Present, fields: Sequence[str]) -> Change:
    before = {name: seen.fields.get(name) for name in fields}
    after = {name: state.fields.get(name) for name in fields}
    return Change(id, "update", before, after, tuple(fields))


def find(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> Sequence[Unmanaged]:
    """Topics, and overrides on managed topics, that are not in the spec."""
    found: list[Unmanaged] = []
    for id, seen in sorted(observed.items()):
        if id.kind != "topic" or not isinstance(seen, Present):
            continue
        if id not in desired:
            ours = seen.volatile["internal"] or id.name.startswith("__")
            if spec.policy.unmanaged_topics != "ignore" and not ours:
                found.append(Unmanaged(id))
            continue
        extra = tuple(k for k in seen.volatile["config"] if k not in desired[id].fields)
        if extra and spec.policy.unmanaged_config == "report":
            found.append(Unmanaged(id, extra))
    return found


def settled(state: State, observation: Observation) -> bool:
    """Every partition has a leader and its full ISR."""
    return isinstance(observation, Present) and bool(observation.volatile["whole"])


def steps(change: Change, state: State) -> Sequence[Step]:
    name = change.id.name
    wait = Await(change.id, PATIENCE)
    config = {k: str(v) for k, v in state.fields.items() if k not in SHAPE}
    if change.action == "create":
        shape = {name: state.fields[name] for name in SHAPE}
        return [Call(CreateTopic(name, **shape, config=config)), wait]
    chain: list[Step] = []
    if "partitions" in change.fields:
        chain.append(Call(CreatePartitions(name, state.fields["partitions"])))
    values = {key: config[key] for key in change.fields if key in config}
    dropped = [k for k in change.fields if k not in config and k not in SHAPE]
    if values or dropped:
        chain.append(Call(AlterTopicConfig(name, values, dropped)))
    return [*chain, wait]


KIND = Kind(
    "topic",
    Layer.CLUSTER,
    rank=8,
    of_cluster=of_cluster,
    read=read,
    judge=judge,
    find=find,
    settled=settled,
    awaiting=lambda id: f"topic {id.name} to be in sync and configured",
    steps=steps,
)
