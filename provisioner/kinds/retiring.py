"""How far a controller that is to go has come, by what was seen: the kinds of which something goes
with it ask here what is next, as they do of a broker (``leaving.py``). Nothing of it is remembered.

One whose id another host has moves there: it is stopped when its new log dir is formatted, and
votes with that once it has caught up. Any other is retired: it votes no more, is stopped, and
unregistered.
"""

from __future__ import annotations

from enum import IntEnum

from provisioner.kafka.requests.features import RegisteredControllers
from provisioner.kinds.ids import service_id, storage_id, voter_id
from provisioner.plan.model import Absent, Id, Observed, Present
from provisioner.spec.types import Node, Spec

NEW_PLACE = "new_place"
"""The log dir of a controller that moves, on the host to which it moves."""


class Stage(IntEnum):
    """What is done next. ``UNKNOWN``: Kafka did not tell. ``STAYS``: Kafka could not forget it.
    ``PREPARE``: its new place is made ready."""

    UNKNOWN = 0
    STAYS = 1
    PREPARE = 2
    VOTE = 3
    STOP = 4
    UNREGISTER = 5
    GONE = 6


def new_place(spec: Spec, node: Node) -> Id | None:
    """Where a controller that moves will have its metadata; None for one that is retired."""
    for other in spec.controllers:
        if other.id == node.id:
            return storage_id(other.host, other.log_dirs[0].path)
    return None


def whom(spec: Spec, node: Node) -> RegisteredControllers:
    """Asks this controller of the spec who is registered."""
    listener = node.advertised_controller or node.controller_listener
    assert listener is not None
    host = listener.host or spec.hosts[node.host].kafka_address or "localhost"
    return RegisteredControllers(host, listener.port)


def stage(node: Node, place: Id | None, observed: Observed) -> Stage:
    """``place``: as ``new_place`` says."""
    if place is not None:
        return _moving(node, place, observed)
    seen = observed.get(voter_id(node.id))
    if isinstance(seen, Absent):
        return Stage.STOP if runs(node, observed) else Stage.GONE
    if not isinstance(seen, Present):
        return Stage.UNKNOWN
    if not seen.volatile["unregisters"]:
        return Stage.STAYS
    if seen.fields["votes"]:
        return Stage.VOTE
    process = observed.get(service_id(node))
    if isinstance(process, Present):
        stopped = not process.fields["running"]
    else:
        # Its host cannot be asked: what does not ask the leader for records does not run.
        stopped = not seen.volatile["reads"]
    if not stopped:
        return Stage.STOP
    return Stage.UNREGISTER if seen.volatile["registered"] else Stage.GONE


def _moving(node: Node, place: Id, observed: Observed) -> Stage:
    log_dir, voter = observed.get(place), observed.get(voter_id(node.id))
    here = log_dir.fields["directory_id"] if isinstance(log_dir, Present) else None
    if runs(node, observed):
        return Stage.STOP if here else Stage.PREPARE
    if not isinstance(observed.get(service_id(node)), Present) or not isinstance(voter, Present):
        return Stage.UNKNOWN
    return Stage.GONE if here and voter.fields["directory_id"] == here else Stage.VOTE


def runs(node: Node, observed: Observed) -> bool:
    process = observed.get(service_id(node))
    return isinstance(process, Present) and bool(process.fields["running"])
