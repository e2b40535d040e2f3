"""A cluster as it is, whatever the spec says: processes from the hosts and partitions from Kafka,
side by side, so that a cluster that is down still has an answer: which of its processes run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioner.kafka.port import (
    ClusterView,
    KafkaRefused,
    KafkaUnavailable,
    PartitionView,
    TopicView,
)
from provisioner.kinds.ids import service_id
from provisioner.plan.model import Id, Observation, Present
from provisioner.site.look import look
from provisioner.site.site import Site
from provisioner.spec.types import Node
from provisioner.workers import result_of, workers

Values = dict[str, Any]


@dataclass
class Look:
    """What was read: processes, and Kafka's view or why there is none."""

    seen: Mapping[Id, Observation] = field(default_factory=dict)
    view: ClusterView | None = None
    why: str = ""

    def running(self, node: Node) -> bool | None:
        """Whether the node's process runs; None where its host could not be read."""
        observation = self.seen.get(service_id(node))
        return bool(observation.fields["running"]) if isinstance(observation, Present) else None


def observe(site: Site) -> Look:
    """Every host's processes in one exec each, and Kafka beside them."""
    found = Look()
    with workers(1) as pool:
        asked = pool.submit(lambda: site.cluster().view(log_dirs=True)) if site.shells else None
        seen: dict[Id, Observation] = {}
        ids = [service_id(node) for node in site.spec.nodes]
        for part in site.side_by_side(lambda host: look(site, host, ids)).values():
            seen.update(part)
        found.seen = seen
        try:
            found.view = result_of(asked) if asked else None
        except (KafkaRefused, KafkaUnavailable) as error:
            found.why = str(error)
    return found


def unreadable(site: Site, found: Look) -> list[str]:
    """What has no answer, and why; empty when all was read."""
    reasons = [f"{host}: {error}" for host, error in sorted(site.unreachable.items())]
    reasons += [
        f"{node.name}: its process could not be read"
        for node in site.spec.nodes
        if found.running(node) is None and node.host not in site.unreachable
    ]
    if found.view is None:
        return [*reasons, f"Kafka: {found.why or 'no host to ask it from'}"]
    return reasons + [f"{what}: {why}" for what, why in sorted(found.view.errors.items())]


def values(site: Site, found: Look) -> Values:
    """``brokers``, ``topics`` (null when Kafka did not answer), and what coordinates them."""
    view = found.view
    result: Values = {
        "cluster_id": view.cluster_id if view else None,
        "brokers": brokers(site, found),
        "topics": [topic(each) for each in view.topics] if view else None,
    }
    if site.spec.is_kraft:
        result["controllers"] = [controller(node, found) for node in site.spec.controllers]
    else:
        result["zookeeper"] = [
            {"id": node.id, "host": node.host, "up": found.running(node)}
            for node in site.spec.zookeeper
        ]
    return result


def brokers(site: Site, found: Look) -> list[Values]:
    """The spec's brokers, and those that are registered besides; by id."""
    result = {node.id: broker(node.id, node.host, node, found) for node in site.spec.brokers}
    for other in found.view.brokers if found.view else ():
        result.setdefault(other.id, broker(other.id, other.host, None, found))
    return [result[id] for id in sorted(result)]


def broker(id: int, host: str, node: Node | None, found: Look) -> Values:
    """One broker. ``up``: it serves in the cluster. ``running``: its process is there. Counts are
    of partitions, internal topics included; null where Kafka did not answer."""
    view = found.view
    running = found.running(node) if node else None
    registered = next((b for b in view.brokers if b.id == id), None) if view else None
    rack = registered.rack if registered else node.rack if node else None
    return {
        "id": id,
        "host": host,
        "up": _up(id, view, running),
        "running": running,
        "controller": view.controller == id if view else None,
        **counts(id, view),
        "rack": rack,
        "log_dirs": _log_dirs(id, node, view),
    }


def _up(id: int, view: ClusterView | None, running: bool | None) -> bool | None:
    """Without an answer from Kafka a broker is not up, unless even its process could not be
    read."""
    if view is not None:
        return id in view.alive
    return None if running is None else False


def counts(id: int, view: ClusterView | None) -> Values:
    if view is None:
        return dict.fromkeys(("leads", "follows", "in_sync", "behind"))
    mine = [p for t in view.topics for p in t.partitions if id in p.replicas]
    leads = sum(p.leader == id for p in mine)
    in_sync = sum(_in_sync(p, id) for p in mine)
    return {
        "leads": leads,
        "follows": len(mine) - leads,
        "in_sync": in_sync,
        "behind": len(mine) - in_sync,
    }


def _in_sync(partition: PartitionView, id: int) -> bool:
    """The last replica stays in the ISR when its broker goes: it is not in sync with anything."""
    return id in partition.isr and id not in partition.offline


def _log_dirs(id: int, node: Node | None, view: ClusterView | None) -> list[Values]:
    """Log dirs as the broker reports them; for one that does not answer, the spec's paths with
    null sizes."""
    if view is not None and id in view.log_dirs:
        return [
            {"path": d.path, "bytes": None if d.error else d.bytes, "error": d.error}
            for d in view.log_dirs[id]
        ]
    return [{"path": d.path, "bytes": None, "error": None} for d in node.log_dirs] if node else []


def controller(node: Node, found: Look) -> Values:
    """A voter of the quorum; ``lag`` in records behind its leader, null when it is not known."""
    quorum = found.view.quorum if found.view else None
    return {
        "id": node.id,
        "host": node.host,
        "up": found.running(node),
        "leader": quorum.leader == node.id if quorum else None,
        "lag": quorum.voters.get(node.id) if quorum else None,
    }


def topic(view: TopicView) -> Values:
    """One topic; ``offline`` are the replicas whose brokers (or disks) are away."""
    return {
        "name": view.name,
        "internal": internal(view),
        "partitions": [
            {
                "id": p.id,
                "leader": p.leader,
                "replicas": list(p.replicas),
                "isr": list(p.isr),
                "offline": list(p.offline),
            }
            for p in view.partitions
        ],
    }


def internal(view: TopicView) -> bool:
    return view.internal or view.name.startswith("__")
