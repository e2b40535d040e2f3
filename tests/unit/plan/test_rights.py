"""What may not be read is unknown: nothing is made, moved or removed because of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.reassignments import ListReassignments
from provisioner.kinds.ids import placement_id, throttle_id, topic_id
from provisioner.plan.model import Plan
from provisioner.plan.rules import Seen
from provisioner.site.observe import told
from provisioner.site.planning import make_plan
from provisioner.site.verdicts import verdict
from tests.unit.plan.model_cluster import ModelCluster

DENIED = "CLUSTER_AUTHORIZATION_FAILED: needs DESCRIBE on the cluster"
ATU, PURCHASES = topic_id("atu"), topic_id("purchases")


def planned(model: ModelCluster, **less: Any) -> Plan:
    """The plan of a view with parts left out."""
    seen = model.observe()
    view = seen.view
    assert view is not None
    assert isinstance(view, ClusterView)
    things = {id: each for id, each in seen.things.items() if id.host}
    return make_plan(model.site, told(model.spec, Seen(things, replace(view, **less)))).plan


def unread(plan: Plan) -> dict[Any, str]:
    return {item.id: item.reason for item in plan.unread}


def test_a_topic_that_may_not_be_described_is_never_made() -> None:
    model = ModelCluster.made("lab")
    model.hidden = {"purchases"}
    plan = model.plan()
    assert unread(plan) == {
        PURCHASES: "TOPIC_AUTHORIZATION_FAILED: needs DESCRIBE on topic purchases"
    }
    assert not plan.changes
    model.delete_topic("purchases")
    model.hidden = set()
    assert [(c.action, c.id) for c in model.plan().changes] == [("create", PURCHASES)]


def test_nor_is_one_that_should_be_gone_taken_for_gone() -> None:
    model = ModelCluster.made("lab")
    model.spec = model.site.spec = replace(model.spec, absent_topics=("old",))
    model.topic("old", 1, 1, {})
    model.hidden = {"old"}
    assert topic_id("old") in unread(model.plan())


def test_nor_is_one_of_which_kafka_does_not_answer() -> None:
    model = ModelCluster.made("lab")
    model.delete_topic("purchases")
    model.unread = {"NamedTopics"}
    plan = model.plan()
    assert unread(plan) == {PURCHASES: "denied"}
    assert not plan.changes


def thinned() -> ModelCluster:
    model = ModelCluster.made("lab")
    model.topic("purchases", 3, 1, {"retention.ms": "604800000"})
    return model


def test_a_topic_whose_configuration_may_not_be_read_is_not_moved_nor_is_a_throttle_set() -> None:
    why = "TOPIC_AUTHORIZATION_FAILED: needs DESCRIBE_CONFIGS on topic purchases"
    plan = planned(thinned(), errors={"topic-purchases": why})
    assert unread(plan) == {PURCHASES: why}
    assert not plan.changes


def test_what_is_refused_needs_no_throttle() -> None:
    """Fewer partitions hold the move back, so that nothing would be limited by it."""
    model = thinned()
    model.topic("purchases", 5, 1, {"retention.ms": "604800000"})
    plan = model.plan()
    assert [item.id for item in plan.refused] == [PURCHASES]
    assert not plan.changes
    assert {placement_id("purchases"), throttle_id()} <= {item.id for item in plan.deferred}


@pytest.mark.parametrize("thin", [False, True])
def test_where_it_is_not_known_what_moves_no_throttle_is_set_or_removed(thin: bool) -> None:
    model = thinned() if thin else ModelCluster.made("lab")
    model.broker_config(1, {"leader.replication.throttled.rate": "1000"})
    answers = dict((model.view() or fail()).answers)
    answers.pop(ListReassignments())
    plan = planned(model, answers=answers, errors={"reassignments": DENIED})
    assert not plan.changes
    assert unread(plan) == {
        throttle_id(): DENIED,
        **{placement_id(name): DENIED for name in model.topics},
    }


def test_no_broker_is_stopped_while_a_topic_of_the_spec_may_not_be_seen() -> None:
    model = ModelCluster.made("lab")
    node = model.spec.node("broker-1")
    assert verdict(model.spec, [node], model.observe()).allowed
    model.hidden = {"purchases"}
    found = verdict(model.spec, [node], model.observe())
    assert not found.allowed
    assert found.reason == (
        "the replicas of topic purchases are not known: "
        "TOPIC_AUTHORIZATION_FAILED: needs DESCRIBE on topic purchases"
    )


def fail() -> ClusterView:
    raise AssertionError("nobody answers")


def test_nor_where_the_limits_of_a_broker_may_not_be_read() -> None:
    model = thinned()
    view = model.view()
    assert view is not None
    why = "CLUSTER_AUTHORIZATION_FAILED: needs DESCRIBE_CONFIGS on the cluster"
    some = {id: config for id, config in view.broker_configs.items() if id != 1}
    plan = planned(model, broker_configs=some, errors={"broker-1": why})
    assert unread(plan)[throttle_id()] == why
    assert not plan.changes
