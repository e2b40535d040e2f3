"""Clusters as Kafka tells of them, for the import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.kafka.port import (
    DYNAMIC_BROKER,
    STATIC,
    BrokerView,
    ClusterView,
    ConfigEntry,
    PartitionView,
    QuorumView,
    TopicView,
)
from provisioner.kafka.requests.reassignments import ListReassignments
from provisioner.kinds.quota.requests import DescribeQuotas

CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qk"
KEEPING = {"cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1"}


def partition(id: int, *replicas: int, leader: int | None = None) -> PartitionView:
    return PartitionView(id, leader or replicas[0], replicas, replicas)


def topic(name: str, *replicas: Sequence[int], **more: Any) -> TopicView:
    partitions = tuple(partition(n, *each) for n, each in enumerate(replicas or [(1, 2)]))
    config: Mapping[str, str] = more.pop("config", {})
    return TopicView(name, more.pop("internal", False), partitions, config, keeping=KEEPING, **more)


def dynamic(value: str | None, *, sensitive: bool = False) -> ConfigEntry:
    return ConfigEntry(value, DYNAMIC_BROKER, False, sensitive, ((DYNAMIC_BROKER, value),))


def static(value: str) -> ConfigEntry:
    return ConfigEntry(value, STATIC, False, False, ((STATIC, value),))


def view(
    *topics: TopicView,
    brokers: Sequence[int] = (1, 2, 3),
    configs: Mapping[int, Mapping[str, ConfigEntry]] | None = None,
    quotas: Mapping[Any, Mapping[str, float]] | None = None,
    moves: Mapping[tuple[str, int], Any] | None = None,
    **more: Any,
) -> ClusterView:
    every = {id: {"num.io.threads": static("8")} for id in brokers}
    for id, config in (configs or {}).items():
        every[id] = {**every[id], **config}
    return ClusterView(
        cluster_id=more.pop("cluster_id", CLUSTER_ID),
        controller=1,
        brokers=tuple(BrokerView(id, f"vm{id}", 9092) for id in brokers),
        topics=tuple(sorted(topics, key=lambda each: each.name)),
        broker_configs=more.pop("broker_configs", every),
        quorum=QuorumView(1, {1: 0}),
        answers={ListReassignments(): moves or {}, DescribeQuotas(): quotas or {}},
        level=more.pop("level", 30),
        noted={},
        **more,
    )
