"""What the planner is given: what was seen, the rules, and what it must know of a kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from provisioner.plan.diff import Judge
from provisioner.plan.model import (
    Change,
    Deferred,
    Desired,
    Id,
    Observation,
    Observed,
    Refused,
    State,
    Unmanaged,
)
from provisioner.plan.order import Ordered

Verdict = Change | Refused | Deferred
ALL = ""
"""Among the values of a word of ``--allow``: it was also given without one."""


@dataclass(frozen=True)
class Seen:
    """One look at a cluster, and why what is missing is missing.

    ``view`` is Kafka's answer, as the kinds read it; without one ``unavailable`` says why, and
    ``stranger`` that it was another cluster's. ``zookeeper``: server → what it says it is.
    ``away``: host → why it cannot be reached.
    """

    things: Observed = field(default_factory=dict)
    view: Any = None
    unavailable: str = ""
    stranger: bool = False
    zookeeper: Mapping[int, str] = field(default_factory=dict)
    away: Mapping[str, str] = field(default_factory=dict)


class PlannedKind(Ordered, Protocol):
    """What the planner must know of a kind (``kinds.kind.Kind`` says what each is)."""

    @property
    def judge(self) -> Judge: ...
    @property
    def guard(self) -> Callable[[Question], Iterable[Verdict]]: ...
    @property
    def unwanted(self) -> Callable[[Any, Desired, Observed], Desired]: ...
    @property
    def find(self) -> Callable[[Observed, Desired, Any], Sequence[Unmanaged]]: ...
    @property
    def resolve(self) -> Callable[[Any, Desired, Desired, Observed], Desired]: ...
    @property
    def told_by(self) -> Callable[[Id, Any], Collection[Id]]: ...
    @property
    def processes(self) -> Callable[[Any], Collection[Id]]: ...
    @property
    def answering(self) -> Callable[[Any], Collection[Id]]: ...
    @property
    def runs(self) -> Callable[[Observation | None], bool | None]: ...
    @property
    def first(self) -> Callable[[Any, Seen], Collection[Id]]: ...
    @property
    def last(self) -> Callable[[Any, Seen], Collection[Id]]: ...
    @property
    def asked_first(self) -> Callable[[Desired, Sequence[Change]], bool]: ...


@dataclass(frozen=True)
class Rules:
    """The kinds by name, and what the user permits: ``allow`` maps a word of ``--allow`` to its
    values; with ``rebuild`` the cluster is made anew."""

    kinds: Mapping[str, PlannedKind]
    allow: Mapping[str, frozenset[str]] = field(default_factory=dict)
    rebuild: bool = False

    def permits(self, name: str, value: str) -> bool:
        """Whether ``name`` is allowed for all, or for this ``value``."""
        return self.permits_all(name) or self.names(name, value)

    def permits_all(self, name: str) -> bool:
        """Whether ``name`` is allowed without a value."""
        return name in self.allow and (not self.allow[name] or ALL in self.allow[name])

    def names(self, name: str, value: str) -> bool:
        """Whether ``name`` is allowed for this very value: ``--allow NAME=VALUE``."""
        return value in self.allow.get(name, ())


@dataclass(frozen=True)
class Question:
    """What a kind's guard is asked: may these changes be made? The verdicts it gives
    take the place of the change with the same id; what it says nothing of stays."""

    spec: Any
    wanted: Mapping[Id, State]
    seen: Seen
    rules: Rules
    changes: tuple[Change, ...]
