"""Log dirs removed from a broker's spec: their partitions must be in sync elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.kinds.file.current import settings_now
from provisioner.kinds.kind import Question, Verdict
from provisioner.kinds.safety_view import safety_view
from provisioner.plan import safety
from provisioner.plan.model import Deferred, Id, Observed, Refused
from provisioner.spec.types import Node

KEY = "log.dirs"


def guard_removed_log_dirs(question: Question) -> Iterator[Verdict]:
    """Refuses the properties of brokers that would start without a log dir and lose its only
    copies; their restart is then held back."""
    if "data-loss" in question.rules.allow:
        return
    by_id = {change.id: change for change in question.changes}
    for node in question.spec.brokers:
        change = by_id.get(Id(node.host, "file", node.properties))
        if change is None or KEY not in change.fields or change.before is None:
            continue
        why = _lost(question, node)
        if not why:
            continue
        yield Refused(change.id, why, "data-loss", change)
        # A unit that no longer lets it write there would do the same at the next crash.
        for other in question.changes:
            args = question.wanted[other.id].args
            if args["format"] == "text" and args.get("node") == node.name:
                yield Deferred(other.id, f"{change.id}: {why}", other.action)


def _lost(question: Question, node: Node) -> str:
    """What would be lost with the log dirs that the spec removes."""
    gone = [path for path in _now(node, question.seen.things) if not _has(node, path)]
    if not gone:
        return ""
    why = f"{', '.join(gone)} would no longer be a log dir of {node.name}"
    view = question.seen.view
    if view is None:
        return f"{why}, and Kafka cannot be asked whether its partitions are in sync elsewhere"
    verdict = safety.may_lose_disk(safety_view(view), node.id)
    return "" if verdict.allowed else f"{why}, and that would lose data: {verdict.reason}"


def _now(node: Node, seen: Observed) -> list[str]:
    """The log dirs that it has now."""
    return [path for path in str(settings_now(node, seen).get(KEY) or "").split(",") if path]


def _has(node: Node, path: str) -> bool:
    return any(log_dir.path == path for log_dir in node.log_dirs)
