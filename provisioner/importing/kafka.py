"""What Kafka told → what was found. Pure.

Only explicit overrides count, throttles never: they belong to whoever moves replicas. A partition
that is being moved is where it is going.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from provisioner.importing.found import FoundBroker, FoundKafka, FoundQuota, FoundTopic
from provisioner.importing.releases import version_of
from provisioner.kafka.port import ClusterView, TopicView
from provisioner.kafka.requests.reassignments import ListReassignments, Moving
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.broker_config.names import THROTTLES as BROKER_THROTTLES
from provisioner.kinds.broker_config.names import own
from provisioner.kinds.quota.requests import DescribeQuotas
from provisioner.kinds.topic.values import THROTTLES

ASKS: tuple[Ask, ...] = (ListReassignments(), DescribeQuotas())
"""What is asked beside what every look asks."""


def found_kafka(view: ClusterView, bootstrap: Sequence[str]) -> FoundKafka:
    quorum = view.quorum
    values, secrets = _shown(view.cluster_config, BROKER_THROTTLES)
    return FoundKafka(
        cluster_id=view.cluster_id,
        bootstrap=tuple(bootstrap),
        kraft=quorum is not None or "quorum" in view.errors,
        brokers=tuple(_broker(view, broker.id) for broker in view.brokers),
        controllers=tuple(sorted(quorum.voters)) if quorum else (),
        topics=tuple(_topics(view)),
        quotas=_quotas(view),
        config=None if "cluster-config" in view.errors else values,
        secrets=secrets,
        version=version_of(view.level),
    )


def _shown(
    config: Mapping[str, str | None], never: frozenset[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The values by key, and the keys whose values Kafka does not show."""
    names = sorted(key for key in config if key not in never)
    values = {key: value for key in names if (value := config[key]) is not None}
    return values, tuple(key for key in names if config[key] is None)


def _broker(view: ClusterView, id: int) -> FoundBroker:
    broker = next(each for each in view.brokers if each.id == id)
    values, secrets = _shown(own(view.broker_configs.get(id, {})), frozenset())
    return FoundBroker(id, broker.host, broker.port, broker.rack, values, secrets)


def is_internal(topic: TopicView) -> bool:
    return topic.internal or topic.name.startswith("__")


def _topics(view: ClusterView) -> Iterator[FoundTopic]:
    moving: Mapping[tuple[str, int], Moving] = view.answers.get(ListReassignments()) or {}
    for topic in sorted(view.topics, key=lambda topic: topic.name):
        if is_internal(topic) or f"topic-{topic.name}" in view.errors:
            continue
        replicas = []
        for partition in topic.partitions:
            move = moving.get((topic.name, partition.id))
            replicas.append(move.target if move else partition.replicas)
        hidden = set(topic.secrets)
        config = {k: v for k, v in sorted(topic.config.items()) if k not in hidden | THROTTLES}
        yield FoundTopic(topic.name, tuple(replicas), config, tuple(sorted(hidden - THROTTLES)))


def _quotas(view: ClusterView) -> tuple[FoundQuota, ...] | None:
    answer = view.answers.get(DescribeQuotas())
    if answer is None:
        return None
    found = [FoundQuota(entity, dict(sorted(rates.items()))) for entity, rates in answer.items()]
    return tuple(sorted(found, key=lambda quota: _in_order(quota.entity)))


def _in_order(entity: tuple[tuple[str, str | None], ...]) -> list[tuple[str, bool, str]]:
    """The default before those that have a name."""
    return [(kind, name is not None, name or "") for kind, name in entity]


def not_read(view: ClusterView) -> list[str]:
    """What could not be read, one sentence each: it is not in the spec, and may be there."""
    said = [
        f"{_subject(what)} could not be read: {why}" for what, why in sorted(view.errors.items())
    ]
    known = {broker.id for broker in view.brokers}
    held = {id for t in view.topics for p in t.partitions for id in p.replicas}
    said += [
        f"broker {id} holds replicas and is not registered: its own dynamic configuration could "
        "not be read"
        for id in sorted(held - known)
    ]
    said += [
        f"broker {broker.id} is not up: its own dynamic configuration could not be read"
        for broker in view.brokers
        if broker.id not in view.broker_configs and f"broker-{broker.id}" not in view.errors
    ]
    return said


def _subject(what: str) -> str:
    if what.startswith("topic-"):
        return f"topic {what.removeprefix('topic-')}"
    return {"cluster-config": "the cluster-wide dynamic configuration"}.get(what, what)
