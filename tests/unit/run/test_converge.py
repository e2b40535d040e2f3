"""The rounds of one apply: what differs again after it was done is a failure, not passed over."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.kafka.port import ClusterView
from provisioner.kinds.registry import KINDS
from tests.unit.plan.model_cluster import ModelCluster, spec_of
from tests.unit.plan.test_properties import Deed, after, histories, nothing_left
from tests.unit.run.model_run import Killed, converged, session


@pytest.mark.parametrize("name", ["lab", "kraft", "three", "ensemble"])
def test_all_of_it_in_one_run(name: str) -> None:
    model = ModelCluster(spec_of(name))
    results = converged(model, session(model))
    assert not results.failed
    assert not results.not_started
    assert model.plan().in_sync is True


def test_a_process_that_runs_with_another_value_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its digest is right, and Kafka says that it read something else."""
    model = ModelCluster.made("lab")
    model.topic_config("purchases", {"retention.ms": "1"})
    model.edit("config/server-1.properties", {"queued.max.requests": "9"})
    view = model.view

    def stubborn() -> ClusterView | None:
        model.running_digest_static("broker-1", {"queued.max.requests": "9"})
        return view()

    monkeypatch.setattr(model, "view", stubborn)
    results = converged(model, session(model))
    ((failed, why),) = results.failed
    assert str(failed.id) == "localhost/service/broker-1"
    assert why.startswith("applied, but it differs again: ")
    assert failed not in results.applied
    assert [str(change.id) for change in results.not_started] == ["topic/purchases"]


@settings(max_examples=40)
@given(histories())
def test_from_any_start_one_run_leaves_nothing_to_do(history: tuple[str, list[Deed]]) -> None:
    model = after(history)
    results = converged(model, session(model))
    assert not results.failed
    nothing_left(model)


@settings(max_examples=40)
@given(histories())
def test_nothing_is_done_that_the_first_plan_neither_named_nor_foresaw(
    history: tuple[str, list[Deed]],
) -> None:
    model = after(history)
    first = model.plan()
    named = {item.id for part in (first.changes, first.deferred, first.unread) for item in part}
    results = converged(model, session(model))
    done = {change.id for change in results.applied}
    assert {id for id in done if not KINDS[id.kind].by_runs(model.spec)} <= named


@settings(max_examples=40)
@given(histories(), st.integers(0, 40))
def test_killed_after_any_step_the_next_run_converges(
    history: tuple[str, list[Deed]], steps: int
) -> None:
    model = after(history)
    with contextlib.suppress(Killed):
        converged(model, session(model, steps))
    results = converged(model, session(model))
    assert not results.failed
    nothing_left(model)


@pytest.mark.parametrize("steps", range(0, 120, 3))
@pytest.mark.parametrize("name", ["lab", "kraft"])
def test_a_first_run_killed_anywhere_goes_on(name: str, steps: int) -> None:
    model = ModelCluster(spec_of(name))
    with contextlib.suppress(Killed):
        converged(model, session(model, steps))
    results = converged(model, session(model))
    assert not results.failed
    nothing_left(model)


def test_leaders_that_the_run_itself_moved_are_elected_and_no_surprise() -> None:
    """Where Kafka does not give leadership back, a restart makes a difference of it."""
    model = ModelCluster.made("lab")
    model.edit("config/server-1.properties", {"queued.max.requests": "9"})
    model.bounce("broker-1")
    launch = model.launch

    def launched(machine: Any, node: Any, signed: bool = True) -> None:
        launch(machine, node, signed)
        model.leads("purchases", 0, 1)

    model.launch = launched  # type: ignore[method-assign]
    assert not [c for c in model.plan().changes if c.id.kind == "leader"]
    results = converged(model, session(model))
    assert not results.failed
    assert "leader/purchases" in [str(change.id) for change in results.applied]
    nothing_left(model)
