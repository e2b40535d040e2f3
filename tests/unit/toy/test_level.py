"""A kind that is added from a folder of the tests, with nothing else touched, is planned, carried
out in as many rounds as it needs, goes on after it was ended in the middle, drifts, and goes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest

from provisioner.errors import ProvisionError
from provisioner.kafka.port import ClusterView
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Id, Plan
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run.model_run import converged, session
from tests.unit.toy.level.kind import KIND, WANTED, level_id

TOP = level_id("top")


@dataclass(frozen=True)
class ToyView(ClusterView):
    levels: Any = None


class ToyCluster(ModelCluster):
    """A model whose Kafka also has levels. ``surprise`` comes with the next step."""

    levels: dict[str, int]
    surprise: Any = None

    def view(self) -> ClusterView | None:
        found = super().view()
        if found is None:
            return None
        return ToyView(
            **{f.name: getattr(found, f.name) for f in fields(found)}, levels=self.levels
        )

    def call_set_level(self, name: str, level: int | None) -> None:
        if level is None:
            del self.levels[name]
            return
        assert level == self.levels.get(name, 0) + 1, "one step at a time"
        self.levels[name] = level
        if self.surprise:
            self.surprise()


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToyCluster]:
    monkeypatch.setitem(KINDS, "level", KIND)
    ToyCluster.levels = {}
    model = ToyCluster.made("lab")
    assert isinstance(model, ToyCluster)
    model.levels = {}
    yield model
    WANTED.clear()


def shape(plan: Plan) -> list[tuple[str, Any]]:
    """What is done now, and what is foreseen."""
    now = [(change.action, (change.after or {}).get("level")) for change in plan.changes]
    return now + [("later", item.reason) for item in plan.deferred]


def test_the_first_plan_shows_the_whole_chain(model: ToyCluster) -> None:
    WANTED["top"] = 3
    assert shape(model.plan()) == [
        ("create", 1),
        ("later", "to 2, once it is at 1"),
        ("later", "to 3, once it is at 2"),
    ]


def test_it_is_carried_out_in_three_rounds(model: ToyCluster) -> None:
    WANTED["top"] = 3
    run = session(model)
    converged(model, run)
    assert [(c.action, c.after) for c in run.results.applied] == [
        ("create", {"level": 1}), ("update", {"level": 2}), ("update", {"level": 3}),
    ]  # fmt: skip
    assert not run.results.failed
    assert model.plan().in_sync is True


@pytest.mark.parametrize("at", [1, 2])
def test_ended_in_the_middle_the_next_run_goes_on(model: ToyCluster, at: int) -> None:
    WANTED["top"] = 3
    run = session(model)
    model.surprise = lambda: run.stop.set() if model.levels["top"] == at else None
    converged(model, run)
    assert model.levels == {"top": at}
    assert len(run.results.applied) == at
    model.surprise = None
    assert shape(model.plan())[0] == ("update", at + 1)
    run = session(model)
    converged(model, run)
    assert model.levels == {"top": 3}
    assert len(run.results.applied) == 3 - at


def test_it_drifts_and_is_raised_again(model: ToyCluster) -> None:
    WANTED["top"] = 2
    converged(model, session(model))
    model.levels["top"] = 1
    assert shape(model.plan()) == [("update", 2)]
    converged(model, session(model))
    assert model.plan().in_sync is True


def test_one_that_does_not_take_ends_it(model: ToyCluster) -> None:
    WANTED["top"] = 3
    run = session(model)

    def falls_back() -> None:
        model.surprise = None
        model.levels["top"] = 1

    model.levels["top"] = 1
    model.surprise = falls_back
    converged(model, run)
    ((failed, why),) = run.results.failed
    assert failed.id == TOP
    assert "level is 1, not 2" in why or "nothing has moved" in why
    assert model.levels["top"] == 1


def test_its_guard_refuses_and_a_word_allows(model: ToyCluster) -> None:
    WANTED["top"] = 4
    plan = model.plan()
    assert [(item.id, item.allow) for item in plan.refused] == [(TOP, "high")]
    assert not plan.changes
    model.site.options = replace(model.site.options, allow={"high": frozenset()})
    converged(model, session(model))
    assert model.levels == {"top": 4}


def test_what_it_is_made_from_comes_first(model: ToyCluster) -> None:
    WANTED.update(top=1, base=1)
    waves = [[c.id.name for c in wave.changes] for wave in model.plan().waves]
    assert waves == [["base"], ["top"]]
    WANTED.update(base=4)
    plan = model.plan()
    assert [item.id.name for item in plan.refused] == ["base"]
    assert not plan.changes
    assert any(item.id == TOP and "base" in item.reason for item in plan.deferred)


def test_what_should_be_gone_goes(model: ToyCluster) -> None:
    model.levels = {"top": 2}
    WANTED["top"] = None
    assert [(c.action, c.before) for c in model.plan().changes] == [("delete", {"level": 2})]
    run = session(model)
    converged(model, run)
    assert model.levels == {}
    assert [c.action for c in run.results.applied] == ["delete"]
    assert model.plan().in_sync is True


def test_what_nobody_foresaw_ends_the_run(model: ToyCluster) -> None:
    WANTED["top"] = 3
    run = session(model)
    model.surprise = lambda: model.topics.pop("atu", None)
    with pytest.raises(ProvisionError) as stopped:
        converged(model, run)
    assert stopped.value.problems[0].code == "stale-plan"
    assert "topic/atu" in stopped.value.problems[0].message
    assert model.levels == {"top": 1}


def test_it_says_what_it_waits_for() -> None:
    assert KIND.awaiting(Id("", "level", "top")) == "level top"
