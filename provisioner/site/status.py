"""A cluster as it is, whatever the spec says: processes from the hosts and partitions from Kafka,
side by side, so that a cluster that is down still has an answer: which of its processes run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.kafka.port import (
    ClusterView,
    KafkaRefused,
    KafkaUnavailable,
    PartitionView,
    TopicView,
)
from provisioner.kafka.requests.features import DescribeFeatures
from provisioner.kafka.requests.reassignments import ListReassignments, Moving
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.feature.questions import told
from provisioner.kinds.ids import service_id
from provisioner.kinds.phases import staged
from provisioner.kinds.placement.observed import is_ours
from provisioner.kinds.service.recovery import Recovery
from provisioner.kinds.throttle.kind import limits
from provisioner.kinds.throttled import being_filled, limits_of
from provisioner.plan.model import Id, Observation, Present
from provisioner.plan.safety import CAUGHT_UP
from provisioner.site import migrating
from provisioner.site.look import look
from provisioner.site.observe import with_notes
from provisioner.site.recovering import recovering
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
    recovering: Mapping[str, Recovery] = field(default_factory=dict)
    """By node, of those that run and do not serve."""

    def running(self, node: Node) -> bool | None:
        """Whether the node's process runs; None where its host could not be read."""
        observation = self.seen.get(service_id(node))
        return bool(observation.fields["running"]) if isinstance(observation, Present) else None

    def hold(self, node: Node) -> Values | None:
        """Why a node is left alone, whether the spec says so, and for how many seconds (null where
        the host does not tell); None where it is not."""
        observation = self.seen.get(service_id(node))
        fields = observation.fields if isinstance(observation, Present) else {}
        why = fields.get("hold") or node.hold
        if not why or not isinstance(observation, Present):
            return {"reason": why, "spec": True, "seconds": None} if why else None
        known = fields.get("hold") is not None
        age = observation.volatile.get("hold_age") if known else None
        return {"reason": why, "spec": bool(node.hold), "seconds": age}


def observe(site: Site) -> Look:
    """Every host's processes in one exec each, and Kafka beside them."""
    found = Look()
    with workers(1) as pool:
        asked = pool.submit(lambda: _view(site)) if site.shells else None
        seen: dict[Id, Observation] = {}
        ids = [service_id(node) for node in site.spec.nodes]
        ids += migrating.looked_at(site.spec)
        for part in site.side_by_side(lambda host: look(site, host, ids)).values():
            seen.update(part)
        found.seen = seen
        site.spec = staged(site.spec, seen)
        try:
            found.view = result_of(asked) if asked else None
        except (KafkaRefused, KafkaUnavailable) as error:
            found.why = str(error)
    alive = found.view.alive if found.view else frozenset()
    waited_for = [n for n in site.spec.brokers if found.running(n) and n.id not in alive]
    found.recovering = recovering(site, waited_for)
    return found


def _view(site: Site) -> ClusterView:
    """With what moves, and whose doing that is. Raises KafkaRefused, KafkaUnavailable."""
    asks: list[Ask] = [ListReassignments()]
    asks += [DescribeFeatures()] if site.spec.is_kraft else []
    view = site.cluster().view(asks, log_dirs=True, more=_features_of_each)
    known = view.answers.get(ListReassignments()) or limits_of(view)
    return with_notes(site, view) if known else view


def _features_of_each(view: ClusterView) -> list[Ask]:
    """What every broker supports, where one told."""
    known = DescribeFeatures() in view.answers
    return [DescribeFeatures(id) for id in sorted(view.alive)] if known else []


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
        "holds": [
            {"name": node.name, "host": node.host, **hold}
            for node in site.spec.nodes
            if (hold := found.hold(node)) is not None
        ],
        "topics": [topic(each) for each in view.topics] if view else None,
    }
    if view is not None:
        result["moves"] = moves(view)
        result["throttles"] = limits(view)
        result["features"] = features(view)
    if site.spec.zookeeper and (site.spec.controllers or site.spec.former):
        result["migration"] = migrating.values(site.spec, found.seen)
    if site.spec.bootstrap:
        result["controllers"] = voters(view) if view else []
    if site.spec.controllers and not site.spec.bootstrap:
        result["controllers"] = [controller(node, found) for node in site.spec.controllers]
    if site.spec.zookeeper:
        result["zookeeper"] = [
            {"id": node.id, "host": node.host, "up": found.running(node)}
            for node in site.spec.zookeeper
        ]
    return result


def features(view: ClusterView) -> list[Values]:
    """Each feature of Kafka: ``finalized`` is its level, 0 where it is not; ``supported`` the
    lowest and the highest that every broker takes. None in ZooKeeper mode."""
    known = told(view)
    if known is None:
        return []
    return [
        {"name": name, "finalized": known.now(name), "supported": list(known.range(name))}
        for name in sorted(known.every)
    ]


def moves(view: ClusterView) -> list[Values]:
    """Every partition whose replicas are being moved or filled again. ``bytes_left``: what the new
    ones have not copied yet, None where a broker did not tell."""
    found: Mapping[tuple[str, int], Moving] = view.answers.get(ListReassignments()) or {}
    under_way = [
        {
            "topic": topic,
            "partition": partition,
            "from": list(move.before),
            "to": list(move.target),
            "bytes_left": _left(view, (topic, partition), move.adding),
            "ours": is_ours(view, topic, partition, move),
        }
        for (topic, partition), move in sorted(found.items())
    ]
    return [*under_way, *refills(view)]


def refills(view: ClusterView) -> list[Values]:
    """The replicas of brokers that came back without their data, as far as they are not in sync."""
    return [
        {
            "topic": late.topic,
            "partition": late.partition,
            "from": list(late.others),
            "to": [broker],
            "bytes_left": _left(view, late.place, (broker,) if broker in view.alive else ()),
            "ours": True,
        }
        for broker, replicas in sorted(being_filled(view).items())
        for late in replicas
    ]


def _left(view: ClusterView, place: tuple[str, int], adding: Sequence[int]) -> int | None:
    whole = view.sizes.get(place)
    if whole is None or not all(id in view.log_dirs for id in adding):
        return None
    have = [sum(d.partitions.get(place, 0) for d in view.log_dirs[id]) for id in adding]
    return sum(max(whole - bytes_, 0) for bytes_ in have)


def brokers(site: Site, found: Look) -> list[Values]:
    """The spec's brokers, and those that are registered besides; by id."""
    result = {node.id: broker(node.id, node.host, node, found) for node in site.spec.brokers}
    for other in found.view.brokers if found.view else ():
        result.setdefault(other.id, broker(other.id, other.host, None, found))
    return [result[id] for id in sorted(result)]


def broker(id: int, host: str, node: Node | None, found: Look) -> Values:
    """One broker. ``up``: it serves in the cluster. ``running``: its process is there. Counts are
    of partitions, internal topics included; null where Kafka did not answer. ``recovering``: how
    many segments (or logs) it has recovered of how many, null where it recovers none."""
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
        "recovering": _recovering(found.recovering.get(node.name) if node else None),
        "rack": rack,
        "log_dirs": _log_dirs(id, node, view),
    }


def _recovering(found: Recovery | None) -> Values | None:
    if found is None:
        return None
    done, total, unit = found.shown
    return {"done": done, "total": total, "unit": unit}


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


def voters(view: ClusterView) -> list[Values]:
    """The quorum's, where nobody knows on which hosts they are; none with ZooKeeper."""
    quorum = view.quorum
    if quorum is None:
        return []
    return [
        {
            "id": id,
            "host": None,
            # One that has caught up is there; of another only the host could tell.
            "up": True if lag <= CAUGHT_UP else None,
            "leader": quorum.leader == id,
            "lag": lag,
        }
        for id, lag in quorum.voters.items()
    ]


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
