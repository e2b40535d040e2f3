"""Processes and a broker that comes back without its data: it starts once the throttle for it is
set, and not where data would be lost; nobody else is stopped before it is filled again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from provisioner.kinds.ids import throttle_id
from provisioner.kinds.kind import Question, Verdict
from provisioner.kinds.refilling import begins, continues, is_empty
from provisioner.kinds.safety_view import safety_view
from provisioner.plan import safety
from provisioner.plan.model import Change, Deferred, Observation, Present, Refused, Unknown
from provisioner.plan.order import NEEDS
from provisioner.spec.types import Node

ALLOW = "data-loss"


def needed(node: Node, new: Collection[int]) -> dict[str, object]:
    """What must be there before its process starts."""
    return {NEEDS: (throttle_id(),)} if node.is_broker and node.id in new else {}


def of_start(question: Question, node: Node, change: Change) -> Verdict | None:
    """None where nothing is to be said."""
    lost = _lost(question, node)
    if lost and ALLOW not in question.rules.allow:
        why = f"its log dirs are empty, and starting it would lose data: {lost}"
        return Refused(change.id, why, ALLOW, change)
    if lost:
        change = replace(change, effect="loss", reason=f"{change.reason}; lost: {lost}")
    if node.id not in begins(question.spec, question.seen.things):
        return change if lost else None
    if node.id in question.seen.view.alive:
        why = "once Kafka has noticed that it is gone, and the throttle for its replicas is set"
        return Deferred(change.id, why, "start", foreseen=True)
    seen = question.seen.things.get(throttle_id())
    if isinstance(seen, Unknown):
        why = f"its replicas are filled under a throttle, which cannot be set: {seen.reason}"
        return Deferred(change.id, why, "start")
    if _is_set(question, seen):
        return change if lost else None
    why = "once the throttle for its replicas is set (of the cluster: not with --limit)"
    return Deferred(change.id, why, "start", foreseen=True)


def _lost(question: Question, node: Node) -> str:
    """In ZooKeeper mode no format comes before the start, and would be refused."""
    if question.spec.is_kraft or not is_empty(node, question.seen.things):
        return ""
    return safety.may_lose_disk(safety_view(question.seen.view), node.id).reason


def _is_set(question: Question, seen: Observation | None) -> bool:
    wanted = question.wanted.get(throttle_id())
    known = seen.fields if isinstance(seen, Present) else {}
    return wanted is None or all(known.get(n) == v for n, v in wanted.fields.items())


def of_restart(question: Question, node: Node, change: Change) -> Verdict | None:
    """What serves is bounced when the others are whole again."""
    view, things = question.seen.view, question.seen.things
    if node.is_broker and node.id not in view.alive:
        return None
    new = [broker for broker in begins(question.spec, things) if _may_start(question, broker)]
    filled = [broker for broker in continues(question.spec, things) if broker in view.alive]
    first = next((b for b in (*new, *filled) if not node.is_broker or b != node.id), None)
    if first is None:
        return None
    why = f"once the replicas of broker-{first} are in sync again"
    return Deferred(change.id, why, "restart", foreseen=True)


def _may_start(question: Question, broker: int) -> bool:
    lost = safety.may_lose_disk(safety_view(question.seen.view), broker)
    return lost.allowed or ALLOW in question.rules.allow
