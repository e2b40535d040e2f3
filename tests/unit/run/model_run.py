"""The real executor on ``ModelCluster``: an Actor and a Kafka that work on its data.

What the executor would send to a host as scripts it hands over here as the steps and probes
themselves; everything else of it is as in a run.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.hosts.actor import Outcome
from provisioner.hosts.shell import Frame
from provisioner.kafka.port import (
    ClusterView,
    KafkaRefused,
    KafkaUnavailable,
    KafkaWriter,
    More,
)
from provisioner.kafka.requests.request import Ask, Request
from provisioner.kinds.kind import Probe
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import (
    Await,
    Call,
    Change,
    Event,
    Id,
    Observation,
    Observed,
    Run,
    Step,
    Wave,
)
from provisioner.plan.order import MAY_STOP
from provisioner.plan.rules import Seen
from provisioner.run import converge, executor, unpacking, waits
from provisioner.run.executor import Executor
from provisioner.run.journal import Journal
from provisioner.run.lock import Lock
from provisioner.run.results import Results
from provisioner.run.session import Session
from provisioner.site.look import probes_of, together
from provisioner.site.observe import told
from provisioner.site.planning import Planned
from tests.unit.plan.model_cluster import Impossible, ModelCluster


class Killed(BaseException):
    """The tool was ended: nothing after this step is done by it."""


@dataclass
class Life:
    """How many more steps a run does before it is killed; None: it is not."""

    steps: int | None = None

    def goes_on(self) -> None:
        if self.steps == 0:
            raise Killed
        if self.steps is not None:
            self.steps -= 1


NOTHING = "nothing"
"""A step that says it was done, and does nothing."""


class Nothing(Request):
    """So does this request."""

    messages = ()


class ModelKafka:
    """The port on the model."""

    def __init__(self, model: ModelCluster, life: Life | None = None):
        self.model, self.life = model, life or Life()

    def view(
        self,
        asks: Sequence[Ask] = (),
        *,
        log_dirs: bool = False,
        more: More | None = None,
        of_topics: Collection[str] | None = None,
    ) -> ClusterView:
        """Of topics that are not asked about there is no configuration, as with Kafka."""
        found = self.model.view()
        if found is None:
            raise KafkaUnavailable("nobody answers")
        if of_topics is None:
            return found
        topics = [t if t.name in of_topics else replace(t, config={}) for t in found.topics]
        return replace(found, topics=tuple(topics))

    def liveness(self, more: More | None = None) -> ClusterView:
        return self.view()

    def bootstrap_views(self) -> Mapping[str, ClusterView]:
        return {"localhost:9092": self.view(), "localhost:9093": self.view()}

    def refresh(self) -> None:
        pass

    def send_all(self, requests: Sequence[Request]) -> list[KafkaRefused | None]:
        found: list[KafkaRefused | None] = []
        for request in requests:
            try:
                self.send(request)
                found.append(None)
            except KafkaRefused as error:
                found.append(error)
        return found

    def send(self, request: Request) -> None:
        if isinstance(request, Nothing):
            return
        try:
            self.life.goes_on()
            self.model.send(request)
        except Impossible as error:
            raise KafkaRefused("INVALID_REQUEST", str(error)) from error


@dataclass
class ModelActor:
    """Does a batch of steps on one machine, and reads what it should."""

    model: ModelCluster
    name: str
    life: Life = field(default_factory=Life)

    def act(self, batch: Any) -> Outcome:
        outcome = Outcome()
        for number, step in enumerate(batch.steps):
            try:
                self._do(step)
                outcome.texts.append("")
            except Impossible as error:
                outcome.failed = number
                outcome.texts.append(str(error))
                return outcome
        outcome.reread = list(frames(self.model, self.name, batch.reread))
        return outcome

    def _do(self, step: Step) -> None:
        self.life.goes_on()
        if isinstance(step, Run) and step.function == NOTHING:
            return
        change = Change(Id(self.name, "", ""), "update", None, None)
        self.model.step(change, step, cast(Planned, None))

    def unpack(self, path: str, user: str, stream: Any, progress: Any, *, packed: bool) -> None:
        self.life.goes_on()
        self.model.machines[self.name].distributions[path] = (stream.artifact, [])


def frames(model: ModelCluster, host: str, probes: Sequence[Probe]) -> Iterator[Frame]:
    """What the probes print: all that there is of a thing is printed by the first that reads it."""
    machine, told = model.machines[host], set[Id]()
    for probe in probes:
        texts = ["" if id in told else model.record_of(machine, id) for id in probe.ids]
        told.update(probe.ids)
        yield Frame("".join("=\n" + text for text in texts), 0)


def look(model: ModelCluster, host: str, ids: Sequence[Id]) -> dict[Id, Observation]:
    probes = [p.only(ids) for p in probes_of(model.site.places[host]) if set(ids) & set(p.ids)]
    return together(probes, list(frames(model, host, probes)))


@dataclass
class ModelExecutor(Executor):
    """``deaf``: things whose steps do nothing at all, and fail at nothing."""

    deaf: Collection[Id] = field(default_factory=frozenset)
    awaited: bool = False
    """Whether what is deaf is waited for all the same."""

    @property
    def model(self) -> ModelCluster:
        assert isinstance(self.session, ModelSession)
        return self.session.model

    def look(self, host: str, ids: Sequence[Id]) -> Mapping[Id, Observation]:
        return look(self.model, host, ids)

    def gate(self, wave: Wave, others: Sequence[Change] = ()) -> Sequence[Change]:
        if wave.gate == MAY_STOP:
            return self.session.may_stop(wave, others, self.session.roll.most(wave))
        return ()

    def _chains(self, changes: Sequence[Change]) -> list[Sequence[Step]]:
        chains = super()._chains(changes)
        return [
            self._nothing(change, chain) if change.id in self.deaf else chain
            for change, chain in zip(changes, chains, strict=True)
        ]

    def _nothing(self, change: Change, chain: Sequence[Step]) -> Sequence[Step]:
        if change.id.host:
            return [Run(NOTHING, (), "")]
        wait = [Await(s.id, 0.3) for s in chain if self.awaited and isinstance(s, Await)]
        return [Call(Nothing()), *wait]


@contextlib.contextmanager
def on_model(model: ModelCluster, life: Life | None = None) -> Iterator[None]:
    """The executor's hands are the model's."""
    site = model.site
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executor, "shell_step", lambda step: step)
        patch.setattr(executor, "reading", lambda probe: probe)
        patch.setattr(executor, "wait_for_sessions", lambda *_: None)
        patch.setattr(waits, "_open", lambda site, id: True)
        patch.setattr(waits, "_serves", lambda site, id: True)
        patch.setattr(waits, "_why_dead", lambda site, id, state: f"{id.name} ended")
        patch.setattr(site, "shells", dict.fromkeys(model.machines))
        patch.setattr(site, "_cluster", ModelKafka(model, life))
        patch.setattr(site, "store", SimpleNamespace(open=artifact))
        patch.setattr(unpacking, "STREAMS", 1)
        yield


def artifact(name: str) -> Any:
    return SimpleNamespace(artifact=name, total=0, packed=True)


@dataclass
class ModelSession(Session):
    """A session whose Actor works on the model."""

    model: ModelCluster = field(kw_only=True)
    life: Life = field(default_factory=Life, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.writes = lambda reader, pause: cast(KafkaWriter, reader)

    def actor(self, host: str) -> Any:
        return ModelActor(self.model, host, self.life)


def session(model: ModelCluster, steps: int | None = None) -> ModelSession:
    """``steps``: after how many it is killed."""
    events: list[Event] = []
    journal, life = Journal("r1", "apply", "d"), Life(steps)
    lock = Lock("me", print)
    run = ModelSession(model.site, lock, journal, events.append, model=model, life=life)
    run.may_stop = lambda wave, others, most: ()
    return run


def converged(
    model: ModelCluster,
    run: ModelSession,
    planned: Planned | None = None,
    waits: Callable[..., None] = lambda *_: None,
) -> Results:
    """The rounds of ``apply`` on the model; ``waits`` for replicas. Raises Killed."""

    def observe(site: Any, *, known: Observed | None = None) -> Seen:
        found = model.observe()
        mine = {id: seen for id, seen in found.things.items() if not id.host}
        return told(model.spec, replace(found, things={**(known or found.things), **mine}))

    with on_model(model, run.life), pytest.MonkeyPatch.context() as patch:
        patch.setattr(converge, "observe", observe)
        patch.setattr(converge, "Executor", ModelExecutor)
        patch.setattr(converge, "wait_in_sync", waits)
        for name in ("sweep_topics", "prefer_leaders"):
            patch.setattr(converge, name, lambda *_: None)
        converge.converge(run, planned or model.planned())
    return run.results


def runner(
    model: ModelCluster, planned: Planned, deaf: Collection[Id] = (), awaited: bool = False
) -> ModelExecutor:
    return ModelExecutor(
        session(model),
        planned.wanted,
        planned.seen.things,
        deaf=frozenset(deaf),
        awaited=awaited,
    )


def layers(planned: Planned) -> tuple[list[Wave], list[Wave]]:
    """Those of hosts, and those of the cluster."""
    waves = planned.plan.waves
    below = [wave for wave in waves if wave.changes[0].id.host]
    return below, [wave for wave in waves if wave not in below]


def kinds_of(changes: Sequence[Change]) -> set[str]:
    assert all(change.id.kind in KINDS for change in changes)
    return {change.id.kind for change in changes}
