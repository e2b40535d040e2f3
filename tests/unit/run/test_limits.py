"""``--max-restarts`` and ``--until``: where a run ends, and what it has done until then."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from provisioner.plan.model import Change, Id, Wave
from provisioner.run.limits import Allowance, Limits
from provisioner.verbs.shared.limits import at
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run.model_run import ModelSession, converged, session

BROKERS = ["broker-0", "broker-1", "broker-2"]


def to_restart(name: str = "lab") -> ModelCluster:
    """Every broker runs with another value, and a topic has another setting."""
    model = ModelCluster.made(name)
    for node in model.spec.brokers:
        model.edit(node.properties, {"num.partitions": "9"})
        model.bounce(node.name)
    model.topic_config("purchases", {"retention.ms": "1"})
    return model


def ended_by(model: ModelCluster, limits: Limits) -> tuple[ModelSession, list[str], list[str]]:
    """The run, which nodes it bounced, and what it did not begin."""
    run = session(model)
    run.allowance.limits = limits
    results = converged(model, run)
    assert not results.failed
    bounced = [c.id.name for c in results.applied if c.action == "restart"]
    return run, bounced, [c.id.name for c in results.not_started]


@pytest.mark.parametrize("most", [0, 1, 2])
def test_it_ends_before_the_restart_that_is_one_too_many(most: int) -> None:
    model = to_restart()
    order = [c.id.name for c in model.plan().changes if c.action == "restart"]
    run, bounced, left = ended_by(model, Limits(most))
    assert bounced == order[:most]
    assert left == [*order[most:], "purchases"]
    assert run.allowance.ended == "max-restarts"


@pytest.mark.parametrize("most", [3, 4, None])
def test_with_as_many_as_are_needed_it_ends_as_without_a_limit(most: int | None) -> None:
    model = to_restart()
    run, bounced, left = ended_by(model, Limits(most))
    assert sorted(bounced) == BROKERS
    assert left == []
    assert run.allowance.ended == ""
    assert model.plan().in_sync is True


def test_the_next_run_goes_on_where_it_ended() -> None:
    model = to_restart()
    found = [ended_by(model, Limits(1))[1] for _ in range(3)]
    assert sorted(name for names in found for name in names) == BROKERS
    assert model.plan().in_sync is True


def test_a_combined_node_counts_once() -> None:
    model = to_restart("kraft")
    nodes = [c.id.name for c in model.plan().changes if c.action == "restart"]
    run, bounced, _ = ended_by(model, Limits(len(nodes)))
    assert bounced == nodes
    assert run.allowance.ended == ""


def test_starts_are_no_restarts() -> None:
    model = ModelCluster.made("lab")
    for node in model.spec.nodes:
        model.kill(node.name)
    run, bounced, left = ended_by(model, Limits(0))
    assert (run.allowance.ended, bounced, left) == ("", [], [])
    assert model.plan().in_sync is True


def wave(*names: str) -> Wave:
    changes = tuple(Change(Id("h", "service", n), "restart", {}, {}, ()) for n in names)
    return Wave(1, changes, "may-stop")


@pytest.mark.parametrize(
    ("until", "name", "ends"),
    [
        (130.0, "slow", False),
        (129.0, "slow", True),
        (129.0, "fast", False),
        (101.0, "never-timed", False),
        (99.0, "never-timed", True),
    ],
)
def test_nothing_is_begun_that_is_expected_to_end_later(
    until: float, name: str, ends: bool
) -> None:
    limits = Limits(until=until, expected={"slow": 30.0, "fast": 5.0})
    allowance = Allowance(limits, now=lambda: 100.0)
    assert allowance.ends(wave(name)) is ends
    assert allowance.ended == ("until" if ends else "")


def test_what_was_never_timed_takes_as_long_as_the_longest_of_this_run() -> None:
    allowance = Allowance(Limits(until=119.0), now=lambda: 100.0)
    assert not allowance.ends(wave("a"))
    allowance.took(wave("a").changes, 20.0)
    assert allowance.ends(wave("b"))


def test_once_it_has_ended_nothing_else_is_begun() -> None:
    allowance = Allowance(Limits(0), now=lambda: 100.0)
    assert allowance.ends(wave("a"))
    assert allowance.ends(Wave(2, (Change(Id("", "topic", "t"), "create", None, {}),)))


def test_a_gate_that_opens_too_late_lets_nobody_go() -> None:
    model, clock = to_restart(), [100.0]
    run = session(model)
    run.allowance.limits, run.allowance.now = Limits(until=150.0), lambda: clock[0]

    def may_stop(*_: object) -> tuple[Change, ...]:
        clock[0] += 60.0
        return ()

    run.may_stop = may_stop
    results = converged(model, run)
    assert not results.failed
    assert [c for c in results.applied if c.action == "restart"] == []
    assert len([c for c in results.not_started if c.action == "restart"]) == 3
    assert run.allowance.ended == "until"


@pytest.fixture(params=["UTC", "Europe/Berlin", "Asia/Kathmandu"])
def zone(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("zone")
def test_a_time_of_day_is_the_next_one_here() -> None:
    """Also where the clocks change in the night."""
    for day in ("2026-11-26", "2026-12-31", "2027-03-27", "2026-10-24"):
        now = time.mktime(time.strptime(f"{day} 13:30", "%Y-%m-%d %H:%M"))
        later, tomorrow = at("13:31", now), at("13:30", now)
        assert later - now == 60
        assert time.strftime("%H:%M", time.localtime(tomorrow)) == "13:30"
        assert 82_800 <= tomorrow - now <= 90_000
