"""Whether nodes may be stopped, by one look at their cluster: what the gate asks before each stop,
and what the forecast says of it beforehand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.topics import not_listed
from provisioner.kinds.safety_view import safety_view
from provisioner.plan import safety
from provisioner.plan.rules import Seen
from provisioner.plan.safety import Verdict
from provisioner.spec.types import Node, Role, Spec


@dataclass(frozen=True)
class How:
    """``allow``: what ``--allow`` permits. The others as ``safety.may_stop_brokers`` takes them."""

    allow: Collection[str] = ()
    require_all_in_sync: bool = True
    already_behind: frozenset[str] | None = None
    bounced: frozenset[int] = frozenset()


def verdict(spec: Spec, nodes: Sequence[Node], seen: Seen, how: How = How()) -> Verdict:
    """Whether these nodes, of one role, may be down at the same time."""
    ids = {node.id for node in nodes}
    if nodes[0].role is Role.ZOOKEEPER:
        servers = [server.id for server in spec.zookeeper]
        return safety.may_stop_zookeepers(seen.zookeeper, ids, servers)
    if seen.view is None:
        return Verdict(False, f"Kafka cannot be asked: {seen.unavailable}")
    for name, why in not_listed(seen.view, named(spec)).items():
        return Verdict(False, f"the replicas of topic {name} are not known: {why}")
    if why := _not_all(seen.view):
        return Verdict(False, why)
    view = safety_view(seen.view)
    if nodes[0].is_controller:
        # Those of the spec may be no voters yet: it is the others that must not be missed.
        voters = sorted(view.lag) or [c.id for c in spec.controllers]
        found = safety.may_stop_controllers(view, ids, voters)
        if not found.allowed:
            return found
    if not nodes[0].is_broker:
        return Verdict(True)
    refuse = spec.policy.offline_partitions == "refuse" and "offline" not in how.allow
    return safety.may_stop_brokers(
        view,
        ids,
        refuse_offline=refuse,
        require_all_in_sync=how.require_all_in_sync,
        already_behind=how.already_behind,
        bounced=how.bounced,
    )


def named(spec: Spec) -> list[str]:
    """The topics that the spec has: one that is not listed may be there all the same."""
    return [topic.name for topic in spec.topics]


def _not_all(view: ClusterView) -> str:
    """Why an answer is not all there is: nothing follows from it."""
    unread = next((key for key in view.errors if key.startswith("topic-")), None)
    if unread:
        why = f"the minimum ISR of {unread.removeprefix('topic-')} could not be read"
        return f"{why}: {view.errors[unread]}"
    if "brokers" in view.errors:
        return f"the brokers could not be read: {view.errors['brokers']}"
    return "" if view.alive else "Kafka names no broker that is alive"


def holds_again(spec: Spec, node: Node, seen: Seen) -> bool:
    """Whether a broker that is to go has a replica, or is to get one: then it is not stopped."""
    return (
        spec.leaves(node.id)
        and seen.view is not None
        and any(node.id in (*p.replicas, *p.adding) for t in seen.view.topics for p in t.partitions)
    )


def leads(node: Node, seen: Seen) -> bool:
    """Whether it is ZooKeeper's leader or the active controller: those are bounced alone."""
    if node.role is Role.ZOOKEEPER:
        return seen.zookeeper.get(node.id) == "leader"
    view = seen.view
    if view is None:
        return False
    if view.quorum is not None:
        return node.is_controller and view.quorum.leader == node.id
    return bool(view.controller == node.id)


def batch(
    spec: Spec, nodes: Sequence[Node], seen: Seen, how: How = How(), most: int = 1
) -> list[Node]:
    """Which of these nodes are bounced at the same time as the first, which may be stopped now: of
    its role, at most ``most``, by where the replicas really are."""
    first = nodes[0]
    if leads(first, seen):
        return [first]
    others = [n for n in nodes[1:] if n.role is first.role and not leads(n, seen)]
    return safety.together(
        [first, *others], most, lambda some: verdict(spec, some, seen, how).allowed
    )
