"""The one comparison: desired against observed. Plan, drift, verify and the check after a change
all use it. Fields that the spec does not own are not compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.plan.masking import SENSITIVE, shown
from provisioner.plan.model import (
    Absent,
    Change,
    Deferred,
    Desired,
    Id,
    Observation,
    Observed,
    Pending,
    Present,
    Refused,
    State,
    Unknown,
    UnknownState,
)

Difference = Change | Refused | tuple[Change | Refused, ...] | None
Judge = Callable[[Id, State, Observation, Sequence[str]], tuple[bool, Difference]]


@dataclass
class Differences:
    """What came out of one comparison, in the order of the ids."""

    changes: list[Change] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    deferred: list[Deferred] = field(default_factory=list)
    unread: list[UnknownState] = field(default_factory=list)


def differing(state: State, present: Present) -> list[str]:
    """The names of the fields that differ, sorted; pending ones cannot differ."""
    names = [
        name
        for name, wanted in state.fields.items()
        if not isinstance(wanted, Pending) and present.fields.get(name) != wanted
    ]
    if state.closed:
        names += [name for name in present.fields if name not in state.fields]
    return sorted(names)


def pending(state: State) -> list[str]:
    """What the state still waits for."""
    return sorted({value.what for value in state.fields.values() if isinstance(value, Pending)})


def diff(desired: Desired, observed: Observed, judge: Mapping[str, Judge]) -> Differences:
    """Compares each wanted thing; ``judge`` has a kind's own word on what a difference means."""
    result = Differences()
    for id in sorted(desired):
        state = desired[id]
        observation = observed.get(id, Unknown("it was not observed"))
        match observation:
            case Unknown(reason):
                result.unread.append(UnknownState(id, reason))
                continue
            case Present():
                fields = differing(state, observation)
            case Absent():
                fields = sorted(state.fields)
        decided, difference = judge[id.kind](id, state, observation, fields)
        if not decided and fields:
            difference = change(id, state, observation, fields)
        items = difference if isinstance(difference, tuple) else (difference,)
        if isinstance(observation, Present) and not fields and pending(state):
            # What it waits for may be the very thing that a refusal explains.
            items = tuple(item for item in items if isinstance(item, Refused))
        for item in items:
            _sort(item, state, result)
    return result


def _sort(item: Change | Refused | None, state: State, result: Differences) -> None:
    match item:
        case Change():
            waits = pending(state)
            if waits:
                reason = "waits for " + ", ".join(waits)
                result.deferred.append(Deferred(item.id, reason, item.action))
            else:
                result.changes.append(item)
        case Refused():
            result.refused.append(item)


def change(id: Id, state: State, observation: Observation, fields: Sequence[str]) -> Change:
    """The plain change: create what is absent, update what differs."""
    if isinstance(observation, Present):
        before = {name: shown(name, observation.fields.get(name)) for name in fields}
        after = {name: shown(name, state.fields.get(name)) for name in fields}
        return Change(
            id,
            "update",
            before,
            after,
            tuple(fields),
            reason=because(before, after),
        )
    after = {name: shown(name, value) for name, value in state.fields.items()}
    return Change(id, "create", None, after, tuple(sorted(after)))


def because(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """The difference in one phrase: the first field, and how many more."""
    name = next(iter(after), "")
    if not name:
        return ""
    more = f" and {len(after) - 1} more" if len(after) > 1 else ""
    if SENSITIVE.search(name):
        return f"{name} differs{more}"
    if "\n" in f"{before.get(name)}{after[name]}":
        return f"{name} differs{more}"
    was, wanted = before.get(name), after[name]
    if wanted is None:
        return f"{name} is {was!r}, should not be set{more}"
    if was is None:
        return f"{name} is not set, should be {wanted!r}{more}"
    return f"{name} is {was!r}, not {wanted!r}{more}"
