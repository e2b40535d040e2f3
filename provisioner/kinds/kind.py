"""A kind of managed thing: a value made of pure functions. See docs/lifecycle.md."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.layout import HostLayout
from provisioner.plan.diff import Difference
from provisioner.plan.model import (
    Absent,
    Change,
    Id,
    Layer,
    Observation,
    Observed,
    Present,
    State,
    Step,
    Unmanaged,
)
from provisioner.plan.rules import Question, Seen, Verdict
from provisioner.spec.types import Spec

__all__ = ["Difference", "Kind", "Probe", "Question", "Record", "Seen", "Verdict", "script"]


@dataclass(frozen=True)
class Probe:
    """One reading script for several things of one host.

    ``script`` is a constant text; ``args`` are its arguments, ``arity`` for each id after
    ``shared`` leading ones. It prints a line ``=`` before the record of each id, in order; lines
    that begin with ``~`` are volatile. ``user`` reads: who owns the place, or ``PRIVILEGED``.
    ``seconds`` is its own time limit.
    """

    script: str
    ids: tuple[Id, ...]
    args: tuple[str, ...]
    arity: int
    user: str
    shared: int = 0
    seconds: int = 10

    def only(self, wanted: Iterable[Id]) -> Probe:
        """The same probe for some of its ids."""
        keep = set(wanted)
        args = list(self.args[: self.shared])
        ids = []
        for number, id in enumerate(self.ids):
            if id in keep:
                start = self.shared + number * self.arity
                args += self.args[start : start + self.arity]
                ids.append(id)
        return Probe(
            self.script, tuple(ids), tuple(args), self.arity, self.user, self.shared, self.seconds
        )


@dataclass(frozen=True)
class Record:
    """What a probe printed about one thing: ``key=value`` lines, and ``|`` lines as ``text``."""

    text: str
    values: Mapping[str, str] = field(default_factory=dict)
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def _none_on_a_host(spec: Spec, places: HostLayout) -> Mapping[Id, State]:
    return {}


def _none_of_the_cluster(spec: Spec) -> Mapping[Id, State]:
    return {}


def _no_probes(places: HostLayout) -> list[Probe]:
    return []


def _none_found(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> list[Unmanaged]:
    return []


def _as_is(
    spec: Spec, states: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    return states


def _no_opinion(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    return False, None


def _nothing_asked(spec: Spec) -> Sequence[Ask]:
    return ()


def _not_read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    return {}


def _any_broker(id: Id, spec: Spec) -> Collection[Id]:
    return ()


def _no_objection(question: Question) -> Iterable[Verdict]:
    return ()


def _no_process(spec: Spec) -> Collection[Id]:
    return ()


def _not_known(observation: Observation | None) -> bool | None:
    return None


def _none_last(spec: Spec, seen: Seen) -> Collection[Id]:
    return ()


def _not_ended(observation: Observation) -> bool:
    return False


def _never_asked(wanted: Mapping[Id, State], changes: Sequence[Change]) -> bool:
    return False


def _always(state: State, observation: Observation) -> bool:
    return isinstance(observation, Present)


@dataclass(frozen=True)
class Kind:
    """One kind of managed thing.

    ``desired(spec, places)``: what the spec wants of it on one host; ``of_cluster(spec)``: of a
    kind of the cluster. ``probe(places)``: the scripts that read all of it. ``parse(id, record)``:
    one record → an observation. ``resolve(spec, mine, all, observed)``: fills what only
    observations can tell. ``judge(id, state, observation, fields)`` → (decided, difference): a
    kind's own word on what a difference means. ``guard(question)``: what of its changes must not be
    made now, by name. ``find``: what of this kind is here besides.
    ``steps(change, state)``: the steps that make a change. ``settled``: whether what was started
    has arrived; that nothing differs any more, the one comparison says.
    ``awaiting(id)``: what a wait for it says that it waits for.
    For kinds of the cluster: ``asks(spec)``, what Kafka is asked beside what every look asks;
    ``read(view, spec)``, what it told → observations; ``told_by(id, spec)``, the processes without
    which Kafka cannot tell of it, none where any broker can.
    ``rank`` orders kinds within a layer, and ``own_wave`` says that nothing else goes with it.

    For a kind that is a process: ``processes(spec)``, all of them; ``answering(spec)``, those that
    answer for Kafka; ``runs(observation)``, None where that is not known; ``last(spec, seen)``,
    those to bounce last; ``roll`` says that its restarts go one at a time. ``asked_first(wanted,
    changes)``: whether Kafka's own code has to accept them before they are made.

    For a wait: ``awaiting(id)`` says what is waited for, ``ended(observation)`` that it never
    comes, ``liveness`` that a poll need ask only who is registered and who leads. ``artifact``: it
    is a distribution that is sent. ``makes_user``: once it is made, Kafka's user is there.
    """

    name: str
    layer: Layer
    rank: int
    steps: Callable[[Change, State], Sequence[Step]]
    desired: Callable[[Spec, HostLayout], Mapping[Id, State]] = _none_on_a_host
    of_cluster: Callable[[Spec], Mapping[Id, State]] = _none_of_the_cluster
    probe: Callable[[HostLayout], Sequence[Probe]] = _no_probes
    parse: Callable[[Id, Record], Observation] = lambda id, record: Absent()
    resolve: Callable[
        [Spec, Mapping[Id, State], Mapping[Id, State], Observed], Mapping[Id, State]
    ] = _as_is
    judge: Callable[[Id, State, Observation, Sequence[str]], tuple[bool, Difference]] = _no_opinion
    find: Callable[[Observed, Mapping[Id, State], Spec], Sequence[Unmanaged]] = _none_found
    asks: Callable[[Spec], Sequence[Ask]] = _nothing_asked
    read: Callable[[ClusterView, Spec], Mapping[Id, Observation]] = _not_read
    told_by: Callable[[Id, Spec], Collection[Id]] = _any_broker
    guard: Callable[[Question], Iterable[Verdict]] = _no_objection
    processes: Callable[[Spec], Collection[Id]] = _no_process
    answering: Callable[[Spec], Collection[Id]] = _no_process
    runs: Callable[[Observation | None], bool | None] = _not_known
    last: Callable[[Spec, Seen], Collection[Id]] = _none_last
    asked_first: Callable[[Mapping[Id, State], Sequence[Change]], bool] = _never_asked
    settled: Callable[[State, Observation], bool] = _always
    awaiting: Callable[[Id], str] = str
    ended: Callable[[Observation], bool] = _not_ended
    liveness: bool = False
    plural: str = ""
    roll: bool = False
    own_wave: bool = False
    artifact: bool = False
    makes_user: bool = False

    def count(self, number: int) -> str:
        """``1 directory``, ``3 directories``."""
        return f"{number} {self.name if number == 1 else self.plural or self.name + 's'}"


@cache
def script(package: str, *names: str) -> str:
    """The joined text of our own shell files. A constant: nothing is interpolated."""
    folder = resources.files(package)
    return "\n".join(folder.joinpath(name).read_text() for name in names)
