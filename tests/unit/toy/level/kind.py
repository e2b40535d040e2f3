"""The kind ``level``: something of Kafka's that is raised step by step, above ``HIGH`` only by
permission. It stands for what takes several rounds: one folder, and a line in the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.kafka.requests.request import Request
from provisioner.kinds.kind import Difference, Kind, Question, Verdict
from provisioner.plan.model import (
    Absent,
    Await,
    Call,
    Change,
    Deferred,
    Gone,
    Id,
    Layer,
    Observation,
    Present,
    Refused,
    State,
    Step,
)

HIGH = 3


@dataclass(frozen=True)
class SetLevel(Request):
    """``level`` None removes it."""

    name: str
    level: int | None

    messages = ()


WANTED: dict[str, int | None] = {}
"""What a test wants: name → level, None for gone. A kind of the product reads it from the spec."""


def level_id(name: str) -> Id:
    return Id("", "level", name)


def of_cluster(spec: Any) -> Mapping[Id, State]:
    return {
        level_id(name): Gone() if level is None else State({"level": level}, (level_id("base"),))
        for name, level in WANTED.items()
    }


def read(view: Any, spec: Any) -> Mapping[Id, Observation]:
    seen: dict[Id, Observation] = {level_id(name): Absent() for name in WANTED}
    return seen | {level_id(n): Present({"level": level}) for n, level in view.levels.items()}


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """One step now; those after it are foreseen."""
    now = observation.fields["level"] if isinstance(observation, Present) else 0
    wanted = state.fields["level"]
    if not fields or now >= wanted:
        return False, None
    step = Change(
        id,
        "update" if now else "create",
        {"level": now} if now else None,
        {"level": now + 1},
        ("level",),
        more=now + 1 < wanted,
    )
    later = tuple(
        Deferred(id, f"to {level}, once it is at {level - 1}", "update")
        for level in range(now + 2, wanted + 1)
    )
    return True, (step, *later)


def guard(question: Question) -> Iterator[Verdict]:
    for change in question.changes:
        state = question.wanted[change.id]
        if change.after and state.fields["level"] > HIGH and "high" not in question.rules.allow:
            yield Refused(change.id, f"above {HIGH} it is not safe", "high", change)


def steps(change: Change, state: State) -> Sequence[Step]:
    level = (change.after or {}).get("level")
    raised = Call(SetLevel(change.id.name, level))
    return [raised] if level is None else [raised, Await(change.id, 5.0)]


KIND = Kind(
    "level",
    Layer.CLUSTER,
    rank=9,
    of_cluster=of_cluster,
    read=read,
    judge=judge,
    guard=guard,
    awaiting=lambda id: f"level {id.name}",
    steps=steps,
)
