"""``hold`` on a node of the spec: it is not started, not restarted, and gets no new replicas."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.errors import ProvisionError
from provisioner.plan.model import Change, Plan
from provisioner.run.processes import without_spec_hold
from provisioner.site.holds import left_alone
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run.model_run import converged, session

WHY = "disk swap"


def holding(spec: Spec, *names: str) -> Spec:
    nodes = (replace(n, hold=WHY if n.name in names else "") for n in spec.nodes)
    return replace(spec, nodes=tuple(nodes))


def become(model: ModelCluster, spec: Spec) -> ModelCluster:
    """The same cluster under another spec."""
    model.spec = model.site.spec = spec
    places = model.site.places.items()
    model.site.places = {name: replace(p, nodes=spec.on(name)) for name, p in places}
    return model


def held(model: ModelCluster, *names: str) -> ModelCluster:
    """The same cluster, once its spec holds these nodes and no others."""
    return become(model, holding(model.spec, *names))


def of_atu(model: ModelCluster, partitions: int) -> ModelCluster:
    """The spec has one topic, with so many partitions of one replica."""
    topics = [replace(t, partitions=partitions) for t in model.spec.topics if t.name == "atu"]
    return become(model, replace(model.spec, topics=tuple(topics)))


def named(changes: tuple[Change, ...] | list[Change]) -> list[str]:
    return [f"{c.action} {c.id.name}" for c in changes if c.id.kind == "service"]


def refused(plan: Plan) -> dict[str, str]:
    return {item.id.name: item.reason for item in plan.refused}


def applied(model: ModelCluster) -> list[str]:
    results = converged(model, session(model))
    assert not results.failed
    return named(results.applied)


def test_a_node_that_is_down_stays_down() -> None:
    model = held(ModelCluster.made("lab"), "broker-1")
    model.kill("broker-1")
    assert applied(model) == ["update broker-1"]
    plan = model.plan()
    assert named(plan.changes) == []
    assert refused(plan) == {"broker-1": f"it is held: {WHY} (hold in the spec, for 1 d)"}


def test_a_node_that_runs_is_not_restarted() -> None:
    model = held(ModelCluster.made("lab"), "broker-1")
    for node in model.spec.brokers:
        model.edit(node.properties, {"num.partitions": "9"})
        model.bounce(node.name)
    assert sorted(applied(model)) == ["restart broker-0", "restart broker-2", "update broker-1"]
    assert "broker-1" in refused(model.plan())


def test_one_that_is_as_it_should_be_is_in_sync_and_is_named_all_the_same() -> None:
    model = held(ModelCluster.made("lab"), "broker-1")
    assert applied(model) == ["update broker-1"]
    planned = model.planned()
    assert planned.plan.in_sync is True
    said = list(left_alone(model.site, planned))
    assert said == [f"broker-1 is held by the spec for 1 d: {WHY}"]


def test_out_of_the_spec_it_is_started_again() -> None:
    model = held(ModelCluster.made("lab"), "broker-1")
    model.kill("broker-1")
    applied(model)
    held(model)
    assert applied(model) == ["update broker-1", "start broker-1"]
    assert model.plan().in_sync is True


def test_it_is_started_before_anything_is_waited_for() -> None:
    """As long as it is down its replicas are not in sync, and the wait would be for nothing."""
    model = held(ModelCluster.made("lab"), "broker-1")
    model.kill("broker-1")
    applied(model)
    held(model)
    up: list[bool] = []
    results = converged(model, session(model), waits=lambda *_: up.append(1 in model.alive()))
    assert named(results.applied) == ["update broker-1", "start broker-1"]
    assert up
    assert all(up)


def test_what_stop_holds_the_spec_does_not_release() -> None:
    model = ModelCluster.made("lab")
    model.kill("broker-1")
    model.hold("by hand")
    assert applied(model) == []
    why = "it is held: by hand (provision start ends the hold)"
    assert refused(model.plan()) == {"broker-1": why}


def test_a_new_cluster_does_without_the_node() -> None:
    """Topics for which the others suffice are on them."""
    model = held(ModelCluster(ModelCluster.made("lab").spec), "broker-1")
    done = applied(model)
    assert "start broker-0" in done
    assert "start broker-1" not in done
    assert (
        refused(model.plan())["purchases"]
        == "it needs 3 brokers, and 2 are neither held nor cordoned"
    )
    assert all(1 not in replicas for replicas in model.topics["atu"].replicas)


def test_new_topics_are_on_the_other_brokers() -> None:
    model = of_atu(held(ModelCluster.made("lab"), "broker-1"), 4)
    model.delete_topic("atu")
    applied(model)
    assert model.topics["atu"].replicas == [[0], [2], [0], [2]]


def test_new_partitions_are_on_the_other_brokers() -> None:
    model = of_atu(held(ModelCluster.made("lab"), "broker-0"), 3)
    (first,) = model.topics["atu"].replicas
    applied(model)
    assert model.topics["atu"].replicas == [first, [2], [1]]


def test_start_and_restart_leave_it_alone() -> None:
    spec = holding(ModelCluster.made("lab").spec, "broker-1")
    said: list[str] = []
    kept = without_spec_hold(spec.brokers, said.append, named=False)
    assert [node.name for node in kept] == ["broker-0", "broker-2"]
    assert said == [f"  broker-1 is left alone: it is held: {WHY} (hold in the spec)"]
    with pytest.raises(ProvisionError, match=f"broker-1 is held by the spec: {WHY}"):
        without_spec_hold(spec.brokers, said.append, named=True)
