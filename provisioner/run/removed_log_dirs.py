"""Log dirs that a broker no longer has by its spec: what they hold must be in sync elsewhere."""

from __future__ import annotations

from provisioner.kafka.port import ClusterView
from provisioner.kinds.file.unit import path as unit_path
from provisioner.plan import safety
from provisioner.plan.diff import Differences
from provisioner.plan.model import Change, Deferred, Id, Observed, Refused
from provisioner.run.gates import safety_view
from provisioner.run.settings import settings_now
from provisioner.run.target import Target
from provisioner.spec.types import Node

KEY = "log.dirs"


def guard_removed_log_dirs(
    target: Target, found: Differences, seen: Observed, answer: ClusterView | None
) -> None:
    """Refuses the files of brokers that would come up without a log dir, and lose what is only
    there; their restart is then held back."""
    if "data-loss" in target.options.allow:
        return
    view = safety_view(answer) if answer else None
    for node in target.spec.brokers:
        change = _change(found, Id(node.host, "file", node.properties))
        if change is None or KEY not in change.fields or change.before is None:
            continue
        gone = [path for path in _now(node, seen) if not _has(node, path)]
        if not gone:
            continue
        why = f"{', '.join(gone)} would no longer be a log dir of {node.name}"
        if view is None:
            why += ", and Kafka cannot be asked whether its partitions are in sync elsewhere"
        else:
            verdict = safety.may_lose_disk(view, node.id)
            if verdict.allowed:
                continue
            why += f", and that would lose data: {verdict.reason}"
        found.changes.remove(change)
        found.refused.append(Refused(change.id, why, "data-loss", change))
        # A unit that no longer lets it write there would do the same at the next crash.
        unit = Id(node.host, "file", unit_path(target.places[node.host], node))
        kept = _change(found, unit)
        if kept is not None:
            found.changes.remove(kept)
            found.deferred.append(Deferred(unit, f"{change.id}: {why}", kept.action))


def _change(found: Differences, id: Id) -> Change | None:
    return next((change for change in found.changes if change.id == id), None)


def _now(node: Node, seen: Observed) -> list[str]:
    """The log dirs that it has now."""
    return [path for path in str(settings_now(node, seen).get(KEY) or "").split(",") if path]


def _has(node: Node, path: str) -> bool:
    return any(log_dir.path == path for log_dir in node.log_dirs)
