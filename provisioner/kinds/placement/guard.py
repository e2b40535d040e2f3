"""What of a placement needs to be allowed: fewer replicas, and partitions made anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from provisioner.kinds.kind import Question, Verdict
from provisioner.kinds.placement.wanted import LOST
from provisioner.plan.model import Change, Refused


def guard(question: Question) -> Iterator[Verdict]:
    """Fewer replicas need to be allowed, and so does making a partition anew that is lost."""
    for change in question.changes:
        gone = [n for n in change.fields if n in question.wanted[change.id].args.get(LOST, ())]
        if gone:
            yield from _of_lost(question, change, gone)
            continue
        before, after = change.before or {}, change.after or {}
        fewer = [name for name in change.fields if len(after[name]) < len(before[name])]
        if fewer and "shrink-replicas" not in question.rules.allow:
            name = min(fewer, key=int)
            reason = (
                f"partition {name} would have {len(after[name])} "
                f"replica{'s' if len(after[name]) != 1 else ''} instead of {len(before[name])}"
            )
            yield Refused(change.id, reason, "shrink-replicas", change)


def _of_lost(question: Question, change: Change, gone: Sequence[str]) -> Iterator[Verdict]:
    """What becomes of partitions without a copy is decided apart from the others of the topic."""
    listed = ", ".join(f"{change.id.name}-{name}" for name in gone[:5])
    why = f"no copy is left of {listed}: made anew, and empty"
    if "data-loss" in question.rules.allow:
        yield replace(change, effect="loss", reason=f"{change.reason}; {why}")
        return
    yield Refused(change.id, why, "data-loss", _part(change, gone))
    rest = [name for name in change.fields if name not in gone]
    if rest:
        yield replace(_part(change, rest), more=True)


def _part(change: Change, names: Sequence[str]) -> Change:
    before, after = (
        {n: known[n] for n in names} for known in (change.before or {}, change.after or {})
    )
    return replace(change, before=before, after=after, fields=tuple(names))
