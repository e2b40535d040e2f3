"""Partitions that a restart takes offline: named in the plan, refused where the policy says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.plan.model import Change
from tests.unit.plan.model_cluster import ModelCluster, spec_of

ONE_COPY = {"orders-0", "orders-1", "orders-2"}


def to_restart(policy: str) -> ModelCluster:
    """Every broker runs with another value, and ``orders`` has one replica of each partition."""
    spec = spec_of("lab")
    model = ModelCluster(replace(spec, policy=replace(spec.policy, offline_partitions=policy)))
    model.apply()
    model.topic("orders", 3, 1, {})
    for node in model.spec.brokers:
        model.edit(node.properties, {"queued.max.requests": "9"})
        model.bounce(node.name)
    return model


def restarts(model: ModelCluster) -> list[Change]:
    return [change for change in model.plan().changes if change.action == "restart"]


def of_orders(change: Change) -> set[str]:
    return {name for name in change.offline if name.startswith("orders-")}


def test_they_are_named_with_the_restart_of_their_broker() -> None:
    found = restarts(to_restart("allow"))
    assert [change.effect for change in found] == ["offline"] * 3
    assert set().union(*map(of_orders, found)) == ONE_COPY
    assert all(len(of_orders(change)) == 1 for change in found)


def test_the_policy_refuses_them_and_a_word_allows_them() -> None:
    model = to_restart("refuse")
    refused = model.plan().refused
    assert [item.allow for item in refused] == ["offline"] * 3
    assert all("orders-" in item.reason for item in refused)
    assert not restarts(model)
    model.site.options = replace(model.site.options, allow={"offline": frozenset()})
    assert [change.effect for change in restarts(model)] == ["offline"] * 3
    assert not model.plan().refused


@pytest.mark.parametrize("policy", ["allow", "refuse"])
def test_a_broker_whose_partitions_have_other_replicas_is_restarted_without_a_word(
    policy: str,
) -> None:
    model = to_restart(policy)
    for name in ("orders", "atu"):
        model.delete_topic(name)
    assert [change.offline for change in restarts(model)] == [()] * 3
    assert not model.plan().refused
