"""Planning grows with the topics, no faster: function calls are counted, not seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any

import pytest

from provisioner.plan.model import Change, Id, Plan, State
from provisioner.plan.order import held_back
from provisioner.plan.placement import Broker, Partition, Rules, batches, first_batch, propose
from provisioner.plan.rules import Seen
from provisioner.run.results import Results
from provisioner.site.observe import told
from provisioner.site.planning import make_plan
from tests.unit.plan.model_cluster import ModelCluster, Topic

FEW, MANY = 150, 600
FACTOR = 5.0
"""Four times as many things may cost this much: sorting takes its logarithm."""


def calls(work: Callable[[], Any]) -> int:
    """How many functions are called, Python's own in C too: comparisons of values among them."""
    found = 0

    def count(frame: FrameType, event: str, arg: object) -> None:
        nonlocal found
        found += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found


def cluster(number: int, config: Mapping[str, str], made: bool = True) -> ModelCluster:
    """A cluster whose spec has so many topics more, and whose Kafka has them with ``config``."""
    model = ModelCluster.made("three")
    first = replace(model.spec.topics[0], placement=None, config={"retention.ms": "90000"})
    more = tuple(replace(first, name=f"more-{n}") for n in range(number))
    model.spec = replace(model.spec, topics=(*model.spec.topics, *more))
    model.site.spec = model.spec
    if made:
        for topic in more:
            model.topic(topic.name, topic.partitions, topic.replication, dict(config))
    return model


def in_sync(number: int) -> ModelCluster:
    return cluster(number, {"retention.ms": "90000"})


def changed(number: int) -> ModelCluster:
    return cluster(number, {"retention.ms": "80000"})


def to_create(number: int) -> ModelCluster:
    return cluster(number, {}, made=False)


def unmanaged(number: int) -> ModelCluster:
    model = cluster(0, {})
    for n in range(number):
        model.topic(f"other-{n}", 3, 2, {})
    return model


def thinner(number: int) -> ModelCluster:
    model = in_sync(number)
    for n in range(number):
        topic: Topic = model.topics[f"more-{n}"]
        topic.replicas = [replicas[:1] for replicas in topic.replicas]
    return model


def draining(number: int) -> ModelCluster:
    """A broker is to go that has a replica of each, and one that would get some is not up."""
    model = ModelCluster.made("five")
    for n in range(number):
        model.topic(f"other-{n}", 1, 2, {})
        model.topics[f"other-{n}"].replicas = [[5, 1 + n % 2]]
    gone = tuple(node for node in model.spec.nodes if node.is_broker and node.id == 5)
    stay = tuple(node for node in model.spec.nodes if node not in gone)
    model.becomes_spec(replace(model.spec, nodes=stay, leaving=gone))
    model.kill("broker-2")
    return model


SITUATIONS = [in_sync, changed, to_create, unmanaged, thinner, draining]


def planned(model: ModelCluster, looked: Seen) -> Plan:
    found = make_plan(model.site, told(model.spec, looked))
    found.warnings(model.spec)
    return found.plan


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_plan(situation: Callable[[int], ModelCluster]) -> None:
    counted = {}
    for number in (FEW, MANY):
        model = situation(number)
        known = model.observe()
        things = {id: seen for id, seen in known.things.items() if id.host}
        work = partial(planned, model, replace(known, view=model.view(), things=things))
        work()  # what is made once is made
        counted[number] = calls(work)
    assert counted[MANY] < FACTOR * counted[FEW], counted


def test_topics_that_wait_for_one_that_is_not_known() -> None:
    def count(number: int) -> int:
        ids = [Id("", "topic", f"t-{n}") for n in range(number)]
        free, waiting = ids[: number // 2], ids[number // 2 :]
        wanted = dict.fromkeys(free, State({}))
        wanted |= dict.fromkeys(waiting, State({}, inputs=(Id("", "throttle", "cluster"),)))
        changes = [Change(id, "update", {"a": 1}, {"a": 2}) for id in ids]
        why = {Id("", "throttle", "cluster"): "not known"}
        return calls(lambda: held_back(changes, wanted, why))

    assert count(MANY) < FACTOR * count(FEW)


def test_what_a_round_takes_back() -> None:
    def count(number: int) -> int:
        done = [Change(Id("", "topic", f"t-{n}"), "update", {}, {}) for n in range(number)]
        results = Results(applied=list(done))
        found = calls(lambda: results.undone(done, lambda event: None))
        assert len(results.failed) == number
        return found

    assert count(MANY) < FACTOR * count(FEW)


def test_what_may_be_done_several_times_in_a_run_is_taken_back_after_the_last() -> None:
    again = [Change(Id("", "topic", f"t-{n}"), "update", {}, {}) for n in range(2)]
    results = Results(applied=[*again, again[0]])
    results.undone(again, lambda event: None, lambda change: 3)
    assert not results.failed
    results.undone(again, lambda event: None, lambda change: 2)
    assert [change for change, _ in results.failed] == [again[0], again[0]]
    assert results.applied == [again[1]]


@pytest.mark.parametrize("mode", ["off", "add-brokers", "balance"])
def test_where_replicas_go(mode: Any) -> None:
    def count(number: int) -> int:
        brokers = [Broker(id, f"rack-{id % 3}") for id in range(7)]
        partitions = [
            Partition(f"t-{n}", p, tuple((n + p + c) % 6 for c in range(2)), (n * 7919) % 1009)
            for n in range(number)
            for p in range(4)
        ]
        rules = Rules(replication={f"t-{n}": 3 for n in range(number)}, rebalance=mode)

        def work() -> None:
            batches(propose(brokers, partitions, rules).moves, 5)

        return calls(work)

    assert count(MANY) < FACTOR * count(FEW)


def test_the_first_of_the_batches() -> None:
    brokers = [Broker(id) for id in range(5)]
    partitions = [Partition(f"t-{n}", 0, (n % 4,), n * 31 % 97) for n in range(200)]
    moves = propose(brokers, partitions, Rules(replication={f"t-{n}": 2 for n in range(200)})).moves
    assert moves
    for per_broker in (1, 5, 1000):
        for at_most in (1, 7, 1000):
            found = batches(moves, per_broker, at_most)
            assert first_batch(moves, per_broker, at_most) == found[0]
    assert first_batch([], 1) == ()
