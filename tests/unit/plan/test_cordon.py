"""``cordon: true``: a broker gets no new replicas, by Kafka's own cordon or by the planner's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.kinds.ids import config_id
from provisioner.kinds.leaving import CORDON
from provisioner.plan.model import Change, Plan
from provisioner.spec.features import METADATA
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run.model_run import converged, session
from tests.unit.run.test_abort import aborted

MADE: dict[str, ModelCluster] = {}


def cordoned(spec: Spec, *brokers: int) -> Spec:
    nodes = (replace(n, cordon=n.is_broker and n.id in brokers) for n in spec.nodes)
    return replace(spec, nodes=tuple(nodes))


def cluster(name: str, *brokers: int) -> ModelCluster:
    """One in sync, in whose spec these are then cordoned."""
    if name not in MADE:
        MADE[name] = ModelCluster.made(name)
    model = MADE[name].copy()
    model.becomes_spec(cordoned(model.spec, *brokers))
    return model


def of_config(plan: Plan, broker: int) -> list[Change]:
    return [c for c in plan.changes if c.id == config_id(f"broker-{broker}")]


def applied(model: ModelCluster) -> list[str]:
    results = converged(model, session(model))
    assert not results.failed, results.failed
    return [f"{c.action} {c.id.kind}/{c.id.name}" for c in results.applied]


def with_topic(model: ModelCluster, **shape: Any) -> None:
    topics = {topic.name: topic for topic in model.spec.topics}
    name = shape.pop("name", "orders")
    topics[name] = replace(topics.get(name, model.spec.topics[0]), name=name, **shape)
    model.becomes_spec(replace(model.spec, topics=tuple(topics.values())))


def on(model: ModelCluster, topic: str) -> set[int]:
    return {broker for replicas in model.topics[topic].replicas for broker in replicas}


def warned(model: ModelCluster) -> list[str]:
    return [str(n) for n in model.planned().warnings(model.spec) if "cordon" in str(n)]


def test_kafka_itself_cordons_it_and_takes_that_back() -> None:
    model = cluster("five", 4)
    (change,) = of_config(model.plan(), 4)
    assert change.after == {CORDON: "*"}
    assert applied(model) == ["update broker-config/broker-4"]
    assert model.dynamic[4] == {CORDON: "*"}
    assert 4 not in model.taking()
    assert not warned(model)
    plan = model.plan()
    assert plan.in_sync is True
    assert not plan.unmanaged
    model.becomes_spec(cordoned(model.spec))
    assert applied(model) == ["update broker-config/broker-4"]
    assert not model.dynamic.get(4)
    assert model.plan().in_sync is True


def test_one_that_was_taken_away_by_hand_is_drift() -> None:
    model = cluster("five", 4)
    applied(model)
    model.dynamic[4] = {}
    (change,) = of_config(model.plan(), 4)
    assert change.after == {CORDON: "*"}
    model.dynamic[4] = {CORDON: "/data/1"}
    (change,) = of_config(model.plan(), 4)
    assert (change.before, change.after) == ({CORDON: "/data/1"}, {CORDON: "*"})


def test_a_cordon_by_hand_is_not_ours() -> None:
    """Neither before, nor after one of the spec's was taken back."""
    model = cluster("five", 4)
    applied(model)
    model.becomes_spec(cordoned(model.spec))
    applied(model)
    model.dynamic[4] = {CORDON: "*"}
    plan = model.plan()
    assert not of_config(plan, 4)
    assert [(u.id, u.fields) for u in plan.unmanaged] == [(config_id("broker-4"), (CORDON,))]
    policy = replace(model.spec.policy, unmanaged_config="delete")
    model.becomes_spec(replace(model.spec, policy=policy))
    (change,) = of_config(model.plan(), 4)
    assert change.after == {CORDON: None}


def test_what_was_cordoned_by_hand_before_stays_when_the_spec_lets_go() -> None:
    model = cluster("five")
    model.dynamic[4] = {CORDON: "*"}
    model.becomes_spec(cordoned(model.spec, 4))
    assert model.plan().in_sync is True
    model.becomes_spec(cordoned(model.spec))
    assert not model.plan().changes


def test_abort_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    model = cluster("five", 4)
    applied(model)
    plan, _ = aborted(model, monkeypatch)
    assert not plan.waves
    assert model.dynamic[4] == {CORDON: "*"}


@pytest.mark.parametrize("name", ["five", "lab"])
def test_where_kafka_cannot_the_planner_does_and_it_is_said(name: str) -> None:
    model = cluster(name, 2)
    model.finalized[METADATA] = 29
    assert not of_config(model.plan(), 2)
    (told,) = warned(model)
    assert "broker-2" in told
    assert "4.3-IV0" in told
    with_topic(model, name="new", partitions=8, replication=2)
    applied(model)
    assert on(model, "new") == {b.id for b in model.spec.brokers} - {2}
    assert not model.dynamic.get(2)


def test_more_partitions_and_more_replicas_are_elsewhere() -> None:
    model = cluster("five", 4)
    with_topic(model, name="atu", partitions=2, replication=1)
    applied(model)
    with_topic(model, name="atu", partitions=9, replication=1)
    applied(model)
    assert 4 not in on(model, "atu")
    with_topic(model, name="atu", partitions=9, replication=3)
    applied(model)
    assert on(model, "atu") == {1, 2, 3, 5}
    assert model.plan().in_sync is True


@pytest.mark.parametrize("mode", ["add-brokers", "balance"])
def test_nothing_is_balanced_onto_it(mode: Any) -> None:
    model = cluster("five", 4)
    for topic in model.topics.values():
        topic.replicas = [[1, 2, 3] for _ in topic.replicas]
        topic.bytes = [10_000_000] * len(topic.replicas)
    model.becomes_spec(replace(model.spec, policy=replace(model.spec.policy, rebalance=mode)))
    applied(model)
    assert 5 in on(model, "orders")
    assert 4 not in on(model, "orders")


def test_it_keeps_what_it_has_and_is_restarted() -> None:
    model = cluster("five", 4)
    before = [list(each) for each in model.topics["orders"].replicas]
    nodes = tuple(replace(n, heap="700m") if n.id == 4 else n for n in model.spec.nodes)
    model.becomes_spec(replace(model.spec, nodes=nodes))
    assert "restart service/broker-4" in applied(model)
    assert model.topics["orders"].replicas == before


def test_too_few_others_are_named() -> None:
    model = cluster("five", 3, 4, 5)
    with_topic(model, name="new", partitions=1, replication=3)
    (refused,) = model.plan().refused
    assert refused.reason == "it needs 3 brokers, and 2 are neither held nor cordoned"
    model.becomes_spec(cordoned(model.spec, 1, 2, 3, 4, 5))
    (refused,) = model.plan().refused
    assert "0 are neither held nor cordoned" in refused.reason
