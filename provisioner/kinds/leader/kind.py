"""The kind ``leader``: a topic's partitions are led by their preferred leaders.

Kafka gives leadership back by itself, once in ``leader.imbalance.check.interval.seconds``. So an
imbalance is a difference only where Kafka does not do so, or had the time to (decision 40).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.leaders import ElectPreferredLeaders, in_lists, not_preferred
from provisioner.kinds.ids import service_id
from provisioner.kinds.kind import Difference, Facts, Kind, Seen
from provisioner.kinds.made_from import topic_made
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
)
from provisioner.spec.types import Spec

REBALANCE = "auto.leader.rebalance.enable"
INTERVAL = "leader.imbalance.check.interval.seconds"
KAFKAS_INTERVAL = 300
PATIENCE = 60.0
NAMED = 3


def leader_id(topic: str) -> Id:
    return Id("", "leader", topic)


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    """Of the topics of the spec, where ``policy.leaders`` asks for it."""
    if spec.policy.leaders != "preferred":
        return {}
    return {leader_id(topic.name): State({}, args={"led_by": None}) for topic in spec.topics}


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    """``led_by``: the brokers that are up for longer than Kafka takes to give them their
    leadership back. None: whichever, since Kafka does not."""
    if spec.bootstrap:
        return {
            id: replace(state, args={"led_by": _told(observed.get(id))})
            for id, state in mine.items()
        }
    led_by = None if never_by_kafka(spec) else _up_for(spec, interval(spec), observed)
    return {id: replace(state, args={"led_by": led_by}) for id, state in mine.items()}


def _told(seen: Observation | None) -> frozenset[int] | None:
    """The same of brokers on hosts that nobody looks at: since when they are up is not known, so
    only what Kafka never does is a difference."""
    by_kafka = isinstance(seen, Present) and seen.volatile["by_kafka"]
    return frozenset() if by_kafka else None


def _up_for(spec: Spec, seconds: int, observed: Observed) -> frozenset[int]:
    """Brokers whose process is known to run for longer."""
    found = set()
    for node in spec.brokers:
        seen = observed.get(service_id(node))
        age = seen.volatile.get("age") if isinstance(seen, Present) else None
        if isinstance(age, int) and age > seconds:
            found.add(node.id)
    return frozenset(found)


def never_by_kafka(spec: Spec) -> bool:
    """Whether whoever would give leadership back is told not to: the controllers."""
    nodes = spec.controllers if spec.is_kraft else spec.brokers
    return all(node.config.get(REBALANCE) == "false" for node in nodes)


def interval(spec: Spec) -> int:
    """The longest time Kafka takes to look, in seconds."""
    nodes = spec.controllers if spec.is_kraft else spec.brokers
    given = [node.config.get(INTERVAL, str(KAFKAS_INTERVAL)) for node in nodes]
    return max((int(text) for text in given if text.isdigit()), default=KAFKAS_INTERVAL)


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    """What of each topic could be elected: partition → its preferred leader. A topic that is not
    there is its own kind's difference."""
    if spec.policy.leaders != "preferred":
        return {}
    others: dict[str, dict[int, int]] = {topic.name: {} for topic in spec.topics}
    there = {t.name: {p.id: list(p.replicas[:1]) for p in t.partitions} for t in view.topics}
    rebalances = [config.get(REBALANCE) for config in view.broker_configs.values()]
    by_kafka = not rebalances or any(e is None or e.value != "false" for e in rebalances)
    told = {"by_kafka": by_kafka}
    for topic, partition, preferred in not_preferred(view):
        if topic in others:
            others[topic][partition] = preferred
    return {
        leader_id(name): Present({}, volatile={**told, "others": led, "preferred": there[name]})
        if name in there
        else Absent()
        for name, led in others.items()
    }


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    if not isinstance(observation, Present):
        return True, None
    led_by = state.args["led_by"]
    others: Mapping[int, int] = observation.volatile["others"]
    found = tuple(p for p, broker in sorted(others.items()) if led_by is None or broker in led_by)
    if not found:
        return True, None
    named = ", ".join(f"{id.name}-{p} by broker {others[p]}" for p in found[:NAMED])
    more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
    reason = f"not led by the preferred leader, which is in sync: should be {named}{more}"
    before, after = {"not_preferred": found}, {"not_preferred": ()}
    return True, Change(id, "update", before, after, ("not_preferred",), reason=reason)


def steps(change: Change, state: State) -> Sequence[Step]:
    assert change.before is not None
    partitions = [(change.id.name, partition) for partition in change.before["not_preferred"]]
    calls = [Call(ElectPreferredLeaders(some)) for some in in_lists(partitions)]
    return [*calls, Await(change.id, PATIENCE)]


def basis(id: Id, state: State, fields: Sequence[str] | None, seen: Seen) -> Facts:
    """Who leads changes by itself; who is preferred does not."""
    there = seen.things.get(id)
    preferred = there.volatile["preferred"] if isinstance(there, Present) else {}
    who = {f"preferred leader of partition {n}": first for n, first in preferred.items()}
    return {**topic_made(id.name, seen), **who}


KIND = Kind(
    "leader",
    Layer.CLUSTER,
    rank=9,
    of_cluster=of_cluster,
    resolve=resolve,
    read=read,
    judge=judge,
    awaiting=lambda id: f"the preferred leaders of {id.name}",
    of_topics=lambda id: (),
    steps=steps,
    by_runs=lambda spec: True,
    basis=basis,
    aim=lambda change, state, observation: None,
)
