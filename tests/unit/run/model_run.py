"""The real executor on ``ModelCluster``: an Actor and a Kafka that work on its data.

What the executor would send to a host as scripts it hands over here as the steps and probes
themselves; everything else of it is as in a run.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.hosts.actor import Outcome
from provisioner.hosts.shell import Frame
from provisioner.kafka.port import ClusterView, KafkaRefused, KafkaUnavailable
from provisioner.kafka.requests.request import Ask, Request
from provisioner.kinds.kind import Probe
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Await, Call, Change, Event, Id, Observation, Run, Step, Wave
from provisioner.run import executor, unpacking, waits
from provisioner.run.executor import Executor
from provisioner.run.journal import Journal
from provisioner.run.lock import Lock
from provisioner.run.look import probes_of, together
from provisioner.run.planning import Planned
from tests.unit.plan.model_cluster import Impossible, ModelCluster

NOTHING = "nothing"
"""A step that says it was done, and does nothing."""


class Nothing(Request):
    """So does this request."""


class ModelKafka:
    """The port on the model."""

    def __init__(self, model: ModelCluster):
        self.model = model

    def view(self, asks: Sequence[Ask] = ()) -> ClusterView:
        found = self.model.view()
        if found is None:
            raise KafkaUnavailable("nobody answers")
        return found

    liveness = view

    def refresh(self) -> None:
        pass

    def send(self, request: Request) -> None:
        if isinstance(request, Nothing):
            return
        try:
            self.model.send(request)
        except Impossible as error:
            raise KafkaRefused("INVALID_REQUEST", str(error)) from error


@dataclass
class ModelActor:
    """Does a batch of steps on one machine, and reads what it should."""

    model: ModelCluster
    name: str

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
        if isinstance(step, Run) and step.function == NOTHING:
            return
        change = Change(Id(self.name, "", ""), "update", None, None)
        self.model.step(change, step, cast(Planned, None))

    def unpack(self, path: str, user: str, stream: Any, progress: Any, *, packed: bool) -> None:
        self.model.machines[self.name].distributions[path] = (stream.artifact, [])


def frames(model: ModelCluster, host: str, probes: Sequence[Probe]) -> Iterator[Frame]:
    """What the probes print: all that there is of a thing is printed by the first that reads it."""
    machine, told = model.machines[host], set[Id]()
    for probe in probes:
        texts = ["" if id in told else model.record_of(machine, id) for id in probe.ids]
        told.update(probe.ids)
        yield Frame("".join("=\n" + text for text in texts), 0)


def look(model: ModelCluster, host: str, ids: Sequence[Id]) -> dict[Id, Observation]:
    probes = [p.only(ids) for p in probes_of(model.target.places[host]) if set(ids) & set(p.ids)]
    return together(probes, list(frames(model, host, probes)))


@dataclass
class ModelExecutor(Executor):
    """``deaf``: things whose steps do nothing at all, and fail at nothing."""

    deaf: Collection[Id] = field(default_factory=frozenset)
    awaited: bool = False
    """Whether what is deaf is waited for all the same."""

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
def on_model(model: ModelCluster) -> Iterator[None]:
    """The executor's hands are the model's."""
    target = model.target
    with pytest.MonkeyPatch.context() as patch:
        for module in ("executor", "records"):
            path = f"provisioner.run.{module}.actor_on"
            patch.setattr(path, lambda target, host, token: ModelActor(model, host))
        patch.setattr(executor, "shell_step", lambda step: step)
        patch.setattr(executor, "reading", lambda probe: probe)
        patch.setattr(executor, "wait_for_sessions", lambda *_: None)
        patch.setattr(waits, "_open", lambda target, id: True)
        patch.setattr(waits, "_serves", lambda target, id: True)
        patch.setattr(waits, "_why_dead", lambda target, id, state: f"{id.name} ended")
        patch.setattr(target, "shells", dict.fromkeys(model.machines))
        patch.setattr(target, "_cluster", ModelKafka(model))
        patch.setattr(target, "store", SimpleNamespace(open=artifact))
        patch.setattr(unpacking, "STREAMS", 1)
        yield


def artifact(name: str) -> Any:
    return SimpleNamespace(artifact=name, total=0, packed=True)


def runner(
    model: ModelCluster, planned: Planned, deaf: Collection[Id] = (), awaited: bool = False
) -> ModelExecutor:
    def probes(host: str) -> Sequence[Probe]:
        return probes_of(model.target.places[host])

    def seen(host: str, ids: Sequence[Id]) -> Mapping[Id, Observation]:
        return look(model, host, ids)

    def gate(wave: Wave) -> None:
        pass

    events: list[Event] = []
    return ModelExecutor(
        target=model.target,
        desired=planned.wanted,
        seen=planned.seen.things,
        lock=Lock("me", print),
        journal=Journal("r1", "apply", "d"),
        emit=events.append,
        look=seen,
        probes=probes,
        gate=gate,
        stop=threading.Event(),
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
