"""How far a broker that is to go has come, by what was seen: the kinds of which something goes with
it ask here what is next. Nothing of it is remembered."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum

from provisioner.kafka.port import PartitionView
from provisioner.kinds.ids import (
    broker_id,
    config_id,
    service_id,
    storage_id,
    throttle_id,
    voter_id,
)
from provisioner.plan.model import Absent, Id, Observation, Observed, Present
from provisioner.spec.types import Node

CORDON = "cordoned.log.dirs"
"""Kafka 4.3: the log dirs in which a broker gets no new replicas; ``*`` is all of them."""
PASSES = 3
"""How often one run does the same: what others put on the broker meanwhile is moved again."""


class Stage(IntEnum):
    """What is done next. ``UNKNOWN``: Kafka did not tell."""

    UNKNOWN = 0
    DRAIN = 1
    CLEAR = 2
    STOP = 3
    UNREGISTER = 4
    GONE = 5


def stage(node: Node, observed: Observed) -> Stage:
    """Nothing is stopped that holds a replica or has settings that only it can clear; nothing is
    unregistered that may run."""
    known = observed.get(broker_id(node.id))
    if isinstance(known, Absent):
        return Stage.STOP if runs(node, observed) else Stage.GONE
    if not isinstance(known, Present) or known.volatile.get("holds") is None:
        return Stage.UNKNOWN
    if known.volatile["holds"] or known.volatile["stored"]:
        return Stage.DRAIN
    if not known.fields["fenced"] and settings(node, observed):
        return Stage.CLEAR
    process = observed.get(service_id(node))
    if isinstance(process, Present):
        return Stage.STOP if process.fields["running"] else Stage.UNREGISTER
    # Its host cannot be asked: what Kafka has fenced does not run.
    return Stage.UNREGISTER if known.fields["fenced"] else Stage.STOP


def settings(node: Node, observed: Observed) -> tuple[str, ...]:
    """The dynamic settings of its own that go before it is stopped: all but the cordon."""
    config: Observation | None = observed.get(config_id(node.name))
    if not isinstance(config, Present):
        return ()
    return tuple(sorted(key for key in config.fields if key != CORDON))


def runs(node: Node, observed: Observed) -> bool:
    process = observed.get(service_id(node))
    return isinstance(process, Present) and bool(process.fields["running"])


def startable(node: Node, observed: Observed) -> bool:
    """Whether it could be started again: its host answers, and its data is there."""
    if not isinstance(observed.get(service_id(node)), Present):
        return False
    dirs = [observed.get(storage_id(node.host, each.path)) for each in node.log_dirs]
    return any(isinstance(seen, Present) and seen.fields["data"] for seen in dirs)


def lost(partition: PartitionView, leaving: Collection[int], alive: Collection[int]) -> bool:
    """Whether no copy of it is left but on brokers that are to go and do not run."""
    if partition.leader is not None or not leaving:
        return False
    copies = set(partition.isr or partition.replicas) - set(leaving)
    # Without a list of those in sync a broker that is down may have a copy, one that runs has none.
    return not (copies if partition.isr else copies - set(alive))


def throttled(node: Node, observed: Observed) -> bool:
    """Whether a limit that this tool set on it is still there: it goes with the others."""
    seen = observed.get(throttle_id())
    return isinstance(seen, Present) and f"broker-{node.id}" in seen.fields


def told(partitions: Iterable[str], most: int = 3) -> str:
    """``a-0, a-1, b-0 and 5 more``."""
    names = sorted(partitions)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def after(node: Node) -> tuple[Id, ...]:
    """What must be over before anything of it on its host goes."""
    known = broker_id(node.id) if node.is_broker else voter_id(node.id)
    return (service_id(node), known)
