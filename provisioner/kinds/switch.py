"""From a static quorum to a dynamic one (decision 60): what the spec wants of the files waits until
Kafka itself has switched, and is foreseen until then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from provisioner.kinds.ids import feature_id
from provisioner.kinds.kind import Difference
from provisioner.plan.diff import Item, change
from provisioner.plan.model import (
    Action,
    Change,
    Deferred,
    Id,
    Observation,
    Observed,
    Present,
    State,
)
from provisioner.spec.features import KRAFT
from provisioner.spec.types import Spec
from provisioner.spec.words import release

LEAST = (4, 1, 0)
"""The first Kafka that makes a static quorum dynamic."""
THEN = "then"
"""Among the arguments of a state: what it waits for with the rest that the spec wants of it."""
Judge = Callable[[Id, State, Observation, Sequence[str]], tuple[bool, Difference]]


def may_switch(spec: Spec) -> bool:
    """Whether the file itself asks for a dynamic quorum, of a Kafka that can make one of a static
    one. The default of a new version asks for nothing."""
    dynamic = spec.controller_quorum == "dynamic" and spec.quorum_said
    return dynamic and not spec.preinstalled and release(spec.version) >= LEAST


def level(observed: Observed) -> int | None:
    """The ``kraft.version`` that is finalised; None where that is not known."""
    seen = observed.get(feature_id(KRAFT))
    return int(seen.fields["level"]) if isinstance(seen, Present) else None


def with_later(action: Action, judge: Judge) -> Judge:
    """``judge``, and what is foreseen of a state that waits with the rest."""

    def judged(
        id: Id, state: State, seen: Observation, fields: Sequence[str]
    ) -> tuple[bool, Difference]:
        decided, found = judge(id, state, seen, fields)
        then = state.args.get(THEN)
        if not then:
            return decided, found
        if not decided and fields:
            found = change(id, state, seen, fields)
        items = found if isinstance(found, tuple) else (found,)
        later = Deferred(id, str(then), action, foreseen=True)
        return True, (*(_step(item, state) for item in items if item is not None), later)

    return judged


def _step(item: Item, state: State) -> Item:
    """As one of a chain: what is read afterwards is held against what it wants itself."""
    if not isinstance(item, Change):
        return item
    own = {
        key: value for key, value in (item.after or {}).items() if value == state.fields.get(key)
    }
    return replace(item, after=own, more=True)
