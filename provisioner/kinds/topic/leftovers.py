"""Overrides that the version of the spec refuses: with one of them Kafka takes no other change of
the topic, and a new version may not start. They go in a change of their own, before all else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.kinds.kind import Difference
from provisioner.plan.diff import change
from provisioner.plan.model import Deferred, Id, Present, State


def removal(id: Id, state: State, seen: Present, fields: Sequence[str]) -> Difference:
    """``fields``: what else differs, which later rounds do."""
    refused = dict(seen.volatile["refused"])
    reason = "; ".join(f"{key}: {why}" for key, why in refused.items())
    rest = [name for name in fields if name not in refused]
    gone = change(id, state, seen, sorted(refused))
    now = replace(gone, after=dict.fromkeys(sorted(refused)), reason=reason, more=True)
    if not rest:
        return now
    later = f"{', '.join(rest)} once {', '.join(sorted(refused))} is gone"
    return now, Deferred(id, later, "update", foreseen=True)
