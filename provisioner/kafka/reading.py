"""Kafka's answers → the port's values. Pure; answers are the library's decoded messages.

What an answer refused goes into ``errors`` (``{"topic-atu": "TOPIC_AUTHORIZATION_FAILED"}``), so
that what could not be read is never taken for absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    ConfigEntry,
    LogDirView,
    PartitionView,
    QuorumView,
    TopicView,
)
from provisioner.uuids import written

SOURCES = {1: DYNAMIC_TOPIC, 2: DYNAMIC_BROKER, 3: DYNAMIC_DEFAULT, 4: STATIC, 5: DEFAULT}
NO_UUID = "00000000-0000-0000-0000-000000000000"

Configs = dict[str, ConfigEntry]


def refusal(code: int, message: str | None) -> str:
    """``NOT_CONTROLLER: This is not the correct controller``."""
    return f"{name(code)}: {message}" if message else name(code)


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
            errors[f"topic-{topic.name}"] = name(topic.error_code)
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


def configs(answer: Any, prefix: str, errors: dict[str, str]) -> dict[str, Configs]:
    """{resource name: {key: entry}} of a DescribeConfigs answer."""
    found = {}
    for result in answer.results:
        if result.error_code:
            text = refusal(result.error_code, result.error_message)
            errors[f"{prefix}{result.resource_name}"] = text
            continue
        found[result.resource_name] = {entry.name: config_entry(entry) for entry in result.configs}
    return found


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
        ),
    )


def with_config(topic: TopicView, found: Mapping[str, ConfigEntry]) -> TopicView:
    """The topic with its explicit overrides and its effective minimum of in-sync replicas."""
    minimum = found.get("min.insync.replicas")
    return replace(
        topic,
        config={k: e.value or "" for k, e in found.items() if e.source == DYNAMIC_TOPIC},
        min_isr=int(minimum.value) if minimum and minimum.value else None,
    )


def quorum(answer: Any, errors: dict[str, str]) -> QuorumView | None:
    """The controllers of a DescribeQuorum answer; None, with an error, when it has none."""
    parts = [partition for topic in answer.topics for partition in topic.partitions]
    code = answer.error_code or (parts[0].error_code if parts else 0)
    if code or not parts:
        errors["quorum"] = name(code) if code else "the answer has no quorum"
        return None
    part = parts[0]
    ends = {voter.replica_id: voter.log_end_offset for voter in part.current_voters}
    newest = ends.get(part.leader_id, part.high_watermark)
    return QuorumView(
        leader=None if part.leader_id < 0 else part.leader_id,
        voters={id: max(newest - end, 0) for id, end in sorted(ends.items())},
        observers=frozenset((o.replica_id, _directory(o)) for o in part.observers),
        directories={voter.replica_id: _directory(voter) for voter in part.current_voters},
    )


def _directory(replica: Any) -> str:
    """Its directory as ``meta.properties`` has it; nothing where the quorum is static."""
    text = _uuid(replica.replica_directory_id)
    return written(UUID(text).bytes) if text else ""


def log_dirs(answer: Any) -> tuple[LogDirView, ...]:
    """The log dirs of one broker, by path."""
    return tuple(sorted((_log_dir(result) for result in answer.results), key=lambda d: d.path))


def _log_dir(result: Any) -> LogDirView:
    sizes: Iterable[int] = (p.partition_size for t in result.topics for p in t.partitions)
    error = name(result.error_code) if result.error_code else None
    return LogDirView(result.log_dir, sum(sizes), error)
