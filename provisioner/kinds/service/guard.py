"""Changes of processes that are refused or put off: a node started while its id runs elsewhere, a
broker whose data is gone, a controller stopped without which no other could vote in its place, and
a restart that takes partitions offline where the policy forbids it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from provisioner.kinds.kind import Question, Verdict
from provisioner.kinds.safety_view import safety_view
from provisioner.kinds.service import migration
from provisioner.kinds.service.leaving import still_runs
from provisioner.kinds.service.refilled import of_restart, of_start
from provisioner.plan import safety
from provisioner.plan.model import Change, Deferred, Refused
from provisioner.spec.types import Node


def guard(question: Question) -> Iterator[Verdict]:
    yield from migration.guard(question)
    if question.seen.view is None:
        return
    view = safety_view(question.seen.view)
    for change in question.changes:
        node = question.spec.node(change.id.name)
        if node.is_controller and (moving := _moving(question, node, change)):
            yield moving
            continue
        verdict = None
        if change.action == "start" and node.is_broker:
            verdict = _start(question, node, change)
        if change.action == "restart":
            verdict = of_restart(question, node, change)
            if verdict is None and node.is_broker:
                verdict = _offline(question, view, node, change)
        if verdict is not None:
            yield verdict


def _start(question: Question, node: Node, change: Change) -> Verdict | None:
    if why := _elsewhere(question, node):
        return Refused(change.id, why, None, change)
    return of_start(question, node, change)


def _elsewhere(question: Question, node: Node) -> str:
    """A broker that the spec moved to another host and that still runs on the old one: both
    would register in turn, and the new, empty one would become leader."""
    view = question.seen.view
    where = next((b.host for b in view.brokers if b.id == node.id and b.id in view.alive), None)
    listeners = node.advertised_listeners or node.listeners
    if where is None or where in {x.host or "localhost" for x in listeners}:
        return ""
    return f"broker {node.id} is running at {where}: stop it there first"


HEARD_SECONDS = 10.0
"""A controller that runs asks the leader for records several times a second."""


def _moving(question: Question, node: Node, change: Change) -> Verdict | None:
    """A controller moves to another host under its id: never two processes with one id, which would
    take each other's registration away, and never without a majority of the others, which have to
    accept its new log dir."""
    quorum = question.seen.view.quorum if question.seen.view else None
    if change.action == "start" and (host := still_runs(question, node)):
        return Deferred(change.id, f"started once it is stopped at {host}", "start", foreseen=True)
    if quorum is None or node.id not in quorum.voters:
        return None
    if change.action == "start" and (where := _votes_elsewhere(question, node)):
        words = f"controller {node.id} is running at {where}: stop it there first"
        return Refused(change.id, f"{words}, or write it with state: absent", None, change)
    others = len(quorum.voters) - 1
    if change.action == "stop" and change.more and others < len(quorum.voters) // 2 + 1:
        why = f"of {others + 1} voters none can be moved: the others are no majority. Add one first"
        return Refused(change.id, why, None, change)
    return None


def _votes_elsewhere(question: Question, node: Node) -> str:
    """Where the voter with its id is, if that is another place and the leader hears of it."""
    quorum = question.seen.view.quorum if question.seen.view else None
    if quorum is None or not quorum.dynamic:
        return ""
    mine = node.advertised_controller or node.controller_listener
    where = quorum.endpoints.get(node.id)
    if mine is None or where is None or where == (mine.host or "localhost", mine.port):
        return ""
    heard = quorum.leader == node.id or quorum.silent.get(node.id, HEARD_SECONDS) < HEARD_SECONDS
    return f"{where[0]}:{where[1]}" if heard else ""


def _offline(question: Question, view: safety.View, node: Node, change: Change) -> Verdict | None:
    """Names the partitions that a restart takes offline; refuses it where the policy forbids it
    and ``--allow offline`` is not given."""
    found = safety.may_stop_broker(view, node.id, require_all_in_sync=False)
    if found.unwritable:
        meanwhile = f"cannot be written with acks=all meanwhile: {', '.join(found.unwritable[:5])}"
        change = replace(change, reason="; ".join(filter(None, (change.reason, meanwhile))))
    if not found.offline:
        return change if found.unwritable else None
    policy = question.spec.policy.offline_partitions
    if policy == "refuse" and "offline" not in question.rules.allow:
        why = f"without a leader meanwhile: {', '.join(found.offline[:5])}"
        return Refused(change.id, why, "offline", change)
    return replace(change, effect="offline", offline=found.offline)
