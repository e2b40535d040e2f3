"""What this tool has begun is taken back; what somebody else began stays."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.kinds.ids import placement_id, throttle_id
from provisioner.plan.model import Plan
from provisioner.run import abort
from provisioner.run.results import Results
from tests.unit.plan.model_cluster import Impossible, ModelCluster
from tests.unit.run.model_run import on_model, session
from tests.unit.run.test_moves import RATE, done, throttled

PURCHASES = placement_id("purchases")


def aborted(model: ModelCluster, monkeypatch: pytest.MonkeyPatch) -> tuple[Plan, Results]:
    monkeypatch.setattr(abort, "observe", lambda site: model.observe())
    monkeypatch.setattr(abort, "sweep_topics", lambda run: None)
    run = session(model)
    with on_model(model):
        plan, seen = abort.begun(run)
        abort.take_back(run, plan, seen)
    return plan, run.results


def moving(monkeypatch: pytest.MonkeyPatch) -> ModelCluster:
    """Partition 0 is on its way to another broker, throttled, and never arrives."""
    model = ModelCluster.made("lab")
    monkeypatch.setattr(model, "_arrive", lambda: None)
    was = model.topics["purchases"].replicas[0]
    model.topics["purchases"].replicas[0] = was[:1]
    model.topics["purchases"].moving[0] = was
    model.broker_config(1, {RATE: "50000000", RATE.replace("leader", "follower"): "50000000"})
    return model


def noted(model: ModelCluster, *, ours: bool) -> None:
    target: Any = model.topics["purchases"].moving[0]
    if ours:
        model.site.note({str(PURCHASES): {"0": list(target)}})
        model.site.note({str(throttle_id()): {"broker-1": 50000000}})


def test_a_move_and_its_throttle_are_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    model = moving(monkeypatch)
    noted(model, ours=True)
    plan, results = aborted(model, monkeypatch)
    assert [len(wave.changes) for wave in plan.waves] == [1, 1]
    assert not results.failed
    assert done(results.applied) == ["update placement/purchases", "delete throttle/cluster"]
    assert not model.topics["purchases"].moving
    assert len(model.topics["purchases"].replicas[0]) == 1
    assert not throttled(model)
    assert done(aborted(model, monkeypatch)[1].applied) == []


def test_a_move_that_kafka_does_not_cancel_keeps_its_throttle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = moving(monkeypatch)
    noted(model, ours=True)

    def unclean(**words: Any) -> None:
        raise Impossible("it would require an unclean leader election")

    monkeypatch.setattr(model, "call_reassign", unclean)
    _, results = aborted(model, monkeypatch)
    ((failed, why),) = results.failed
    assert failed.id == PURCHASES
    assert "unclean leader election" in why
    assert [change.id for change in results.not_started] == [throttle_id()]
    assert model.topics["purchases"].moving
    assert throttled(model)


def test_somebody_elses_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    model = moving(monkeypatch)
    noted(model, ours=False)
    plan, results = aborted(model, monkeypatch)
    assert not plan.changes
    assert not results.applied
    assert model.topics["purchases"].moving
    assert throttled(model)


def test_a_kafka_that_does_not_answer_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    model = moving(monkeypatch)
    noted(model, ours=True)
    for machine in model.machines.values():
        machine.processes.clear()
    plan, results = aborted(model, monkeypatch)
    assert not plan.complete
    assert not results.applied
