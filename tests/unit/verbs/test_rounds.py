"""The rounds of one apply: what differs again after it was done is a failure, not passed over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.kafka.port import ClusterView
from provisioner.plan.model import Observed
from provisioner.plan.rules import Seen
from provisioner.run.observe import told
from provisioner.run.results import Results
from provisioner.verbs import rounds
from tests.unit.plan.model_cluster import ModelCluster, spec_of
from tests.unit.run.model_run import on_model, runner


def carried_out(model: ModelCluster, monkeypatch: pytest.MonkeyPatch) -> Results:
    """The rounds of ``apply`` on the model."""

    def observe(target: Any, *, known: Observed | None = None) -> Seen:
        found = model.observe()
        if known is not None:
            mine = {id: seen for id, seen in found.things.items() if not id.host}
            return told(model.spec, replace(found, things={**known, **mine}))
        return found

    with on_model(model):
        monkeypatch.setattr(rounds, "observe", observe)
        for name in ("settle", "sweep", "prefer_leaders"):
            monkeypatch.setattr(rounds, name, lambda *_: None)
        planned = model.planned()
        return rounds.carry_out(model.target, runner(model, planned), planned, lambda event: None)


@pytest.mark.parametrize("name", ["lab", "kraft", "three", "ensemble"])
def test_all_of_it_in_one_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ModelCluster(spec_of(name))
    results = carried_out(model, monkeypatch)
    assert not results.failed
    assert not results.not_started
    assert model.plan().in_sync is True


def test_a_process_that_runs_with_another_value_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its digest is right, and Kafka says that it read something else."""
    model = ModelCluster.made("lab")
    model.topic_config("purchases", {"retention.ms": "1"})
    model.edit("config/server-1.properties", {"num.io.threads": "9"})
    view = model.view

    def stubborn() -> ClusterView | None:
        model.running_digest_static("broker-1", {"num.io.threads": "9"})
        return view()

    monkeypatch.setattr(model, "view", stubborn)
    results = carried_out(model, monkeypatch)
    ((failed, why),) = results.failed
    assert str(failed.id) == "localhost/service/broker-1"
    assert why.startswith("applied, but it differs again: ")
    assert failed not in results.applied
    assert [str(change.id) for change in results.not_started] == ["topic/purchases"]
