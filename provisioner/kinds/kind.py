"""A kind of managed thing: a value made of pure functions. See docs/lifecycle.md."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from provisioner.errors import Notice
from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.layout import HostLayout
from provisioner.notices import Findings
from provisioner.plan.basis import EXISTS, Facts
from provisioner.plan.diff import Difference
from provisioner.plan.masking import shown
from provisioner.plan.model import (
    Absent,
    Change,
    Copy,
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

__all__ = [
    "Difference",
    "Facts",
    "Kind",
    "Probe",
    "Question",
    "Record",
    "Seen",
    "Verdict",
    "script",
]


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


def _nothing_unwanted(
    spec: Spec, wanted: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    return {}


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


def _nothing_more(view: ClusterView, spec: Spec) -> Sequence[Ask]:
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


def _all_of_it(observation: Present) -> object:
    return dict(observation.fields), dict(observation.volatile)


def _not_ended(observation: Observation) -> bool:
    return False


def _nothing_noted(change: Change, state: State) -> Mapping[str, object]:
    return {}


def _nothing_copied(state: State, observation: Observation) -> Sequence[Copy]:
    return ()


def as_observed(id: Id, state: State, fields: Sequence[str] | None, seen: Seen) -> Facts:
    """Whether it is there, and what the fields are that the change is about."""
    observation = seen.things.get(id)
    if fields is None or not isinstance(observation, Present | Absent):
        return {}
    if isinstance(observation, Absent):
        return {EXISTS: False}
    return {EXISTS: True, **{n: shown(n, observation.fields.get(n)) for n in fields}}


def as_changed(change: Change | None, state: State, observation: Observation | None) -> object:
    return None if change is None else {"action": change.action, "after": change.after}


def _nothing_begun(id: Id, observation: Observation) -> tuple[Change, State] | None:
    return None


def _not_counted(observation: Observation) -> tuple[int, int | None] | None:
    return None


def _shallow(view: ClusterView, spec: Spec) -> bool:
    return False


def _no_warnings(view: ClusterView, spec: Spec) -> Sequence[Findings[Notice]]:
    return ()


def _never_asked(wanted: Mapping[Id, State], changes: Sequence[Change]) -> bool:
    return False


def _not_held_up(state: State, observation: Observation) -> str:
    return ""


def _once(id: Id, spec: Spec) -> int:
    return 1


def _always(state: State, observation: Observation) -> bool:
    return isinstance(observation, Present)


@dataclass(frozen=True)
class Kind:
    """One kind of managed thing.

    ``desired(spec, places)``: what the spec wants of it on one host; ``of_cluster(spec)``: of a
    kind of the cluster. ``probe(places)``: the scripts that read all of it. ``parse(id, record)``:
    one record → an observation. ``resolve(spec, mine, all, observed)``: fills what only
    observations can tell. ``judge(id, state, observation, fields)`` → (decided, difference): a
    kind's own word on what a difference means. ``unwanted(spec, wanted, observed)``: what is here
    and is to go although the spec does not name it. ``guard(question)``: what of its changes must
    not be made now, by name. ``find``: what of this kind is here besides. ``warnings(view, spec)``:
    what a person should know of it that is no difference, by rule.
    ``steps(change, state)``: the steps that make a change. ``settled``: whether what was started
    has arrived; that nothing differs any more, the one comparison says.
    ``awaiting(id)``: what a wait for it says that it waits for.
    For kinds of the cluster: ``asks(spec)``, what Kafka is asked beside what every look asks;
    ``asks_more(view, spec)``, what it is asked because of what it told, again until nothing is new;
    ``listed``, that ``read`` gives all there are, so that what it does not give is absent;
    ``read(view, spec)``, what it told → observations; ``told_by(id, spec)``, the processes without
    which Kafka cannot tell of it, none where any broker can. ``deeper(view, spec)``: whether the
    sizes of partitions must be known too, and what this tool has ``noted(change, state)`` in its
    journals, so that a later run knows its own doing; ``sizes``: a wait for it follows them;
    ``of_zookeeper``: what ZooKeeper tells belongs to it; ``of_topics(id)``: the topics whose
    configuration a wait for it must know, where not all.
    ``copies(state, observation)``: what Kafka copies between brokers until it is as wanted.
    ``undo(id, observation)``: what takes back what this tool has begun of it and not ended.
    ``passes(id, spec)``: how often a run may do the same to it, because others undo it meanwhile.
    ``rank`` orders kinds within a layer, and ``own_wave`` says that nothing else goes with it.

    For a kind that is a process: ``processes(spec)``, all of them; ``answering(spec)``, those that
    answer for Kafka; ``runs(observation)``, None where that is not known; ``first(spec, seen)`` and
    ``last(spec, seen)``, those to bounce first and last; ``roll`` says that its restarts go one at
    a time. ``asked_first(wanted, changes)``: whether Kafka's own code has to accept them before
    they are made.

    For a wait: ``awaiting(id)`` says what is waited for, ``ended(observation)`` that it never
    comes, ``progress(observation)`` is what changes as long as it comes nearer,
    ``left(observation)`` how many partitions and bytes are still to come, ``held_up(state,
    observation)`` what is away that it needs, ``liveness`` that a poll need ask only who is
    registered and who leads. ``agreed(id, state, view)``: whether a broker's own view says the
    same; two must. ``upkeep``: what must be done to it again while something that is made from it
    is waited for. ``artifact``: it is a distribution that is sent. ``makes_user``: once it is made,
    Kafka's user is there.

    For a saved plan: ``basis(id, state, fields, seen)``, what a change of these fields relies on
    (None: it is only foreseen), by name, as plain values; ``aim(change, state,
    observation)``, what it brings about in all rounds, None where that is not known before;
    ``in_batches``: which part of that a round does is not what the plan says.

    ``by_runs(spec)``: runs make differences of it by themselves (one restarts a leader, an earlier
    one left a limit on a broker that was away since), so that one that no plan named is nobody
    else's doing. ``reorders``: after its changes another broker may have to lead.
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
    unwanted: Callable[[Spec, Mapping[Id, State], Observed], Mapping[Id, State]] = _nothing_unwanted
    warnings: Callable[[ClusterView, Spec], Sequence[Findings[Notice]]] = _no_warnings
    asks: Callable[[Spec], Sequence[Ask]] = _nothing_asked
    asks_more: Callable[[ClusterView, Spec], Sequence[Ask]] = _nothing_more
    listed: bool = False
    read: Callable[[ClusterView, Spec], Mapping[Id, Observation]] = _not_read
    told_by: Callable[[Id, Spec], Collection[Id]] = _any_broker
    guard: Callable[[Question], Iterable[Verdict]] = _no_objection
    processes: Callable[[Spec], Collection[Id]] = _no_process
    answering: Callable[[Spec], Collection[Id]] = _no_process
    runs: Callable[[Observation | None], bool | None] = _not_known
    first: Callable[[Spec, Seen], Collection[Id]] = _none_last
    last: Callable[[Spec, Seen], Collection[Id]] = _none_last
    asked_first: Callable[[Mapping[Id, State], Sequence[Change]], bool] = _never_asked
    settled: Callable[[State, Observation], bool] = _always
    awaiting: Callable[[Id], str] = str
    held_up: Callable[[State, Observation], str] = _not_held_up
    agreed: Callable[[Id, State, ClusterView], bool] | None = None
    upkeep: (
        Callable[[Id, State, Observed, ClusterView, ClusterView, float], Change | None] | None
    ) = None
    ended: Callable[[Observation], bool] = _not_ended
    progress: Callable[[Present], object] = _all_of_it
    noted: Callable[[Change, State], Mapping[str, object]] = _nothing_noted
    deeper: Callable[[ClusterView, Spec], bool] = _shallow
    copies: Callable[[State, Observation], Sequence[Copy]] = _nothing_copied
    left: Callable[[Observation], tuple[int, int | None] | None] = _not_counted
    undo: Callable[[Id, Observation], tuple[Change, State] | None] = _nothing_begun
    passes: Callable[[Id, Spec], int] = _once
    basis: Callable[[Id, State, Sequence[str] | None, Seen], Facts] = as_observed
    aim: Callable[[Change | None, State, Observation | None], object] = as_changed
    in_batches: bool = False
    sizes: bool = False
    of_zookeeper: bool = False
    of_topics: Callable[[Id], Collection[str]] | None = None
    liveness: bool = False
    by_runs: Callable[[Spec], bool] = lambda spec: False
    reorders: bool = False
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
