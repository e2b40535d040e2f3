"""Controllers that are to go for good: each votes no more, is stopped, and is unregistered.

Below metadata.version 4.4 Kafka has no way to unregister one, and raises no feature above what it
supported: there it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.features import (
    DescribeFeatures,
    Supported,
    registered_controllers,
)
from provisioner.kafka.requests.request import Ask, Request
from provisioner.kinds.ids import voter_id
from provisioner.kinds.kind import Difference
from provisioner.kinds.retiring import Stage, new_place, stage, whom
from provisioner.kinds.voter.requests import RemoveVoter, UnregisterController
from provisioner.plan.model import (
    Absent,
    Change,
    Deferred,
    Gone,
    Id,
    Observation,
    Observed,
    Present,
    Refused,
    State,
    Unknown,
)
from provisioner.spec import features
from provisioner.spec.types import Node, Spec

RETIRING = "retiring"
VOTES = "votes"
UNREGISTERS = 33
"""metadata.version 4.4-IV2 (KIP-1312)."""
CANNOT = (
    "Kafka can unregister a controller from metadata.version 4.4-IV2 on: one that is retired "
    "before stays registered, and no feature is raised any more above what it supported. Replace "
    "it under its own id instead (the same id on another host)"
)
WHEN = {
    Stage.UNKNOWN: "once Kafka tells whether it votes and is registered",
    Stage.VOTE: "unregistered once it votes no more and is stopped",
    Stage.STOP: "unregistered once it is stopped",
}


def of_cluster(spec: Spec) -> dict[Id, State]:
    """After those that come: with them there are voters to spare."""
    first = tuple(voter_id(node.id) for node in spec.controllers)
    return {
        voter_id(node.id): State({}, first, args={RETIRING: node})
        for node in spec.retiring
        if new_place(spec, node) is None
    }


def asks(spec: Spec) -> Sequence[Ask]:
    """Also of a wait: which level is finalised, and who is registered, of each controller."""
    if not any(new_place(spec, node) is None for node in spec.retiring):
        return []
    return [DescribeFeatures(), *(whom(spec, node) for node in spec.controllers)]


def level_of(view: ClusterView) -> int | None:
    """The metadata.version that is finalised; None where that is not known."""
    told: Supported | None = view.answers.get(DescribeFeatures())
    return None if told is None else told.finalized.get(features.METADATA)


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    if spec.controller_quorum != "dynamic":
        return {}
    gone = [node for node in spec.retiring if new_place(spec, node) is None]
    return {voter_id(node.id): _one(node, view) for node in gone}


def _one(node: Node, view: ClusterView) -> Observation:
    """Whether it votes, is registered, and reads along. It is absent when it does neither of the
    first two."""
    quorum, registered = view.quorum, registered_controllers(view.answers)
    if quorum is None:
        return Unknown(view.errors.get("quorum", "the quorum was not read"))
    if registered is None:
        why = view.errors.get("registered controllers", "no controller told who is registered")
        return Unknown(why)
    votes, known = node.id in quorum.voters, node.id in registered
    if not votes and not known:
        return Absent()
    level = level_of(view)
    return Present(
        {VOTES: votes},
        volatile={
            "registered": known,
            "reads": any(id == node.id for id, _ in quorum.observers),
            "directory": quorum.directories.get(node.id, ""),
            "level": level,
            "unregisters": level is not None and level >= UNREGISTERS,
            "voters": len(quorum.voters),
        },
    )


def resolved(state: State, observed: Observed) -> State:
    """It should be gone when it may; until then its stage says what comes before."""
    now = stage(state.args[RETIRING], None, observed)
    args = {**state.args, "stage": now}
    return Gone(args=args) if now in (Stage.UNREGISTER, Stage.GONE) else replace(state, args=args)


def judged(id: Id, state: State, seen: Observation) -> Difference:
    if not isinstance(seen, Present):
        return None
    now = state.args.get("stage", Stage.UNKNOWN)
    if now is Stage.STAYS:
        return Refused(id, CANNOT, None)
    later = Deferred(id, WHEN[now], "delete", foreseen=True)
    if now is not Stage.VOTE:
        return later
    others = seen.volatile["voters"] - 1
    before = {VOTES: True, "directory": seen.volatile["directory"]}
    why = f"it is to go{_spare(others)}"
    gone = Change(id, "update", before, {VOTES: False}, (VOTES,), reason=why, more=True)
    return gone, later


def needed_meanwhile(others: int) -> str:
    """What a person should know of the moment in which one of the voters is missing."""
    if others - (others // 2 + 1) > 0:
        return ""
    who = "the other one is" if others == 1 else f"all {others} others are"
    return f"; meanwhile {who} needed"


def _spare(stay: int) -> str:
    if stay - (stay // 2 + 1) > 0:
        return ""
    who = "the one voter that stays" if stay == 1 else f"each of the {stay} voters that stay"
    return f"; from then on {who} is needed"


def votes_no_more(seen: Observation) -> bool:
    return isinstance(seen, Absent) or (isinstance(seen, Present) and not seen.fields[VOTES])


def request(change: Change) -> Request:
    number = int(change.id.name)
    if change.action == "delete":
        return UnregisterController(number)
    return RemoveVoter(number, str((change.before or {})["directory"]))
