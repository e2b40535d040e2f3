"""What holds of every proposal, whatever the cluster; what is least, compared with all there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations, product
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from provisioner.plan.placement import (
    Broker,
    Move,
    Partition,
    Proposal,
    Rules,
    batches,
    initial,
    propose,
)

Placed = tuple[list[Broker], list[Partition], Rules]


def rack_of(brokers: Sequence[Broker], id: int) -> object:
    racks = {each.id: each.rack for each in brokers}
    return racks.get(id) or id


def open_brokers(brokers: Sequence[Broker], rules: Rules) -> set[int]:
    return {each.id for each in brokers if each.accepts and each.id not in rules.leaving}


def possible(brokers: Sequence[Broker], partition: Partition, rules: Rules) -> set[int]:
    return open_brokers(brokers, rules) | (set(partition.replicas) - rules.leaving)


def wanted(partition: Partition, rules: Rules) -> int:
    return rules.replication.get(partition.topic, len(partition.replicas))


def shared(brokers: Sequence[Broker], replicas: Sequence[int]) -> int:
    return len(replicas) - len({rack_of(brokers, each) for each in replicas})


def racks_suffice(brokers: Sequence[Broker], partition: Partition, rules: Rules) -> bool:
    racks = {rack_of(brokers, each) for each in possible(brokers, partition, rules)}
    return len(racks) >= wanted(partition, rules)


@st.composite
def clusters(
    draw: Callable[..., Any],
    modes: Sequence[str] = ("off", "add-brokers", "balance"),
    most: int = 7,
    spaces: bool = True,
) -> Placed:
    count = draw(st.integers(1, 6))
    racks = st.sampled_from((None,) if draw(st.booleans()) else ("a", "b", "c"))
    brokers = [Broker(id, draw(racks), draw(st.integers(0, 5)) > 0) for id in range(1, count + 1)]
    ids = [each.id for each in brokers]
    partitions = []
    sizes = st.one_of(st.none(), st.integers(0, 100)) if draw(st.booleans()) else st.just(7)
    for topic in "abc"[: draw(st.integers(1, 3))]:
        for number in range(draw(st.integers(1, most))):
            replicas = tuple(draw(st.permutations(ids))[: draw(st.integers(1, min(3, count)))])
            isr = draw(st.sampled_from([None, replicas, replicas, replicas[-1:]]))
            partitions.append(Partition(topic, number, replicas, draw(sizes), isr))
    rules = Rules(
        draw(st.dictionaries(st.sampled_from("abc"), st.integers(1, 4))),
        frozenset(draw(st.sets(st.sampled_from(ids), max_size=2))),
        free=draw(st.dictionaries(st.sampled_from(ids), st.integers(0, 900))) if spaces else {},
        rebalance=draw(st.sampled_from(modes)),
    )
    return brokers, partitions, rules


def after(partitions: Sequence[Partition], found: Proposal) -> list[Partition]:
    moved = {(move.topic, move.partition): move.after for move in found.moves}
    result = []
    for each in partitions:
        replicas = moved.get((each.topic, each.id), each.replicas)
        isr = each.isr if replicas == each.replicas or each.isr is None else replicas
        result.append(replace(each, replicas=replicas, isr=isr))
    return result


def refused(found: Proposal) -> set[str]:
    return {topic for topic, _, _ in found.refused}


@given(clusters())
@settings(max_examples=40, deadline=None)
def test_the_rules_hold_afterwards(placed: Placed) -> None:
    brokers, partitions, rules = placed
    found = propose(brokers, partitions, rules)
    moves = {(move.topic, move.partition): move for move in found.moves}
    assert not refused(found) & {move.topic for move in found.moves}
    for partition in partitions:
        if partition.topic in refused(found):
            continue
        move = moves.get((partition.topic, partition.id))
        replicas = move.after if move else partition.replicas
        assert len(replicas) == len(set(replicas)) == wanted(partition, rules)
        assert rules.leaving.isdisjoint(replicas)
        assert set(replicas) <= possible(brokers, partition, rules)
        if move is None:
            continue
        assert move.after != move.before == partition.replicas
        if partition.isr is not None:
            assert set(partition.isr) & set(move.after) or move.adding
        if racks_suffice(brokers, partition, rules) and not rules.free:
            same = set(move.before) == set(move.after)
            # A new broker's share may come from a partition that shared a rack before.
            no_worse = shared(brokers, replicas) <= shared(brokers, move.before)
            kept = same or (rules.rebalance == "add-brokers" and no_worse)
            assert not shared(brokers, replicas) or (kept and rules.rebalance != "balance")


@given(clusters())
@settings(max_examples=40, deadline=None)
def test_space_is_proven(placed: Placed) -> None:
    brokers, partitions, rules = placed
    size = {(each.topic, each.id): each.bytes or 0 for each in partitions}
    incoming: Counter[int] = Counter()
    for move in propose(brokers, partitions, rules).moves:
        for broker in move.adding:
            incoming[broker] += size[move.topic, move.partition]
    for broker, bytes in incoming.items():
        assert broker not in rules.free or rules.free[broker] * 10 >= bytes * 12


@given(clusters(spaces=False))
@settings(max_examples=40, deadline=None)
def test_nothing_is_proposed_on_the_result(placed: Placed) -> None:
    brokers, partitions, rules = placed
    if rules.rebalance == "balance":
        # The only replica that is in sync stays; once the others are too, it may be the one to go.
        partitions = [replace(each, isr=None) for each in partitions]
    found = propose(brokers, partitions, rules)
    again = propose(brokers, after(partitions, found), rules)
    assert again.moves == ()
    assert refused(again) == refused(found)


@given(clusters(), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_input_does_not_matter(placed: Placed, random: Any) -> None:
    brokers, partitions, rules = placed
    found = propose(brokers, partitions, rules)
    random.shuffle(brokers)
    random.shuffle(partitions)
    assert propose(brokers, partitions, rules) == found


@given(clusters(modes=("off",), spaces=False))
@settings(max_examples=40, deadline=None)
def test_no_fewer_replicas_could_be_copied(placed: Placed) -> None:
    brokers, partitions, rules = placed
    found = propose(brokers, partitions, rules)
    moves = {(move.topic, move.partition): move for move in found.moves}
    for partition in partitions:
        if partition.topic in refused(found):
            continue
        move = moves.get((partition.topic, partition.id))
        copied = len(move.adding) if move else 0
        assert copied == least_copied(brokers, partition, rules)
        if move and partition.replicas[0] in move.after:
            assert move.after[0] == partition.replicas[0]
            kept = [each for each in move.before if each in move.after]
            assert list(move.after[: len(kept)]) == kept


def least_copied(brokers: Sequence[Broker], partition: Partition, rules: Rules) -> int:
    """By brute force, over all sets of replicas that the rules allow."""
    count = wanted(partition, rules)
    holds = count == len(partition.replicas) and rules.leaving.isdisjoint(partition.replicas)
    sets = list(combinations(sorted(possible(brokers, partition, rules)), count))
    if racks_suffice(brokers, partition, rules):
        sets = [each for each in sets if not shared(brokers, each)]
    return 0 if holds else min(len(set(each) - set(partition.replicas)) for each in sets)


@st.composite
def small(draw: Callable[..., Any]) -> Placed:
    """Few enough replicas that all placements can be compared."""
    ids = list(range(1, draw(st.integers(2, 3)) + 1))
    replicas = draw(st.integers(1, 2))
    partitions = [
        Partition(
            "a", number, tuple(draw(st.permutations(ids))[:replicas]), draw(st.integers(1, 9))
        )
        for number in range(draw(st.integers(1, 6)))
    ]
    return [Broker(id) for id in ids], partitions, Rules(rebalance="balance")


def loads(
    brokers: Sequence[Broker], sets: Sequence[Sequence[int]], weights: list[int]
) -> list[int]:
    found = {each.id: 0 for each in brokers}
    for replicas, weight in zip(sets, weights, strict=True):
        for broker in replicas:
            found[broker] += weight
    return list(found.values())


def outside(found: list[int]) -> float:
    """How far the loads are from ±10 % of their mean."""
    mean = sum(found) / len(found)
    return round(sum(max(0, each - 1.1 * mean, 0.9 * mean - each) for each in found), 6)


def placements(placed: Placed) -> Iterator[tuple[float, int]]:
    """(how far from balance, bytes copied) of every placement there is."""
    brokers, partitions, _ = placed
    ids = [each.id for each in brokers]
    weights = [each.bytes or 0 for each in partitions]
    for sets in product(*(combinations(ids, len(each.replicas)) for each in partitions)):
        copied = sum(
            len(set(replicas) - set(each.replicas)) * (each.bytes or 0)
            for replicas, each in zip(sets, partitions, strict=True)
        )
        yield outside(loads(brokers, sets, weights)), copied


@given(small())
@settings(max_examples=40, deadline=None)
def test_balance_copies_at_most_a_tenth_more_than_the_least(placed: Placed) -> None:
    brokers, partitions, rules = placed
    assume(len({each.bytes for each in partitions}) > 1)
    found = propose(brokers, partitions, rules)
    result = [each.replicas for each in after(partitions, found)]
    weights = [each.bytes or 0 for each in partitions]
    best = min(placements(placed))
    assert outside(loads(brokers, result, weights)) == best[0]
    assert sum(move.bytes or 0 for move in found.moves) <= 1.1 * best[1]


@st.composite
def large(draw: Callable[..., Any]) -> Placed:
    """Too many replicas to compare all placements, and each small beside the share of a broker."""
    ids = list(range(1, draw(st.integers(4, 8)) + 1))
    chosen = st.lists(st.sampled_from(ids), min_size=2, max_size=2, unique=True)
    partitions = [
        Partition("a", number, tuple(draw(chosen)), draw(st.integers(1, 20)))
        for number in range(60)
    ]
    return [Broker(id) for id in ids], partitions, Rules(rebalance="balance")


@given(large())
@settings(max_examples=40, deadline=None)
def test_balance_of_many_is_near_the_least_that_could_do(placed: Placed) -> None:
    """The least: what is above the upper limit must go, what lacks to the lower one must come; a
    replica can be moved only as a whole."""
    brokers, partitions, rules = placed
    weights = [each.bytes or 0 for each in partitions]
    before = loads(brokers, [each.replicas for each in partitions], weights)
    mean = sum(before) / len(before)
    above = [max(0.0, each - 1.1 * mean) for each in before]
    below = [max(0.0, 0.9 * mean - each) for each in before]
    whole = max(weights) * sum(map(bool, above + below))
    found = propose(brokers, partitions, rules)
    assert sum(move.bytes or 0 for move in found.moves) <= 1.1 * max(sum(above), sum(below)) + whole
    result = [each.replicas for each in after(partitions, found)]
    distance = outside(loads(brokers, result, weights))
    for number, replicas in enumerate(result):
        for old, new in product(replicas, {each.id for each in brokers} - set(replicas)):
            other = tuple(new if each == old else each for each in replicas)
            tried = [*result[:number], other, *result[number + 1 :]]
            assert distance == 0 or outside(loads(brokers, tried, weights)) >= distance


@given(large())
@settings(max_examples=40, deadline=None)
def test_leaders_are_balanced_until_no_reordering_helps(placed: Placed) -> None:
    brokers, partitions, rules = placed
    result = after(partitions, propose(brokers, partitions, rules))
    leads = Counter(each.replicas[0] for each in result)
    high = max(-(-len(result) // len(brokers)), int(1.1 * len(result) / len(brokers)))
    for leader, *others in (each.replicas for each in result):
        for other in others:
            assert leads[leader] <= high or leads[other] >= leads[leader] - 1


@given(clusters(modes=("add-brokers",), spaces=False))
@settings(max_examples=40, deadline=None)
def test_only_brokers_that_held_nothing_get_more_than_the_rules_demand(placed: Placed) -> None:
    brokers, partitions, rules = placed
    demanded = propose(brokers, partitions, replace(rules, rebalance="off"))
    held = {broker for each in partitions for broker in each.replicas}
    held &= {broker for each in after(partitions, demanded) for broker in each.replicas}
    needed = {(move.topic, move.partition): set(move.adding) for move in demanded.moves}
    for move in propose(brokers, partitions, rules).moves:
        more = set(move.adding) - needed.get((move.topic, move.partition), set())
        assert not more & held


moves = st.lists(
    st.tuples(
        st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True),
        st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True),
        st.one_of(st.none(), st.integers(0, 50)),
    ),
    max_size=30,
)


@given(moves, st.integers(1, 3), st.integers(1, 8))
def test_batches_keep_to_their_limits_and_hold_everything(
    data: list[tuple[list[int], list[int], int | None]], per_broker: int, most: int
) -> None:
    given = [
        Move("a", number, tuple(before), tuple(after), size)
        for number, (before, after, size) in enumerate(data)
    ]
    groups = batches(given, per_broker, most)
    assert sorted((each for group in groups for each in group), key=given.index) == given
    for group in groups:
        assert 1 <= len(group) <= most
        copied = [each for each in group if each.adding]
        into = Counter(broker for each in copied for broker in each.adding)
        out = Counter(broker for each in copied for broker in each.removing)
        assert max((*into.values(), *out.values(), 0)) <= per_broker
    assert groups == batches(given[::-1], per_broker, most)


@given(clusters(), st.integers(0, 12), st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_initial_is_even_and_uses_racks(placed: Placed, count: int, replication: int) -> None:
    brokers, partitions, _ = placed
    accepting = [each.id for each in brokers if each.accepts]
    assume(len(accepting) >= replication)
    found = initial(brokers, count, replication, partitions)
    assert len(found) == count
    racks = {rack_of(brokers, each) for each in accepting}
    for replicas in found:
        assert len(set(replicas)) == replication
        assert set(replicas) <= set(accepting)
        assert shared(brokers, replicas) == max(0, replication - len(racks))
    if len(racks) == len(accepting):
        for numbers, most in (
            (Counter(b for each in found for b in each), 2),
            (Counter(each[0] for each in found), 1),
        ):
            spread = [numbers[each] for each in accepting]
            assert max(spread) - min(spread) <= most
