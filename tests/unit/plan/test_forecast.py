"""The forecast of a plan: order, seconds, what is offline meanwhile, what waits and on what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.plan.forecast import forecast, moved
from provisioner.plan.model import Copy, Forecast, Moves, Plan
from provisioner.report.forecast import held_against, lines, values
from provisioner.site import forecast as of_site
from provisioner.site.timings import last_bounces
from provisioner.spec.types import Rolling
from tests.unit.plan.model_cluster import ModelCluster


def entry(run: str, outcome: str, second: float, change: str, **more: Any) -> dict[str, Any]:
    time = f"2026-11-26T00:00:{second:06.3f}+00:00"
    return {
        "run": run,
        "seq": int(second),
        "time": time,
        "outcome": outcome,
        "wave": 2,
        "host": "h",
        "changes": [change],
        **more,
    }


def test_a_bounce_took_from_its_intent_to_its_end_and_what_it_waited_for() -> None:
    one, two = "restart h/service/broker-1", "restart h/service/broker-2"
    entries = [
        entry("a", "intent", 1, one),
        entry("a", "done", 31, one),
        entry("b", "intent", 40, one, waited=2.5),
        entry("b", "done", 50, one),
        entry("b", "intent", 51, two),
        entry("b", "failed", 52, two),
        entry("b", "intent", 53, "start h/service/broker-3"),
        entry("b", "done", 55, "start h/service/broker-3"),
    ]
    assert last_bounces(entries) == {"broker-1": 12.5}


@pytest.mark.parametrize(
    "wrong",
    [{"time": "yesterday"}, {"time": None}, {"waited": float("nan")}, {"waited": -1.0}],
)
def test_what_a_journal_says_is_not_believed_blindly(wrong: dict[str, Any]) -> None:
    change = "restart h/service/broker-1"
    entries = [{**entry("a", "intent", 1, change), **wrong}, entry("a", "done", 2, change)]
    assert last_bounces(entries) == {}


def to_restart(roll: Rolling = Rolling()) -> ModelCluster:  # noqa: B008
    model = ModelCluster.made("lab")
    model.spec = replace(model.spec, policy=replace(model.spec.policy, roll=roll))
    model.site.spec = model.spec
    for node in model.spec.brokers:
        model.edit(node.properties, {"num.partitions": "9"})
        model.bounce(node.name)
    return model


def foreseen(
    model: ModelCluster, monkeypatch: pytest.MonkeyPatch, known: dict[str, float]
) -> Forecast:
    monkeypatch.setattr(of_site, "_last_time", lambda site: known)
    return of_site.foreseen(model.site, model.planned())


def test_it_has_the_order_of_the_waves(monkeypatch: pytest.MonkeyPatch) -> None:
    model = to_restart()
    found = foreseen(model, monkeypatch, {"broker-0": 4.0, "broker-1": 5.0, "broker-2": 6.5})
    waves = [w.changes for w in model.plan().waves if w.gate == "may-stop"]
    assert list(found.restarts) == [c.id.name for changes in waves for c in changes]
    assert found.seconds == 15.5
    assert found.moves == Moves(0, 0, 15.5)
    assert "atu-0" in found.offline
    assert found.blocked == ()


def test_seconds_that_are_not_known_are_null(monkeypatch: pytest.MonkeyPatch) -> None:
    found = foreseen(to_restart(), monkeypatch, {"broker-0": 4.0})
    assert found.seconds is None
    assert found.at_least == 4.0
    assert values(found)["seconds"] is None
    assert "never timed: " in lines(found)[0]


def test_what_waits_is_named_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    model = to_restart()
    model.topics["purchases"].lagging.add((0, 1))
    found = foreseen(model, monkeypatch, {})
    assert {name for name, _ in found.blocked} == {"broker-0", "broker-2"}
    assert all("purchases-0: broker 1 is not in sync" in reason for _, reason in found.blocked)
    assert any(line.startswith("broker-0 waits: purchases-0") for line in lines(found))


def test_without_a_restart_there_is_nothing_to_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(site: Any) -> dict[str, float]:
        raise AssertionError("no journal is read for nothing")

    monkeypatch.setattr(of_site, "_last_time", read)
    model = ModelCluster.made("lab")
    found = of_site.foreseen(model.site, model.planned())
    assert (found.restarts, found.seconds, found.blocked) == ((), 0.0, ())
    assert lines(found) == []


def test_batches_and_pauses_count() -> None:
    known = {"a": 10.0, "b": 4.0, "c": 5.0}
    found = forecast(Plan(), [["a", "b"], ["c"]], known, [], pause=30.0)
    assert found.seconds == 45.0
    assert "a + b, c" in lines(found)[0]


def test_what_it_took_is_held_against_it() -> None:
    found = Forecast(("a",), (("a",),), 10.0, took=12.4)
    assert held_against(found) == ["the restarts took 12 s (forecast 10 s)"]
    assert values(found)["took"] == 12.4
    assert held_against(replace(found, took=None)) == []


def test_what_is_copied_lasts_as_long_as_the_busiest_broker_needs() -> None:
    """At the rate of the policy, into a broker and out of it."""
    copies = [Copy(600, 1, (2, 3)), Copy(400, 2, (3,))]
    assert moved(copies, 100, 2.0) == Moves(2, 1600, 14.0)
    assert moved([], 100, 2.0) == Moves(0, 0, 2.0)
    assert moved(copies, 100, None) == Moves(2, 1600, None)
    assert moved([Copy(None, 1, (2,)), *copies], 100, 2.0) == Moves(3, None, None)


def test_replicas_that_are_to_move_are_foreseen() -> None:
    model = ModelCluster.made("lab")
    model.topic("purchases", 3, 1, {"retention.ms": "604800000"})
    found = of_site.foreseen(model.site, model.planned())
    assert found.moves.partitions == 3
    assert found.moves.bytes is None  # the model's Kafka does not tell sizes
    assert lines(found) == ["copies replicas of 3 partitions, how much is not known"]
