"""The stages that every verb lists: desired, observe, resolve, diff, order. None of them writes."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from provisioner.kafka.port import ClusterView, KafkaUnavailable
from provisioner.kinds import registry
from provisioner.kinds.cluster_id import cluster_id
from provisioner.kinds.kind import Kind
from provisioner.kinds.registry import JUDGES, KINDS
from provisioner.plan import safety
from provisioner.plan.diff import Differences, diff
from provisioner.plan.model import (
    Change,
    Deferred,
    Desired,
    Id,
    Layer,
    Observation,
    Observed,
    Plan,
    Present,
    Refused,
    State,
    UnknownState,
)
from provisioner.plan.order import Order, held_back, waves
from provisioner.run.acceptance import is_asked
from provisioner.run.duplicate_broker_ids import guard_duplicate_broker_ids
from provisioner.run.formats import guard_formats
from provisioner.run.gates import safety_view, zookeeper_states
from provisioner.run.look import accepted, look
from provisioner.run.quorum import guard_quorum
from provisioner.run.removed_log_dirs import guard_removed_log_dirs
from provisioner.run.target import Target
from provisioner.spec.types import Spec
from provisioner.uuids import written
from provisioner.workers import result_of, workers

ORDERS = {
    name: Order(
        kind.layer,
        kind.rank,
        kind.roll,
        own_wave=kind.name == "storage",
        accepted=kind.name == "file",
    )
    for name, kind in KINDS.items()
}
NOT_UP = "the cluster is not up"


@dataclass
class Observations:
    """One look at everything: what was seen, and the view of Kafka (or why there is none)."""

    seen: dict[Id, Observation] = field(default_factory=dict)
    view: ClusterView | None = None
    unavailable: str = ""
    stranger: bool = False
    """Another cluster's Kafka answered, which is not believed."""


def fresh_cluster_id() -> str:
    """A random id as Kafka writes one: 16 bytes, base64url, not beginning with '-'."""
    while True:
        text = written(secrets.token_bytes(16))
        if not text.startswith("-"):
            return text


def strange(spec: Spec, seen: Observations) -> str:
    """Why the Kafka that answered is not this cluster, or nothing. Whatever answers at the spec's
    addresses is believed only where our own storages, or our own processes, vouch for it."""
    if seen.view is None:
        return ""
    known = cluster_id(spec, seen.seen)
    answered = seen.view.cluster_id
    if known.value and not known.fresh:
        if answered == known.value:
            return ""
        return f"another cluster answers there: {answered}, and this one is {known.value}"
    services = [seen.seen.get(Id(node.host, "service", node.name)) for node in spec.brokers]
    stopped = [s for s in services if isinstance(s, Present) and not s.fields["running"]]
    if len(stopped) == len(services):
        return f"another cluster answers there: {answered}, and no broker of this one runs"
    return ""


def desired(target: Target) -> dict[Id, State]:
    """What the spec wants, on every host that could be reached, and of the cluster."""
    states: dict[Id, State] = {}
    spec = target.spec
    for places in target.places.values():
        for kind in _kinds(Layer.HOST, Layer.NODE):
            states.update(kind.desired(spec, places))
    for kind in _kinds(Layer.CLUSTER):
        states.update(kind.of_cluster(spec))
    return states


def _kinds(*layers: Layer) -> list[Kind]:
    return [kind for kind in KINDS.values() if kind.layer in layers]


def observe(target: Target, *, cluster: bool = True, known: Observed | None = None) -> Observations:
    """Hosts side by side, one exec each, and Kafka beside them. With ``known``, which is what was
    just read of all hosts, only Kafka is asked."""
    result = Observations(dict(known or {}))
    with workers(1) as pool:
        asked: Future[ClusterView] | None = None
        if cluster and target.spec.brokers and target.shells:
            asked = pool.submit(lambda: target.cluster().view())
        if known is None:
            for seen in target.side_by_side(lambda host: look(target, host)).values():
                result.seen.update(seen)
        if asked is not None:
            try:
                result.view = result_of(asked)
            except KafkaUnavailable as error:
                result.unavailable = str(error)
    stranger = strange(target.spec, result)
    if stranger:
        result.view, result.unavailable, result.stranger = None, stranger, True
    read_view(target.spec, result)
    return result


def read_view(spec: Spec, result: Observations) -> None:
    """Kafka's own words: observations of cluster kinds, and what it adds to those of hosts."""
    if result.view is None:
        return
    for kind in KINDS.values():
        for id, seen in kind.read(result.view, spec).items():
            known = result.seen.get(id)
            if isinstance(known, Present) and isinstance(seen, Present) and id.host:
                volatile = {**known.volatile, **seen.fields}
                result.seen[id] = replace(known, volatile=volatile)
            elif not id.host:
                result.seen[id] = seen


def resolve(target: Target, states: Mapping[Id, State], seen: Observed) -> dict[Id, State]:
    """Fills what only observations can tell, kind by kind."""
    if target.spec.fresh_cluster_id is None and target.spec.is_kraft:
        target.spec = replace(target.spec, fresh_cluster_id=fresh_cluster_id())
    return registry.resolve(target.spec, states, states, seen)


@dataclass
class Planned:
    """A plan with what it was made from. ``read``: what was seen, before what is unknown was taken
    for what it is allowed to be."""

    plan: Plan
    desired: Desired
    observations: Observations
    read: Observed = field(default_factory=dict)


def make_plan(target: Target, observations: Observations | None = None) -> Planned:
    """observe → resolve → diff → order."""
    observations = observations or observe(target)
    read = observations.seen
    observations = replace(observations, seen=accepted(read, target.options.allow))
    states = resolve(target, desired(target), observations.seen)
    hosts = {id: s for id, s in states.items() if id.host}
    found = diff(hosts, observations.seen, JUDGES)
    unread = [*found.unread, *_unreachable(target)]
    guard_formats(target, found, states, observations.seen, observations.view)
    guard_quorum(target, found, states, observations.seen)
    guard_removed_log_dirs(target, found, observations.seen, observations.view)
    guard_duplicate_broker_ids(target, found, observations.view)
    blocked = {item.id: item.reason for item in found.refused}
    blocked |= {item.id: item.reason for item in unread}
    blocked |= {item.id: item.reason for item in found.deferred}
    changes, deferred = held_back(found.changes, states, blocked)
    deferred += found.deferred
    changes, dark = _name_offline_partitions(target, changes, observations)
    found.refused += dark
    clustered = _cluster_level(target, states, observations, [*changes, *deferred])
    limit = target.options.limit
    if limit is not None:
        changes = [c for c in changes if c.id.host in limit]
        deferred = [d for d in deferred if d.id.host in limit]
        unread = [u for u in unread if u.id.host in limit]
        found.refused = [r for r in found.refused if r.id.host in limit]
        clustered = Differences()
    else:
        changes += clustered.changes
    plan = Plan(
        waves(
            changes,
            states,
            ORDERS,
            leaders(target, observations, [c.id for c in changes]),
            asked=is_asked(target, changes, observations.seen),
        ),
        tuple(deferred + clustered.deferred),
        tuple(found.refused + clustered.refused),
        tuple(
            u
            for kind in KINDS.values()
            for u in kind.find(observations.seen, states, target.spec)
            if limit is None or u.id.host in limit
        ),
        tuple(unread + clustered.unread),
    )
    return Planned(plan, states, observations, read)


def _name_offline_partitions(
    target: Target, changes: Sequence[Change], observations: Observations
) -> tuple[list[Change], list[Refused]]:
    """Names the partitions that a bounce leaves without a leader; refuses it where the policy
    says so and nobody allowed it."""
    view = safety_view(observations.view) if observations.view else None
    policy = target.spec.policy.offline_partitions
    refuse = policy == "refuse" and "offline" not in target.options.allow
    kept: list[Change] = []
    refused: list[Refused] = []
    for change in changes:
        if view is None or change.id.kind != "service" or change.action != "restart":
            kept.append(change)
            continue
        node = target.spec.node(change.id.name)
        offline = safety.may_stop_broker(view, node.id, require_all_in_sync=False).offline
        if not node.is_broker or not offline:
            kept.append(change)
        elif refuse:
            why = f"cannot be written meanwhile: {', '.join(offline[:5])}"
            refused.append(Refused(change.id, why, "offline", change))
        else:
            kept.append(replace(change, effect="offline", offline=offline))
    return kept, refused


def _unreachable(target: Target) -> list[UnknownState]:
    return [
        UnknownState(Id(node.host, "service", node.name), str(target.unreachable[node.host]))
        for node in target.spec.nodes
        if node.host in target.unreachable
    ]


def _cluster_level(
    target: Target,
    states: Desired,
    observations: Observations,
    pending: Sequence[Change | Deferred],
) -> Differences:
    """What of the cluster differs. What Kafka did not tell is never in sync, whatever it is."""
    mine = {id: state for id, state in states.items() if not id.host}
    if observations.view is None:
        return _silent(target, mine, observations, pending)
    found = diff(mine, observations.seen, JUDGES)
    down = _down(target, observations)
    unread, found.unread = found.unread, []
    for item in unread:
        # A broker that is known to be down cannot be asked: that is the service's difference.
        missing = sorted(down.intersection(KINDS[item.id.kind].told_by(item.id, target.spec)))
        if missing:
            found.deferred.append(Deferred(item.id, f"{', '.join(missing)} is not up"))
        else:
            found.unread.append(item)
    return found


def _silent(
    target: Target,
    wanted: Collection[Id],
    observations: Observations,
    pending: Sequence[Change | Deferred],
) -> Differences:
    """Nothing of the cluster is known: it is deferred where what runs, or is yet to be started,
    explains that, and unknown otherwise."""
    if _not_up(target, observations, pending):
        return Differences(deferred=[Deferred(id, NOT_UP) for id in sorted(wanted)])
    why = observations.unavailable or "Kafka was not asked: no host can be reached"
    return Differences(unread=[UnknownState(id, why) for id in sorted(wanted)])


def _not_up(
    target: Target, observations: Observations, pending: Sequence[Change | Deferred]
) -> bool:
    """Whether something is about to be started, or no broker is up that will not be bounced."""
    processes = [item for item in pending if KINDS[item.id.kind].layer is Layer.NODE]
    if any(item.action == "start" for item in processes):
        return True
    gone = _down(target, observations) | {item.id.name for item in processes}
    return gone >= {node.name for node in target.spec.brokers}


def _down(target: Target, observations: Observations) -> set[str]:
    """Services that are known not to run."""
    down = set()
    for node in target.spec.nodes:
        seen = observations.seen.get(Id(node.host, "service", node.name))
        if isinstance(seen, Present) and not seen.fields["running"]:
            down.add(node.name)
    return down


def leaders(target: Target, observations: Observations, bounced: Sequence[Id]) -> frozenset[Id]:
    """The active controller and ZooKeeper's leader go last."""
    view = observations.view
    ids = set()
    if view is not None and view.controller is not None:
        ids |= {
            Id(node.host, "service", node.name)
            for node in target.spec.nodes
            if node.id == view.controller and (node.is_broker or node.is_controller)
        }
    if len(target.spec.zookeeper) > 2 and any(id.name.startswith("zookeeper-") for id in bounced):
        states = zookeeper_states(target)
        ids |= {
            Id(node.host, "service", node.name)
            for node in target.spec.zookeeper
            if states.get(node.id) == "leader"
        }
    return frozenset(ids)
