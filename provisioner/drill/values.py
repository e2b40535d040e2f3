"""A drill in the contract's shape."""

from __future__ import annotations

from typing import Any

from provisioner.drill.exercise import Drill
from provisioner.spec.types import Node


def values(node: Node, drill: Drill) -> dict[str, Any]:
    """The contract's ``clusters[].drill``. What was not measured is null."""
    outcome, account = drill.outcome, drill.outcome.account
    return {
        "node": node.name,
        "topic": drill.topic,
        "acked_before": outcome.acked_before,
        "acked_during": outcome.acked_during,
        "consumed": account.consumed if account else None,
        "lost": outcome.lost,
        "duplicated": account.duplicated if account else None,
        "out_of_order": account.out_of_order if account else None,
        "ordered_across_partitions": account.across if account else None,
        "leaders_moved": [
            {"topic": m.topic, "partition": m.partition, "from": m.origin, "to": m.to}
            for m in outcome.moved
        ],
        "unavailable_seconds": _rounded(outcome.silent),
        "unavailable": [
            {"topic": topic, "partition": id, "seconds": _rounded(seconds)}
            for (topic, id), seconds in sorted(outcome.leaderless.items())
        ],
        "healed": outcome.healed,
        "steps": [
            {
                "name": line.name,
                "ok": line.ok,
                "seconds": _rounded(line.seconds),
                "detail": line.detail,
                "shows": line.shows,
            }
            for line in drill.story.lines
        ],
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
