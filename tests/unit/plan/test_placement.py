"""The cases of ``placement.yaml``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from provisioner.plan.placement import Broker, Move, Partition, Rules, batches, initial, propose

CASES = YAML(typ="safe", pure=True).load((Path(__file__).parent / "placement.yaml").read_text())


def named(name: str) -> tuple[str, int]:
    topic, _, number = name.rpartition("-")
    return topic, int(number)


def broker(id: int, text: str | None) -> Broker:
    words = (text or "").split()
    accepts = "closed" not in words
    racks = [word for word in words if word != "closed"]
    return Broker(id, racks[0] if racks else None, accepts)


def partition(name: str, data: Any) -> Partition:
    topic, number = named(name)
    if isinstance(data, list):
        return Partition(topic, number, tuple(data))
    isr = tuple(data["isr"]) if "isr" in data else None
    return Partition(topic, number, tuple(data["replicas"]), data.get("bytes"), isr)


def rules(case: dict[str, Any]) -> Rules:
    return Rules(
        case.get("replication", {}),
        frozenset(case.get("leaving", ())),
        {named(name): tuple(value) for name, value in case.get("pinned", {}).items()},
        case.get("free", {}),
        case.get("rebalance", "off"),
        frozenset(case.get("filling", ())),
    )


def starts(found: tuple[tuple[str, int | None, str], ...], wanted: dict[str, str]) -> bool:
    texts = {topic if at is None else f"{topic}-{at}": why for topic, at, why in found}
    return texts.keys() == wanted.keys() and all(
        texts[name].startswith(why) for name, why in wanted.items()
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_cases(case: dict[str, Any]) -> None:
    brokers = [broker(*item) for item in case["brokers"].items()]
    partitions = [partition(*item) for item in case["partitions"].items()]
    found = propose(brokers, partitions, rules(case))
    assert {f"{m.topic}-{m.partition}": list(m.after) for m in found.moves} == case["moves"]
    assert starts(found.refused, case.get("refused", {})), found.refused
    assert starts(found.findings, case.get("findings", {})), found.findings
    if "copied" in case:
        assert sum(len(move.adding) for move in found.moves) == case["copied"]
    if "unproven" in case:
        assert list(found.unproven) == case["unproven"]


def test_bytes_of_a_move_are_all_that_is_copied() -> None:
    brokers = [Broker(id) for id in range(1, 5)]
    parts = [
        Partition("copied", 0, (1,), 10),
        Partition("unknown", 0, (1,)),
        Partition("dropped", 0, (1, 2)),
    ]
    found = propose(brokers, parts, Rules({"copied": 3, "unknown": 2, "dropped": 1}))
    assert {move.topic: move.bytes for move in found.moves} == {
        "copied": 20,
        "unknown": None,
        "dropped": 0,
    }


def move(number: int, before: tuple[int, ...], after: tuple[int, ...], bytes: int = 1) -> Move:
    return Move("a", number, before, after, bytes)


def ids(groups: tuple[tuple[Move, ...], ...]) -> list[list[int]]:
    return [[each.partition for each in group] for group in groups]


def test_batches_begin_with_the_largest_and_fill_up_with_what_fits() -> None:
    moves = [move(0, (1,), (2,), 10), move(1, (1,), (3,), 30), move(2, (1,), (2,), 20)]
    beside = move(3, (4,), (5,), 5)
    assert ids(batches([*moves, beside], per_broker=1)) == [[1, 3], [2], [0]]
    assert ids(batches([*moves, beside], per_broker=2)) == [[1, 2, 3], [0]]


def test_the_leader_is_copied_from_though_it_stays() -> None:
    moves = [move(0, (1, 2), (1, 3)), move(1, (1, 4), (1, 5)), move(2, (1,), (1, 6))]
    assert ids(batches(moves, per_broker=2)) == [[0, 1], [2]]


def test_what_copies_nothing_counts_only_as_a_part_of_a_request() -> None:
    moves = [move(number, (1, 2), (2, 1), 0) for number in range(5)]
    assert ids(batches(moves, per_broker=1)) == [[0, 1, 2, 3, 4]]
    assert ids(batches(moves, per_broker=1, partitions=2)) == [[0, 1], [2, 3], [4]]


@pytest.mark.parametrize("limits", [(0, 1), (1, 0)])
def test_batches_of_nothing(limits: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least one move"):
        batches([], *limits)
    assert batches([], 1) == ()


def test_initial_spreads_over_brokers_racks_and_leaders() -> None:
    brokers = [
        Broker(1, "a"),
        Broker(2, "b"),
        Broker(3, "a"),
        Broker(4, "b"),
        Broker(5, "c", False),
    ]
    found = initial(brokers, 4, 2, [])
    assert found == ((1, 2), (3, 4), (2, 1), (4, 3))


def test_initial_prefers_what_holds_least_for_what_is_left_over() -> None:
    brokers = [Broker(1), Broker(2), Broker(3)]
    assert initial(brokers, 1, 1, [Partition("a", 0, (1, 2))]) == ((3,),)
    assert initial(brokers, 3, 1, [Partition("a", 0, (1, 2))]) == ((3,), (2,), (1,))


def test_initial_with_fewer_racks_than_replicas() -> None:
    brokers = [Broker(1, "a"), Broker(2, "a"), Broker(3, "b")]
    assert sorted(initial(brokers, 1, 3, [])[0]) == [1, 2, 3]


def test_initial_with_too_few_brokers() -> None:
    with pytest.raises(
        ValueError, match="3 replicas need as many brokers that accept replicas, and there are 2"
    ):
        initial([Broker(1), Broker(2), Broker(3, accepts=False)], 1, 3, [])
