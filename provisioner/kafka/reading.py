"""Kafka's answers → the port's values. Pure; answers are the library's decoded messages.

What an answer refused goes into ``errors`` (``{"topic-atu": "TOPIC_AUTHORIZATION_FAILED: needs
DESCRIBE_CONFIGS on topic atu"}``), so that what could not be read is never taken for absent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from provisioner.kafka.messages import name
from provisioner.kafka.port import (
    DEFAULT,
    DYNAMIC_BROKER,
    DYNAMIC_DEFAULT,
    DYNAMIC_TOPIC,
    STATIC,
    BrokerView,
    ClusterView,
    ConfigEntry,
    DiskView,
    LogDirView,
    PartitionView,
    QuorumView,
    TopicView,
)
from provisioner.kafka.requests.reassignments import Moving
from provisioner.kafka.rights import needs
from provisioner.uuids import written

SOURCES = {1: DYNAMIC_TOPIC, 2: DYNAMIC_BROKER, 3: DYNAMIC_DEFAULT, 4: STATIC, 5: DEFAULT}
NO_UUID = "00000000-0000-0000-0000-000000000000"

KEEPING = ("cleanup.policy", "retention.ms", "retention.bytes")
"""What decides how long the records of a topic are kept."""

EFFECTIVE = frozenset({*KEEPING, "min.insync.replicas"})
"""The keys of a topic whose value is looked at though it is not the topic's own."""
OVERRIDE = 1
"""Kafka's number of ``DYNAMIC_TOPIC``."""
NO_RIGHT = 31
"""CLUSTER_AUTHORIZATION_FAILED."""

Configs = dict[str, ConfigEntry]
Wanted = Callable[[Any], bool]


def refusal(api: str, code: int, message: str | None = None, about: str = "") -> str:
    """``NOT_CONTROLLER: This is not the correct controller``; of a missing right which one it is.
    ``about``: the topic or group."""
    words = needs(api, code, about) or message
    return f"{name(code)}: {words}" if words else name(code)


def brokers(metadata: Any, cluster: Any | None) -> tuple[BrokerView, ...]:
    """All registered brokers, fenced ones too where the broker tells (4.x), by id."""
    found = {b.node_id: BrokerView(b.node_id, b.host, b.port, b.rack) for b in metadata.brokers}
    for broker in cluster.brokers if cluster is not None else ():
        if broker.is_fenced:
            view = BrokerView(broker.broker_id, broker.host, broker.port, broker.rack, True)
            found[broker.broker_id] = view
    return tuple(found[id] for id in sorted(found))


def topics(metadata: Any, errors: dict[str, str]) -> tuple[TopicView, ...]:
    """Every topic, internal ones too, by name; without their configuration."""
    found = []
    for topic in metadata.topics:
        if topic.error_code:
            errors[f"topic-{topic.name}"] = refusal("Metadata", topic.error_code, about=topic.name)
            continue
        partitions = sorted((_partition(p) for p in topic.partitions), key=lambda p: p.id)
        found.append(
            TopicView(topic.name, topic.is_internal, tuple(partitions), id=_uuid(topic.topic_id))
        )
    return tuple(sorted(found, key=lambda topic: topic.name))


def _partition(answer: Any) -> PartitionView:
    return PartitionView(
        id=answer.partition_index,
        leader=None if answer.leader_id < 0 else answer.leader_id,
        replicas=tuple(answer.replica_nodes),
        isr=tuple(answer.isr_nodes),
        offline=tuple(answer.offline_replicas),
    )


def _uuid(value: Any) -> str:
    text = str(value) if value is not None else NO_UUID
    return "" if text == NO_UUID else text


def configs(
    answer: Any, prefix: str, errors: dict[str, str], wanted: Wanted = lambda entry: True
) -> dict[str, Configs]:
    """{resource name: {key: entry}} of a DescribeConfigs answer, of the ``wanted`` entries.
    Those that share their settings in the answer share them here."""
    found = {}
    shared: dict[int, Configs] = {}
    for result in answer.results:
        if result.error_code:
            about = result.resource_name
            text = refusal("DescribeConfigs", result.error_code, result.error_message, about)
            errors[f"{prefix}{about}"] = text
            continue
        settings = shared.get(id(result.configs))
        if settings is None:
            settings = {e.name: config_entry(e) for e in result.configs if wanted(e)}
            shared[id(result.configs)] = settings
        found[result.resource_name] = settings
    return found


def of_topic(entry: Any) -> bool:
    """What a look needs of a topic's forty keys: overrides, and what counts as it is."""
    return entry.config_source == OVERRIDE or entry.name in EFFECTIVE


def config_entry(answer: Any) -> ConfigEntry:
    """One key. A sensitive value is None whatever the broker sent."""

    def shown(value: str | None) -> str | None:
        return None if answer.is_sensitive else value

    return ConfigEntry(
        value=shown(answer.value),
        source=SOURCES.get(answer.config_source, f"source-{answer.config_source}"),
        read_only=answer.read_only,
        sensitive=answer.is_sensitive,
        synonyms=tuple(
            (SOURCES.get(s.source, f"source-{s.source}"), shown(s.value))
            for s in answer.synonyms or ()
            # log.retention.ms lists what log.retention.hours has, too.
            if s.name == answer.name
        ),
    )


def with_config(topic: TopicView, found: Mapping[str, ConfigEntry]) -> TopicView:
    """The topic with its explicit overrides and its effective minimum of in-sync replicas."""
    minimum = found.get("min.insync.replicas")
    keeping = {k: found[k].value or "" for k in KEEPING if k in found}
    return replace(
        topic,
        keeping=keeping,
        config={k: e.value or "" for k, e in found.items() if e.source == DYNAMIC_TOPIC},
        min_isr=int(minimum.value) if minimum and minimum.value else None,
        secrets=tuple(
            sorted(k for k, e in found.items() if e.source == DYNAMIC_TOPIC and e.sensitive)
        ),
    )


def with_moves(view: ClusterView, moves: Mapping[tuple[str, int], Moving] | None) -> ClusterView:
    """The view with what is being added taken out of the replicas."""
    if not moves:
        return view
    names = {topic for topic, _ in moves}

    def moved(topic: TopicView, partition: PartitionView) -> PartitionView:
        move = moves.get((topic.name, partition.id))
        adding = move.adding if move else ()
        replicas = tuple(id for id in partition.replicas if id not in adding)
        return replace(partition, replicas=replicas, adding=adding)

    topics = tuple(
        replace(t, partitions=tuple(moved(t, p) for p in t.partitions)) if t.name in names else t
        for t in view.topics
    )
    return replace(view, topics=topics)


def with_partitions(view: ClusterView, newer: Iterable[TopicView]) -> ClusterView:
    """The view with the partitions of its topics as they are in a later answer."""
    now = {topic.id or topic.name: topic.partitions for topic in newer}
    topics = (replace(t, partitions=now.get(t.id or t.name, t.partitions)) for t in view.topics)
    return replace(view, topics=tuple(topics))


def under_way(
    moves: Mapping[tuple[str, int], Moving], view: ClusterView
) -> dict[tuple[str, int], Moving]:
    """The moves but those that a later answer shows at their end: what was to go is gone. One that
    only adds replicas looks the same at its end."""
    replicas = {(t.name, p.id): set(p.replicas) for t in view.topics for p in t.partitions}
    return {
        key: move
        for key, move in moves.items()
        if not move.removing or replicas.get(key) != set(move.target)
    }


def quorum(answer: Any, errors: dict[str, str]) -> QuorumView | None:
    """The controllers of a DescribeQuorum answer; None, with an error, when it has none."""
    parts = [partition for topic in answer.topics for partition in topic.partitions]
    code = answer.error_code or (parts[0].error_code if parts else 0)
    if code or not parts:
        why = refusal("DescribeQuorum", code) if code else "the answer has no quorum"
        errors["quorum"] = why
        return None
    part = parts[0]
    ends = {voter.replica_id: voter.log_end_offset for voter in part.current_voters}
    newest = ends.get(part.leader_id, part.high_watermark)
    return QuorumView(
        leader=None if part.leader_id < 0 else part.leader_id,
        voters={id: max(newest - end, 0) for id, end in sorted(ends.items())},
        observers=frozenset((o.replica_id, _directory(o)) for o in part.observers),
        directories={voter.replica_id: _directory(voter) for voter in part.current_voters},
        reading={
            (o.replica_id, _directory(o)): max(newest - o.log_end_offset, 0) for o in part.observers
        },
        endpoints=dict(_endpoints(answer)),
        silent=dict(_silent(part)),
    )


def _endpoints(answer: Any) -> Iterator[tuple[int, tuple[str, int]]]:
    """Of each voter, where the other controllers reach it."""
    for node in getattr(answer, "nodes", None) or ():
        for listener in node.listeners[:1]:
            yield node.node_id, (listener.host, listener.port)


def _silent(part: Any) -> Iterator[tuple[int, float]]:
    """Seconds since the leader last heard of each other voter, by the leader's clock: when it was
    caught up itself is now."""
    asked = {voter.replica_id: voter for voter in part.current_voters}
    now = getattr(asked.get(part.leader_id), "last_caught_up_timestamp", -1)
    for id, voter in asked.items():
        last = getattr(voter, "last_fetch_timestamp", -1)
        if id != part.leader_id and now > 0 and last > 0:
            yield id, max(now - last, 0) / 1000


def _directory(replica: Any) -> str:
    """Its directory as ``meta.properties`` has it; nothing where the quorum is static."""
    text = _uuid(replica.replica_directory_id)
    return written(UUID(text).bytes) if text else ""


def no_log_dirs(answer: Any) -> str:
    """Why a broker has not told its log dirs, of which it has one at least; or nothing."""
    code = getattr(answer, "error_code", None) or 0
    if not code and not answer.results:
        code = NO_RIGHT  # before 3.2 the answer had no code
    return refusal("DescribeLogDirs", code) if code else ""


def log_dirs(answer: Any) -> tuple[LogDirView, ...]:
    """The log dirs of one broker, by path."""
    return tuple(sorted((_log_dir(result) for result in answer.results), key=lambda d: d.path))


def disks(answer: Any) -> tuple[DiskView, ...]:
    """The filesystems of the log dirs, where the broker tells their size."""
    return tuple(
        DiskView(result.total_bytes, result.usable_bytes)
        for result in answer.results
        if (getattr(result, "total_bytes", None) or 0) > 0
    )


def _log_dir(result: Any) -> LogDirView:
    sizes = {
        (t.name, p.partition_index): p.partition_size
        for t in result.topics
        for p in t.partitions
        if not p.is_future_key
    }
    every: Iterable[int] = (p.partition_size for t in result.topics for p in t.partitions)
    error = name(result.error_code) if result.error_code else None
    return LogDirView(result.log_dir, sum(every), error, sizes)
