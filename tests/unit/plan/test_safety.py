"""The cases of ``safety.yaml``, and what holds of every view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from provisioner.plan import safety
from provisioner.plan.safety import Partition, View

CASES = YAML(typ="safe", pure=True).load((Path(__file__).parent / "safety.yaml").read_text())


def partition(name: str, data: list[Any]) -> Partition:
    topic, _, number = name.rpartition("-")
    leader, replicas, isr, minimum = data
    return Partition(topic, int(number), leader, tuple(replicas), tuple(isr), minimum)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_cases(case: dict[str, Any]) -> None:
    view = View(
        frozenset(case.get("alive", ())),
        tuple(partition(*item) for item in case.get("partitions", {}).items()),
        case.get("voters", {}),
        case.get("leader"),
    )
    if "stop" in case:
        refuse, whole = case.get("refuse", False), case.get("whole", True)
        behind = frozenset(case["before"]) if "before" in case else None
        verdict = safety.may_stop_broker(
            view,
            case["stop"],
            refuse_offline=refuse,
            require_all_in_sync=whole,
            already_behind=behind,
            bounced=case.get("bounced", ()),
        )
    elif "disk" in case:
        verdict = safety.may_lose_disk(view, case["disk"])
    else:
        voters = case.get("of", list(case["voters"]))
        verdict = safety.may_stop_controller(view, case["controller"], voters)
    assert verdict.allowed is case["allowed"]
    assert list(verdict.offline) == case.get("offline", [])
    assert list(verdict.unwritable) == case.get("unwritable", [])
    assert verdict.reason.startswith(case.get("reason", ""))
    assert verdict.allowed or verdict.reason


@st.composite
def views(draw: Callable[..., Any]) -> View:
    brokers = draw(st.sets(st.integers(1, 5), min_size=1))
    partitions = []
    for number in range(draw(st.integers(0, 4))):
        replicas = draw(st.permutations(sorted(brokers)))[: draw(st.integers(1, len(brokers)))]
        isr = [r for r in replicas if draw(st.booleans())]
        minimum = draw(st.integers(1, 3))
        leader = isr[0] if isr else None
        partitions.append(Partition("t", number, leader, tuple(replicas), tuple(isr), minimum))
    alive = {b for b in brokers if draw(st.booleans())} | {i for p in partitions for i in p.isr}
    return View(frozenset(alive), tuple(partitions))


@given(views(), st.integers(1, 5), st.booleans())
def test_an_allowed_stop_takes_no_partition_below_its_minimum(
    view: View, broker: int, require_all_in_sync: bool
) -> None:
    verdict = safety.may_stop_broker(view, broker, require_all_in_sync=require_all_in_sync)
    if not verdict.allowed or broker not in view.alive:
        return
    for p in view.partitions:
        if broker in p.replicas and str(p) not in (*verdict.offline, *verdict.unwritable):
            left = [r for r in p.isr if r != broker]
            assert len(left) >= min(p.min_isr, len(p.replicas)) or broker not in p.isr
    alone = {str(p) for p in view.partitions if p.isr == (broker,)}
    assert alone <= set(verdict.offline), "what nobody else has is named"


@given(views(), st.integers(1, 5))
def test_asking_for_less_never_allows_less(view: View, broker: int) -> None:
    if safety.may_stop_broker(view, broker, require_all_in_sync=True).allowed:
        assert safety.may_stop_broker(view, broker, require_all_in_sync=False).allowed
    if safety.may_stop_broker(view, broker, refuse_offline=True).allowed:
        assert safety.may_stop_broker(view, broker, refuse_offline=False).allowed


@given(views())
def test_two_brokers_at_a_minimum_are_never_both_allowed_one_after_the_other(view: View) -> None:
    """The first stop changes the view; asked again, the second is refused where it would harm."""
    for first in view.alive:
        if not safety.may_stop_broker(view, first).allowed:
            continue
        after = View(
            view.alive - {first},
            tuple(
                Partition(
                    p.topic,
                    p.id,
                    p.leader,
                    p.replicas,
                    tuple(r for r in p.isr if r != first),
                    p.min_isr,
                )
                for p in view.partitions
            ),
        )
        for second in after.alive:
            verdict = safety.may_stop_broker(after, second)
            for p in after.partitions:
                both = {first, second} <= set(p.replicas)
                if both and len(p.isr) <= min(p.min_isr, len(p.replicas)) < len(p.replicas):
                    assert not verdict.allowed


def test_what_is_not_whole_is_named() -> None:
    partitions = (
        Partition("a", 0, 1, (1, 2, 3), (1, 2, 3), 2),
        Partition("a", 1, 1, (1, 2, 3), (1, 3), 2),
        Partition("b", 0, None, (2,), (), 1),
    )
    assert set(safety.under_replicated(View(frozenset({1, 2, 3}), partitions))) == {"a-1", "b-0"}


def at_once(view: View, brokers: list[int], most: int) -> list[int]:
    """The batch that the first of these brokers, which may be stopped, goes with."""
    return safety.together(brokers, most, lambda some: safety.may_stop_brokers(view, some).allowed)


@st.composite
def rolls(draw: Callable[..., Any]) -> tuple[View, list[int]]:
    """Up to nine brokers in racks that nobody is told of, with partitions anywhere on them; most
    replicas in sync. The brokers in the order in which they are to be bounced."""
    brokers = list(range(1, draw(st.integers(2, 9)) + 1))
    partitions = []
    for number in range(draw(st.integers(0, 12))):
        replicas = draw(st.permutations(brokers))[: draw(st.integers(1, min(4, len(brokers))))]
        isr = [r for r in replicas if draw(st.integers(0, 9))]
        minimum, leader = draw(st.integers(1, 4)), isr[0] if isr else None
        partitions.append(Partition("t", number, leader, tuple(replicas), tuple(isr), minimum))
    return View(frozenset(brokers), tuple(partitions)), draw(st.permutations(brokers))


@settings(max_examples=500)
@given(rolls(), st.integers(1, 9))
def test_a_batch_leaves_every_partition_its_minimum(
    roll: tuple[View, list[int]], most: int
) -> None:
    """Whatever the assignment. One that can spare no replica at all loses one at a time."""
    view, order = roll
    if not safety.may_stop_broker(view, order[0]).allowed:
        return
    batch = at_once(view, order, most)
    assert batch[0] == order[0]
    assert len(batch) <= most
    for p in view.partitions:
        down = set(batch) & set(p.replicas)
        left = set(p.isr) - set(batch)
        if len(p.replicas) > p.minimum and down:
            assert len(left) >= p.minimum
        elif down:
            assert len(down) == 1


@given(rolls())
def test_one_at_a_time_is_one_at_a_time(roll: tuple[View, list[int]]) -> None:
    view, order = roll
    assert at_once(view, order, 1) == order[:1]


def test_brokers_that_share_no_partition_go_together_and_racks_do_not_count() -> None:
    pairs = [(1, 2), (3, 4), (5, 6)]
    partitions = tuple(Partition("t", n, p[0], p, p, 1) for n, p in enumerate(pairs))
    view = View(frozenset(range(1, 7)), partitions)
    assert at_once(view, [1, 2, 3, 4, 5, 6], 6) == [1, 3, 5]
    assert at_once(view, [1, 2, 3, 4, 5, 6], 2) == [1, 3]
    bad = Partition("t", 3, 1, (1, 3), (1, 3), 1)
    assert at_once(View(view.alive, (*partitions, bad)), [1, 3, 5], 6) == [1, 5]


def test_two_replicas_of_what_cannot_spare_one_are_not_stopped_together() -> None:
    """Alone each leaves a leader; together they would leave none."""
    view = View(frozenset({1, 2}), (Partition("t", 0, 1, (1, 2), (1, 2), 2),))
    assert at_once(view, [1, 2], 2) == [1]


@pytest.mark.parametrize(("voters", "together"), [(1, 1), (2, 1), (3, 1), (5, 2), (7, 3)])
def test_the_quorum_bounds_a_batch_of_controllers(voters: int, together: int) -> None:
    ids = list(range(1, voters + 1))
    view = View(lag=dict.fromkeys(ids, 0), quorum_leader=ids[-1])
    found = safety.together(
        ids, 9, lambda some: safety.may_stop_controllers(view, some, ids).allowed
    )
    assert len(found) == together


@pytest.mark.parametrize(("servers", "together"), [(1, 1), (2, 1), (3, 1), (5, 2)])
def test_the_ensemble_bounds_a_batch_of_servers(servers: int, together: int) -> None:
    ids = list(range(1, servers + 1))
    states = dict.fromkeys(ids[:-1], "follower") | {ids[-1]: "leader"}
    found = safety.together(
        ids, 9, lambda some: safety.may_stop_zookeepers(states, some, ids).allowed
    )
    assert len(found) == together
