"""A Kafka that does not answer: nothing that it was not asked, or did not tell, is in sync."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.kafka.port import BrokerView
from provisioner.kinds.registry import KINDS, desired
from provisioner.plan.model import Layer, Plan
from provisioner.plan.rules import Seen
from provisioner.report.formats.json import document
from provisioner.site.observe import told
from provisioner.site.planning import make_plan
from provisioner.spec.types import Node, Spec
from tests.unit.plan.model_cluster import ModelCluster, spec_of

SPECS = ("lab", "kraft", "three", "ensemble")
WHY = "localhost:9092 does not answer within 10 s"


def as_it_is(spec: Spec) -> Spec:
    return spec


def no_topics(spec: Spec) -> Spec:
    return replace(spec, topics=())


def no_config(spec: Spec) -> Spec:
    return replace(spec, nodes=tuple(replace(node, config={}) for node in spec.nodes))


def nothing(spec: Spec) -> Spec:
    """Neither topics nor any value of a broker."""
    return no_topics(no_config(spec))


SHAPES = (as_it_is, no_topics, no_config, nothing)


def silent(model: ModelCluster) -> Seen:
    seen = model.observe()
    hosts = {id: what for id, what in seen.things.items() if id.host}
    return replace(seen, things=hosts, view=None, unavailable=WHY)


def made(name: str, shape: Any) -> ModelCluster:
    model = ModelCluster(shape(spec_of(name)))
    model.apply()
    return model


def of_the_cluster(model: ModelCluster) -> set[str]:
    return {str(id) for id in desired(model.spec, model.site.places.values()) if not id.host}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SPECS)
def test_what_a_silent_kafka_was_asked_is_unknown(name: str, shape: Any) -> None:
    model = made(name, shape)
    assert model.plan().in_sync is True
    plan = make_plan(model.site, silent(model)).plan
    assert {str(item.id) for item in plan.unread} == of_the_cluster(model) != set()
    assert {item.reason for item in plan.unread} == {WHY}
    assert not plan.changes
    assert (plan.in_sync, plan.complete) == (None, False)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SPECS)
def test_it_is_deferred_while_brokers_are_to_be_started(name: str, shape: Any) -> None:
    model = made(name, shape)
    model.kill_all()
    plan = model.plan()
    found = {str(item.id): item.reason for item in plan.deferred}
    assert found == dict.fromkeys(of_the_cluster(model), "the cluster is not up")
    assert (plan.in_sync, plan.complete) == (False, True)


@pytest.mark.parametrize("name", SPECS)
def test_a_bounce_of_one_broker_does_not_explain_that_all_are_silent(name: str) -> None:
    model = made(name, as_it_is)
    broker = model.spec.brokers[0]
    model.edit(f"{broker.host}:{broker.properties}", {"num.network.threads": "9"})
    model.bounce(broker.name)
    plan = make_plan(model.site, silent(model)).plan
    assert [c.action for c in plan.changes if c.id.kind == "service"] == ["restart"]
    assert {str(item.id) for item in plan.unread} == of_the_cluster(model)
    assert (plan.in_sync, plan.complete) == (False, False)


@pytest.mark.parametrize("name", ["lab", "kraft"])
def test_what_only_a_broker_that_was_just_killed_can_tell_is_deferred(name: str) -> None:
    """Kafka takes it for alive until its session ends; its host knows better."""
    model = made(name, as_it_is)
    broker = model.spec.brokers[-1]
    before = model.observe().view
    assert before is not None
    model.kill(broker.name)
    plan = make_plan(model.site, believed_alive(model, broker, before.brokers)).plan
    assert [(c.id.name, c.action) for c in plan.changes] == [(broker.name, "start")]
    why = {str(i.id): i.reason for i in plan.deferred if i.id.kind in ("throttle", "broker-config")}
    assert why == dict.fromkeys(
        ("throttle/cluster", f"broker-config/{broker.name}"), f"{broker.name} is not up"
    )
    assert (plan.unread, plan.in_sync, plan.complete) == ((), False, True)


def believed_alive(model: ModelCluster, broker: Node, brokers: tuple[BrokerView, ...]) -> Seen:
    seen = model.observe()
    assert seen.view is not None
    errors = {**seen.view.errors, broker.name: "connection refused"}
    view = replace(seen.view, brokers=brokers, errors=errors)
    hosts = {id: what for id, what in seen.things.items() if id.host}
    return told(model.spec, replace(seen, things=hosts, view=view))


@pytest.mark.parametrize("name", SPECS)
def test_where_no_host_can_be_reached_kafka_was_not_asked(name: str) -> None:
    model = made(name, as_it_is)
    for host in list(model.machines):
        model.unreachable(host)
    plan = make_plan(model.site, Seen(away=dict.fromkeys(model.spec.hosts, "down"))).plan
    unknown = {str(item.id) for item in plan.unread if not item.id.host}
    assert unknown == of_the_cluster(model) != set()
    assert (plan.in_sync, plan.complete) == (None, False)


@pytest.mark.parametrize("name", SPECS)
def test_another_cluster_that_answers_tells_nothing_of_this_one(name: str) -> None:
    model = made(name, nothing)
    why = "another cluster answers at these addresses: x"
    seen = replace(silent(model), unavailable=why, stranger=True)
    assert make_plan(model.site, seen).plan.in_sync is None


def test_every_kind_of_the_cluster_is_among_them() -> None:
    """A new kind cannot be forgotten: these tests have wanted something of each."""
    kinds = {kind.name for kind in KINDS.values() if kind.layer is Layer.CLUSTER}
    models = [ModelCluster(spec_of(name)) for name in (*SPECS, "migrated")]
    wanted = [desired(m.spec, m.site.places.values()) for m in models]
    assert {id.kind for states in wanted for id in states if not id.host} == kinds


def test_the_document_says_so_too() -> None:
    from provisioner.plan.model import Report

    plan: Plan = make_plan((model := made("lab", nothing)).site, silent(model)).plan
    report = Report("lab", plan=plan, complete=plan.complete, in_sync=plan.in_sync)
    found = document("drift", 3, [report])
    assert (found["in_sync"], found["complete"]) == (None, False)
    assert {entry["reason"] for entry in found["clusters"][0]["unknown"]} == {WHY}
