"""The dynamic configuration of a broker that is to go: a cordon where Kafka can do that, as long as
it holds a replica; the rest is cleared before it is stopped, because it outlives the broker, and
only the broker itself takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.features import DescribeFeatures, Supported
from provisioner.kinds.kind import Difference
from provisioner.kinds.leaving import CORDON, Stage, settings, stage, throttled
from provisioner.plan.model import Change, Deferred, Id, Observation, Observed, Present, State
from provisioner.spec.features import METADATA
from provisioner.spec.types import Node

EVERY = "*"
LEVEL = 30
"""metadata.version 4.3-IV0: below it Kafka refuses a cordon, or does not heed it."""
LATER = {
    Stage.UNKNOWN: "cleared before it is stopped",
    Stage.DRAIN: "cleared once it holds no replica",
}


def cordons(view: ClusterView) -> bool:
    """Whether Kafka itself gives a cordoned broker no new replicas."""
    told: Supported | None = view.answers.get(DescribeFeatures())
    return told is not None and told.finalized.get(METADATA, 0) >= LEVEL


def is_ours(view: ClusterView, id: Id) -> bool:
    """Whether a journal has that this tool cordoned it, and not that it took that back."""
    entries = (view.noted or {}).get(str(id), ())
    told = [entry[CORDON] for entry in entries if CORDON in entry]
    return bool(told) and told[-1] == EVERY


def resolved(node: Node, state: State, observed: Observed) -> State:
    now = stage(node, observed)
    keys = settings(node, observed)
    if throttled(node, observed):
        keys = tuple(key for key in keys if "replication.throttled" not in key)
    return replace(state, args={**state.args, "stage": now, "clear": keys})


def judged(id: Id, state: State, seen: Observation) -> Difference:
    if not isinstance(seen, Present):
        return None
    now, clear = state.args.get("stage", Stage.UNKNOWN), state.args.get("clear", ())
    found: list[Change | Deferred] = []
    if now is Stage.DRAIN and seen.volatile["cordons"] and seen.fields.get(CORDON) != EVERY:
        why = "Kafka gives it no new replicas from now on"
        found.append(_change(id, seen, {CORDON: EVERY}, why))
    if now is Stage.CLEAR and clear:
        why = "it outlives the broker, and only the broker itself takes it"
        found.append(_change(id, seen, dict.fromkeys(clear), why))
    elif now in LATER and clear:
        found.append(Deferred(id, LATER[now], "update", foreseen=True))
    return tuple(found)


def _change(id: Id, seen: Present, after: Mapping[str, Any], why: str) -> Change:
    before = {key: seen.fields.get(key) for key in after}
    names = tuple(sorted(after))
    return Change(id, "update", before, dict(after), names, reason=why, more=True)


def stuck(wanted: Mapping[Id, State]) -> Mapping[int, str]:
    """Brokers that cannot be emptied: why not, by the topics that cannot leave."""
    found: dict[int, str] = {}
    for id, state in sorted(wanted.items()):
        if id.kind == "placement":
            for broker, why in state.args.get("stuck", {}).items():
                found.setdefault(broker, f"topic {id.name} {why}")
    return found
