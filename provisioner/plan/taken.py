"""Whether changes took: what was read after them goes through the one diff, as the plan did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.plan.diff import Differences, Judge, because, diff, differing
from provisioner.plan.masking import shown
from provisioner.plan.model import (
    Absent,
    Change,
    Desired,
    Id,
    Observation,
    Observed,
    Present,
    State,
    Unknown,
)

NOT_READ = Unknown("it was not read again")
NAMED = 3
"""Fields that a message names; how many more there are it counts."""


def not_taken(
    changes: Sequence[Change],
    wanted: Desired,
    before: Observed,
    after: Observed,
    judges: Mapping[str, Judge],
) -> dict[Id, str]:
    """Why each change that did not take did not, by its id: fields, what they are and should be.

    ``wanted`` is resolved from what was read last; ``before`` and ``after`` were read before the
    steps and after them. A change that is no difference (``asked``, a stop) is held against what it
    should have brought about; any other against all that is wanted of the thing.
    """
    found = {}
    for change in changes:
        why = _why(change, wanted.get(change.id), before, after.get(change.id, NOT_READ), judges)
        if why:
            found[change.id] = why
    return found


def differs(id: Id, state: State, seen: Observation, judges: Mapping[str, Judge]) -> str:
    """What a plan would still change about one thing, in words; nothing where it would not."""
    left = diff({id: state}, {id: seen}, judges)
    return _said(left.changes[0], seen) if left.changes else ""


def _why(
    change: Change,
    state: State | None,
    before: Observed,
    now: Observation,
    judges: Mapping[str, Judge],
) -> str:
    if isinstance(now, Unknown):
        return f"applied, but its state could not be read afterwards: {now.reason}"
    if change.asked or change.action == "stop" or state is None:
        return _of_asked(change, now)
    left = diff({change.id: state}, {change.id: now}, judges)
    if left.changes:
        return f"the change did not take effect: {_said(left.changes[0], now)}"
    # What is refused for what was so before is no matter of this change.
    known = _refusals(diff({change.id: state}, before, judges)) if change.id in before else set()
    new = sorted(_refusals(left) - known)
    return f"the change did not take effect: {new[0]}" if new else ""


def _refusals(found: Differences) -> set[str]:
    return {item.reason for item in found.refused}


def _of_asked(change: Change, now: Present | Absent) -> str:
    if not isinstance(now, Present):
        return "the change did not take effect: it does not exist"
    after = change.after or {}
    names = differing(State(after), now)
    left = {name: after[name] for name in names}
    return f"the change did not take effect: {_fields(now.fields, left)}" if left else ""


def _said(left: Change, now: Observation) -> str:
    if isinstance(now, Absent):
        return "it does not exist"
    before, after = left.before or {}, left.after or {}
    words = _fields(before, after)
    plain = because(before, after)
    return f"{words} ({left.reason})" if left.reason not in ("", plain) else words


def _fields(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """``mode is '0700', not '0755'``: every field that differs, the first ones by name."""
    names = list(after)
    words = [because({n: shown(n, before.get(n))}, {n: shown(n, after[n])}) for n in names[:NAMED]]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return "; ".join(words) + more
