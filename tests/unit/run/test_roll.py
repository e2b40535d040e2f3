"""``policy.roll``: nodes that go together, the canary, the pause."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from provisioner.plan.model import Change, Wave
from provisioner.plan.rules import Seen
from provisioner.report.events import words
from provisioner.run import roll
from provisioner.run.limits import Limits
from provisioner.run.results import Results
from provisioner.site.forecast import in_batches
from provisioner.site.verdicts import How, batch
from provisioner.spec.types import Rolling
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run.model_run import ModelSession, converged, session


def to_restart(rolling: Rolling, name: str = "lab") -> ModelCluster:
    """Every broker runs with another value; topics have one replica, or two of three."""
    model = ModelCluster.made(name)
    model.spec = replace(model.spec, policy=replace(model.spec.policy, roll=rolling))
    model.site.spec = model.spec
    for node in model.spec.brokers:
        model.edit(node.properties, {"num.partitions": "9"})
        model.bounce(node.name)
    return model


def spread(model: ModelCluster, **replicas: Sequence[Sequence[int]]) -> None:
    """The topics have these replicas, and there are no others."""
    for name in list(model.topics):
        if name not in replicas:
            model.topics[name].replicas = [[0]]
    for name, parts in replicas.items():
        model.topics[name].replicas = [list(ids) for ids in parts]


def rolled(model: ModelCluster, run: ModelSession) -> tuple[list[list[str]], Results]:
    """The batches in which nodes were bounced, each chosen by the real rules."""
    batches: list[list[str]] = []

    def may_stop(wave: Wave, others: Sequence[Change], most: int) -> Sequence[Change]:
        changes = [*wave.changes, *others]
        nodes = [model.spec.node(c.id.name) for c in changes]
        chosen = [n.name for n in batch(model.spec, nodes, Seen(view=model.view()), How(), most)]
        batches.append(chosen)
        return [c for c in others if c.id.name in chosen]

    run.may_stop = may_stop
    return batches, converged(model, run)


def test_brokers_that_share_no_partition_are_bounced_together() -> None:
    model = to_restart(Rolling(parallel=2))
    spread(model, atu=[[0]], purchases=[[0], [1], [2]])
    batches, results = rolled(model, session(model))
    assert not results.failed
    assert sorted(map(len, batches)) == [1, 2]
    assert sorted(name for names in batches for name in names) == [
        "broker-0",
        "broker-1",
        "broker-2",
    ]


def test_those_that_share_one_are_not() -> None:
    model = to_restart(Rolling(parallel=3))
    spread(model, purchases=[[0, 1, 2], [1, 2, 0], [2, 0, 1]])
    for topic in model.topics.values():
        topic.config["min.insync.replicas"] = "2"
    batches, results = rolled(model, session(model))
    assert not results.failed
    assert [len(names) for names in batches] == [1, 1, 1]


def test_the_forecast_has_the_batches_that_a_run_makes() -> None:
    model = to_restart(Rolling(parallel=2))
    spread(model, purchases=[[0], [1], [2]])
    order = [c.id.name for c in model.plan().changes if c.action == "restart"]
    nodes = [model.spec.node(name) for name in order]
    expected = in_batches(model.spec, nodes, Seen(view=model.view()), How())
    assert rolled(model, session(model))[0] == expected


def test_the_limit_cuts_a_batch() -> None:
    model = to_restart(Rolling(parallel=3))
    spread(model, purchases=[[0], [1], [2]])
    run = session(model)
    run.allowance.limits = Limits(1)
    batches, results = rolled(model, run)
    assert len(batches) == 1
    assert len(batches[0]) == 1
    assert len([c for c in results.not_started if c.action == "restart"]) == 2


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The nodes that were looked at as canaries; nothing is wrong with them."""
    found: list[list[str]] = []

    def complaints(site: Any, changes: Sequence[Change], *_: Any) -> list[tuple[Change, str]]:
        found.append([c.id.name for c in changes])
        return []

    monkeypatch.setattr(roll, "complaints", complaints)
    return found


def test_a_canary_goes_first_and_is_looked_at_once(asked: list[list[str]]) -> None:
    model = to_restart(Rolling(parallel=3, canary=1))
    spread(model, purchases=[[0], [1], [2]])
    batches, results = rolled(model, session(model))
    assert not results.failed
    assert asked == [batches[0]]
    assert len(batches[0]) == 1


def test_a_canary_that_is_not_well_ends_the_roll(monkeypatch: pytest.MonkeyPatch) -> None:
    why = "restarted, but since then its log has errors"
    monkeypatch.setattr(roll, "complaints", lambda site, changes, *_: [(changes[0], why)])
    model = to_restart(Rolling(canary=1))
    batches, results = rolled(model, session(model))
    assert [(c.id.name, said) for c, said in results.failed] == [(batches[0][0], why)]
    assert len(batches) == 1
    assert len([c for c in results.not_started if c.action == "restart"]) == 2
    assert "restart" not in [c.action for c in results.applied]


def test_a_single_node_needs_no_canary(asked: list[list[str]]) -> None:
    model = ModelCluster.made("lab")
    model.spec = replace(model.spec, policy=replace(model.spec.policy, roll=Rolling(canary=1)))
    model.site.spec = model.spec
    model.edit("config/server-1.properties", {"num.partitions": "9"})
    model.bounce("broker-1")
    assert not rolled(model, session(model))[1].failed
    assert asked == []


class Paused(threading.Event):
    """Nobody waits: how long is noted. ``signal``: one comes in the first pause."""

    def __init__(self, signal: bool = False):
        super().__init__()
        self.signal, self.pauses = signal, list[float]()

    def wait(self, timeout: float | None = None) -> bool:
        self.pauses.append(timeout or 0.0)
        if self.signal:
            self.set()
        return self.signal


def test_there_is_a_pause_between_two_batches_and_not_after_the_last() -> None:
    model = to_restart(Rolling(pause=30.0))
    run = session(model)
    said: list[str] = []
    run.roll.stop = stop = Paused()
    run.roll.emit = lambda event: said.append(words(event))
    assert not rolled(model, run)[1].failed
    assert stop.pauses == [30.0, 30.0]
    assert said == ["pausing for 30 s before the next restart"] * 2


def test_a_signal_ends_the_pause() -> None:
    model = to_restart(Rolling(pause=30.0))
    run = session(model)
    run.stop = run.roll.stop = Paused(signal=True)
    batches, results = rolled(model, run)
    assert len(batches) == 1
    assert not results.failed
    assert len([c for c in results.not_started if c.action == "restart"]) == 2
