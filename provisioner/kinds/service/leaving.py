"""The process of a node that is to go. A broker runs as long as it holds a replica, and is started
again where it has the only copy of one; a controller as long as it votes, or until its new place is
ready."""

from __future__ import annotations

from dataclasses import replace

from provisioner.kinds import retiring
from provisioner.kinds.ids import broker_id, service_id
from provisioner.kinds.kind import Difference, Question
from provisioner.kinds.leaving import Stage, stage, startable, told
from provisioner.kinds.retiring import NEW_PLACE
from provisioner.plan.model import Change, Deferred, Id, Observed, Present, State
from provisioner.spec.types import Node

LEAVING = "leaving"
WHEN = {
    Stage.UNKNOWN: "stopped once Kafka tells that it holds no replica",
    Stage.DRAIN: "stopped once it holds no replica",
    Stage.CLEAR: "stopped once its dynamic configuration is cleared",
}
WHEN_RETIRED = {
    retiring.Stage.UNKNOWN: "stopped once Kafka tells that it votes no more",
    retiring.Stage.STAYS: "it votes on: Kafka could not forget it",
    retiring.Stage.PREPARE: "stopped once its log dir on the new host is formatted",
    retiring.Stage.VOTE: "stopped once it votes no more",
}


def resolved(node: Node, state: State, observed: Observed) -> State:
    """With what is next, and the partitions of which nobody else has a copy that is in sync."""
    if not node.is_broker:
        now = retiring.stage(node, state.args[NEW_PLACE], observed)
        return replace(state, args={**state.args, "stage": now})
    known = observed.get(broker_id(node.id))
    only = known.volatile.get("only", ()) if isinstance(known, Present) else ()
    args = {"stage": stage(node, observed), "only": only if startable(node, observed) else ()}
    return replace(state, args={**state.args, **args})


def judged(id: Id, state: State, seen: Present) -> Difference:
    now = state.args.get("stage", Stage.UNKNOWN)
    if isinstance(now, retiring.Stage):
        return _controller(id, now, seen, state.args[NEW_PLACE])
    if not seen.fields["running"]:
        only = state.args.get("only", ())
        if now is not Stage.DRAIN or not only:
            return None
        why = f"it has the only copy of {told(only)}, which is moved away first"
        return _change(id, True, why)
    if now in WHEN:
        return Deferred(id, WHEN[now], "stop", foreseen=True)
    return _change(id, False, "it holds no replica")


def _controller(id: Id, now: retiring.Stage, seen: Present, place: Id | None) -> Difference:
    if not seen.fields["running"]:
        return None
    if now in WHEN_RETIRED:
        return Deferred(id, WHEN_RETIRED[now], "stop", foreseen=now is not retiring.Stage.STAYS)
    why = f"it goes on at {place.host}" if place is not None else "it votes no more"
    return _change(id, False, why)


def _change(id: Id, running: bool, why: str) -> Change:
    before, after = {"running": not running}, {"running": running}
    fields, action = ("running",), "start" if running else "stop"
    return Change(id, action, before, after, fields, reason=why, more=True)  # type: ignore[arg-type]


def still_runs(question: Question, node: Node) -> str:
    """On which host a controller runs that is to go on here."""
    for other in question.spec.retiring:
        if other.id == node.id and retiring.runs(other, question.seen.things):
            return service_id(other).host
    return ""
