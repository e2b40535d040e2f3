"""Changes of processes that are refused: a broker started while its id runs elsewhere, and a
restart that takes partitions offline where the policy forbids it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from provisioner.kinds.kind import Question, Verdict
from provisioner.kinds.safety_view import safety_view
from provisioner.plan import safety
from provisioner.plan.model import Change, Refused
from provisioner.spec.types import Node


def guard(question: Question) -> Iterator[Verdict]:
    view = question.seen.view
    if view is None:
        return
    for change in question.changes:
        node = question.spec.node(change.id.name)
        if not node.is_broker:
            continue
        if change.action == "start" and (why := _elsewhere(question, node)):
            yield Refused(change.id, why, None, change)
        if change.action == "restart" and (verdict := _offline(question, node, change)):
            yield verdict


def _elsewhere(question: Question, node: Node) -> str:
    """A broker that the spec moved to another host and that still runs on the old one: both
    would register in turn, and the new, empty one would become leader."""
    view = question.seen.view
    where = next((b.host for b in view.brokers if b.id == node.id and b.id in view.alive), None)
    listeners = node.advertised_listeners or node.listeners
    if where is None or where in {x.host or "localhost" for x in listeners}:
        return ""
    return f"broker {node.id} is running at {where}: stop it there first"


def _offline(question: Question, node: Node, change: Change) -> Verdict | None:
    """Names the partitions that a restart takes offline; refuses it where the policy forbids it
    and ``--allow offline`` is not given."""
    view = safety_view(question.seen.view)
    offline = safety.may_stop_broker(view, node.id, require_all_in_sync=False).offline
    if not offline:
        return None
    policy = question.spec.policy.offline_partitions
    if policy == "refuse" and "offline" not in question.rules.allow:
        why = f"cannot be written meanwhile: {', '.join(offline[:5])}"
        return Refused(change.id, why, "offline", change)
    return replace(change, effect="offline", offline=offline)
