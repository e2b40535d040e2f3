"""The cases of ``safety.yaml``, and what holds of every view."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
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
        )
    elif "disk" in case:
        verdict = safety.may_lose_disk(view, case["disk"])
    else:
        voters = case.get("of", list(case["voters"]))
        verdict = safety.may_stop_controller(view, case["controller"], voters)
    assert verdict.allowed is case["allowed"]
    assert list(verdict.offline) == case.get("offline", [])
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
        if broker in p.replicas and str(p) not in verdict.offline:
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
