"""Another version, then features: on the model, through all rounds of a run."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.features import RegisteredBrokers
from provisioner.kinds.registry import KINDS
from provisioner.plan.rules import Seen
from provisioner.site.observe import told
from provisioner.site.planning import make_plan
from provisioner.spec.types import Features
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run.model_run import Killed, converged, session

OLD = {"metadata.version": 21, "group.version": 0, "eligible.leader.replicas.version": 0}
NEW = {"metadata.version": 30, "group.version": 1, "eligible.leader.replicas.version": 1}
LEFTOVER = {"message.format.version": "3.0-IV1"}


def old() -> ModelCluster:
    """Three brokers and three controllers of 3.9, with an override that 4.x does not take."""
    model = ModelCluster.made("three")
    model.runs_version("3.9.2")
    model.finalize({**OLD, "share.version": 0, "streams.version": 0, "transaction.version": 0})
    model.topic_config("orders", dict(LEFTOVER))
    model.history.clear()
    return model


def test_in_one_run_the_leftover_goes_then_every_node_then_one_feature_after_another() -> None:
    model = old()
    results = converged(model, session(model))
    assert not results.failed
    steps = [f"{change.action} {change.id.name}" for change in results.applied]
    ordered = [s for s in steps if s.split()[1] in {*NEW, "orders"} or s.startswith("restart")]
    assert ordered[0] == "update orders"
    assert {step.split("-")[0] for step in ordered[1:4]} == {"restart controller"}
    assert {step.split("-")[0] for step in ordered[4:7]} == {"restart broker"}
    assert ordered[7] == "update metadata.version"
    assert set(ordered[8:]) == {f"update {name}" for name in NEW if name != "metadata.version"}
    assert {name: model.finalized[name] for name in NEW} == NEW
    assert model.plan().in_sync is True


@pytest.mark.parametrize("steps", range(0, 40, 3))
def test_killed_anywhere_the_next_run_goes_on_forward(steps: int) -> None:
    model = old()
    with contextlib.suppress(Killed):
        converged(model, session(model, steps))
    results = converged(model, session(model))
    assert not results.failed
    assert model.runs == {}
    assert {name: model.finalized[name] for name in NEW} == NEW
    assert model.plan().in_sync is True


def test_a_ghost_stops_it_before_the_first_restart() -> None:
    model = old()
    model.ghost(9)
    before = {p.node.name: p.pid for m in model.machines.values() for p in m.processes}
    results = converged(model, session(model))
    assert not results.failed
    after = {p.node.name: p.pid for m in model.machines.values() for p in m.processes}
    assert after == before
    refused = [item for item in model.plan().refused if KINDS[item.id.kind].name == "file"]
    assert [item.allow for item in refused] == [None]
    assert "broker 9 is registered" in refused[0].reason


@pytest.mark.parametrize("dead", [False, True])
def test_a_broker_that_is_to_go_is_in_nobodys_way_and_is_not_upgraded(dead: bool) -> None:
    model = ModelCluster.made("five")
    model.runs_version("3.9.2")
    model.finalize(dict.fromkeys(model.finalized, 0) | {"metadata.version": 21})
    model.broker_config(5, {"log.message.downconversion.enable": "true"})
    spec = model.spec
    gone = tuple(node for node in spec.nodes if node.name == "broker-5")
    stay = tuple(node for node in spec.nodes if node not in gone)
    model.becomes_spec(replace(spec, nodes=stay, leaving=gone, features=Features(latest=True)))
    if dead:
        model.kill("broker-5")
    model.history.clear()
    assert not [item.reason for item in model.plan().refused if item.id.kind == "file"]
    results = converged(model, session(model))
    assert not results.failed, results.failed
    steps = [f"{change.action} {change.id.name}" for change in results.applied]
    assert "restart broker-5" not in steps
    assert "restart broker-1" in steps
    assert ("stop broker-5" in steps) is not dead
    assert steps.index("delete 5") < steps.index("update metadata.version")
    assert 5 not in model.registered
    assert model.finalized["metadata.version"] == 30


def test_a_broker_that_is_started_with_the_new_version_is_no_surprise_to_features() -> None:
    """It is registered with what it supported when it went down."""
    model = ModelCluster.made("three")
    model.finalize({"metadata.version": 25})
    model.runs[3] = "4.0.2"
    model.kill("broker-3")
    (refused,) = [i for i in model.plan().refused if i.id.name == "metadata.version"]
    assert "Broker 3 only supports" in refused.reason
    results = converged(model, session(model))
    assert not results.failed
    assert model.runs == {}
    assert model.finalized["metadata.version"] == 30


def test_without_the_right_to_ask_who_is_registered_no_file_is_changed() -> None:
    model = old()
    known = model.observe()
    assert isinstance(known.view, ClusterView)
    things = {id: each for id, each in known.things.items() if id.host}
    why = "TOPIC_AUTHORIZATION_FAILED: needs CREATE on topic"
    errors = {**known.view.errors, "registered brokers": why}
    answers = {a: v for a, v in known.view.answers.items() if not isinstance(a, RegisteredBrokers)}
    view = replace(known.view, errors=errors, answers=answers)
    plan = make_plan(model.site, told(model.spec, Seen(things, view))).plan
    assert not [change for change in plan.changes if change.id.kind in ("file", "service")]
    assert [item for item in plan.deferred if why in item.reason and item.id.kind == "file"]


def test_the_minimum_stays_what_it_was_with_eligible_leader_replicas() -> None:
    model = ModelCluster.made("three")
    model.finalize({"eligible.leader.replicas.version": 0})
    for broker in (1, 2, 3):
        model.broker_config(broker, {"min.insync.replicas": "2"})
    results = converged(model, session(model))
    assert not results.failed
    assert model.finalized["eligible.leader.replicas.version"] == 1
    assert model.wide["min.insync.replicas"] == "2", "the effective one of every broker before"
    assert all("min.insync.replicas" not in values for values in model.dynamic.values())


def test_it_is_lowered_where_that_is_allowed_and_kafka_does_it() -> None:
    model = ModelCluster.made("lowered")
    assert model.finalized["metadata.version"] == 30
    model.finalize({"metadata.version": 29})
    model.site.options = replace(model.site.options, allow={"lower-feature": frozenset({""})})
    results = converged(model, session(model))
    assert [(c.before, c.after) for c in results.applied] == [({"level": 29}, {"level": 25})]
    assert model.finalized["metadata.version"] == 25


def test_a_lower_version_waits_for_the_feature_that_is_lowered_first() -> None:
    model = ModelCluster.made("back")
    model.runs_version("4.2.2")
    model.finalize({"metadata.version": 29, "streams.version": 0, "share.version": 0})
    (refused,) = [item for item in model.plan().refused if item.id.host]
    assert "lower it before" in refused.reason
    assert refused.allow is None
    model.site.options = replace(model.site.options, allow={"lower-feature": frozenset({""})})
    results = converged(model, session(model))
    assert not results.failed
    names = [change.id.name for change in results.applied]
    assert names[0] == "metadata.version"
    assert names[-1] == "broker-0"
    assert model.runs == {}
    assert model.plan().in_sync is True
