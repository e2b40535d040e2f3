"""What a saved plan was made from, and what of that is no longer so. Pure: values in, values out.

Each kind says what a plan of it relies on (``basis``), as names and plain values, and what it
brings about (``aim``). A plan is applied only if both are what they were. What is not known when
it is saved is not held.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from provisioner.plan.model import Change, Deferred, Id, Observation, Plan, State, Unknown
from provisioner.plan.rules import Seen

Facts = Mapping[str, Any]
"""Name of a fact → its plain value: what JSON has, and tuples."""


EXISTS = "exists"
"""The fact that a thing is there."""


class SavedKind(Protocol):
    """What must be known of a kind (``kinds.kind.Kind`` says what each is)."""

    @property
    def basis(self) -> Callable[[Id, State, Sequence[str] | None, Seen], Facts]: ...
    @property
    def aim(self) -> Callable[[Change | None, State, Observation | None], Any]: ...
    @property
    def in_batches(self) -> bool: ...
    @property
    def by_runs(self) -> Callable[[Any], bool]: ...
    @property
    def passes(self) -> Callable[[Id, Any], int]: ...


Kinds = Mapping[str, SavedKind]


@dataclass(frozen=True)
class Part:
    """One thing of a plan. ``now``: the first round changes it, by ``action``; otherwise it is
    foreseen. ``fields`` are those that the change is about; None of what is foreseen."""

    id: Id
    now: bool
    action: str | None
    fields: tuple[str, ...] | None = None
    aim: Any = None
    basis: Facts = field(default_factory=dict)


@dataclass(frozen=True)
class Moved:
    """What is no longer as the plan was made from.

    ``about``: ``fact`` (its name, what it ``was`` and what it is ``now``), ``untold`` (the fact
    cannot be read ``now``, and why), ``other`` (it would be changed to ``now`` in place of
    ``was``), ``over`` (nothing would be changed, and why), ``new`` (it differs, and is not in the
    plan).
    """

    id: Id
    about: Literal["fact", "untold", "other", "over", "new"]
    fact: str = ""
    was: Any = None
    now: Any = None


def parts(plan: Plan, seen: Seen, kinds: Kinds) -> list[Part]:
    """What a plan does and foresees, with what it relies on; one for each thing, by its id."""
    found: dict[Id, Part] = {}
    for deferred in plan.deferred:
        found[deferred.id] = _part(deferred, plan, seen, kinds)
    for change in plan.changes:
        found[change.id] = _part(change, plan, seen, kinds)
    return [found[id] for id in sorted(found) if not optional(id, plan)]


def _part(item: Change | Deferred, plan: Plan, seen: Seen, kinds: Kinds) -> Part:
    kind, state = kinds[item.id.kind], plan.wanted.get(item.id, State({}))
    change = item if isinstance(item, Change) else None
    fields = (change.fields or tuple(change.before or ())) if change else None
    aim = kind.aim(change, state, seen.things.get(item.id))
    basis = dict(kind.basis(item.id, state, fields, seen))
    return Part(item.id, change is not None, item.action, fields, aim, basis)


def optional(id: Id, plan: Plan) -> bool:
    """A class-data archive: it costs only speed whether there is one, and which machine plans
    decides whether it is in the plan."""
    state = plan.wanted.get(id)
    return state is not None and bool(state.args.get("optional"))


def aims(saved: Sequence[Part]) -> dict[str, Any]:
    """What a saved plan brings about, by the id of the thing."""
    return {str(part.id): part.aim for part in saved}


def ids(saved: Sequence[Part]) -> frozenset[Id]:
    return frozenset(part.id for part in saved)


def belongs(id: Id, named: Collection[Id], plan: Plan, spec: Any, kinds: Kinds) -> bool:
    """Whether a run of a saved plan that names these things may do something to this one: what runs
    make differences of by themselves it leaves alone where the plan does not have it."""
    kind = kinds[id.kind]
    return id in named or kind.passes(id, spec) > 1 or not kind.by_runs(spec) or optional(id, plan)


def moved(
    saved: Sequence[Part],
    plan: Plan,
    seen: Seen,
    spec: Any,
    kinds: Kinds,
    plain: Callable[[Any], Any],
) -> list[Moved]:
    """All that is no longer so, by id. ``plan`` and ``seen`` are of now; ``plain`` gives a value as
    it looks when it was saved."""
    here = {part.id: part for part in parts(plan, seen, kinds)}
    found: list[Moved] = []
    for part in saved:
        state = plan.wanted.get(part.id, State({}))
        basis = plain(dict(kinds[part.id.kind].basis(part.id, state, part.fields, seen)))
        facts = _facts(part, basis, seen.things.get(part.id))
        found += facts or _acts(part, here.get(part.id), plan, spec, kinds, plain)
    named = ids(saved)
    for id, part in here.items():
        kind = kinds[id.kind]
        if id not in named and kind.passes(id, spec) == 1 and not kind.by_runs(spec):
            found.append(Moved(id, "new", part.action or ""))
    return sorted(found, key=lambda each: (each.id, each.fact))


def _facts(part: Part, now: Facts, observation: Observation | None) -> list[Moved]:
    """The facts that are others now; where there are none, those that are not told any more, which
    may be for that very reason."""
    why = observation.reason if isinstance(observation, Unknown) else ""
    known = {name: was for name, was in part.basis.items() if name in now}
    untold = [(name, was) for name, was in part.basis.items() if name not in now]
    other = [(name, was) for name, was in known.items() if now[name] != was]
    return [Moved(part.id, "fact", name, was, now[name]) for name, was in other] or [
        Moved(part.id, "untold", name, was, why) for name, was in untold
    ]


def _acts(
    part: Part,
    here: Part | None,
    plan: Plan,
    spec: Any,
    kinds: Kinds,
    plain: Callable[[Any], Any],
) -> Iterator[Moved]:
    """Whether the same would be done about it. What others do meanwhile of what runs do by
    themselves, a run need not do."""
    kind = kinds[part.id.kind]
    if here is None or (part.now and not here.now and not kind.in_batches):
        if part.now and not (here is None and kind.by_runs(spec)):
            yield Moved(part.id, "over", part.action or "", now=_why(part.id, plan))
        return
    aim = plain(here.aim)
    if part.aim is not None and aim is not None and aim != part.aim:
        yield Moved(part.id, "other", part.action or "", part.aim, aim)


def _why(id: Id, plan: Plan) -> str:
    """Why a thing is not changed, in the words of the plan."""
    found = [(item.id, item.reason) for item in plan.refused]
    found += [(item.id, item.reason) for item in plan.unread]
    found += [(item.id, item.reason) for item in plan.deferred]
    return next((reason for other, reason in found if other == id), "")
