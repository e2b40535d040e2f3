"""Kafka's answer as the rules of ``plan.safety`` take it."""

from __future__ import annotations

from provisioner.kafka.port import ClusterView
from provisioner.plan import safety


def safety_view(view: ClusterView) -> safety.View:
    partitions = tuple(
        safety.Partition(t.name, p.id, p.leader, p.replicas, p.isr, t.min_isr or 1)
        for t in view.topics
        for p in t.partitions
    )
    quorum = view.quorum
    return safety.View(
        view.alive,
        partitions,
        dict(quorum.voters) if quorum else {},
        quorum.leader if quorum else None,
    )
