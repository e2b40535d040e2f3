"""A broker that was moved to another host by the spec, and still runs where it was."""

from __future__ import annotations

from provisioner.kafka.port import ClusterView
from provisioner.kinds.service.kind import service_id
from provisioner.plan.diff import Differences
from provisioner.plan.model import Refused
from provisioner.run.target import Target


def guard_duplicate_broker_ids(
    target: Target, found: Differences, view: ClusterView | None
) -> None:
    """Refuses to start a broker whose id serves from another address: the two would take turns, and
    the new one, which has nothing, would lead in place of the old one."""
    serving = {b.id: b.host for b in view.brokers if b.id in view.alive} if view else {}
    for node in target.spec.brokers:
        listeners = node.advertised_listeners or node.listeners
        where = serving.get(node.id)
        if where is None or where in {x.host or "localhost" for x in listeners}:
            continue
        for change in [c for c in found.changes if c.id == service_id(node)]:
            if change.action == "start":
                found.changes.remove(change)
                why = f"broker {node.id} serves from {where}: stop that one first"
                found.refused.append(Refused(change.id, why, None, change))
