"""A run that a signal or a lost lock has ended begins nothing more."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.plan.model import Change, Id
from provisioner.run import converge
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
            rounds.run.lock.lost.add("localhost")

    monkeypatch.setattr(converge.Rounds, "converge", started)
    monkeypatch.setattr(converge, "prefer_leaders", elections.append)
    converge.converge(run, model.planned())
    assert len(elections) == asked
