"""A run that a signal or a lost lock has ended begins nothing more."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.plan.model import Change, Id, Report
from provisioner.run import converge
from provisioner.verbs import apply
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run.model_run import session


@pytest.mark.parametrize(("how", "asked"), [("", 1), ("signal", 0), ("lost lock", 0)])
def test_leaders_are_elected_only_by_a_run_that_goes_on(
    monkeypatch: pytest.MonkeyPatch, how: str, asked: int
) -> None:
    model = ModelCluster.made("lab")
    run = session(model)
    elections: list[Any] = []

    def started(rounds: converge.Rounds) -> None:
        broker = Change(Id("localhost", "service", "broker-1"), "start", None, None)
        rounds.run.results.applied.append(broker)
        if how == "signal":
            rounds.run.stop.set()
        if how == "lost lock":
            rounds.run.lock.lost["localhost"] = "no sign of life"

    monkeypatch.setattr(converge.Rounds, "converge", started)
    monkeypatch.setattr(converge, "prefer_leaders", elections.append)
    converge.converge(run, model.planned())
    assert len(elections) == asked


@pytest.mark.parametrize(("lost", "asked"), [({}, 1), ({"localhost": "no sign of life"}, 0)])
def test_replicas_are_waited_for_only_where_every_host_is_there(
    monkeypatch: pytest.MonkeyPatch, lost: dict[str, str], asked: int
) -> None:
    """What is so then is verified all the same."""
    run, report = session(ModelCluster.made("lab")), Report("lab")
    run.lock.lost |= lost
    waits: list[Any] = []
    seen = SimpleNamespace(into=lambda report: None)
    monkeypatch.setattr(apply, "may_become_whole", lambda *_: True)
    monkeypatch.setattr(apply, "starting", lambda *_: False)
    monkeypatch.setattr(apply, "kept_down", lambda planned: set())
    monkeypatch.setattr(apply, "wait_in_sync", lambda *_: waits.append(1))
    monkeypatch.setattr(apply, "verify", lambda *_, **__: seen)
    apply.prove(run, cast(Any, None), report, trip=False)
    assert len(waits) == asked
