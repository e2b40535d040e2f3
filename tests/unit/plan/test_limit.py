"""``--limit``: what is changed and judged is of some hosts; what is read is of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.plan.model import Id, Plan
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.plan.test_properties import DEEDS, Deed, after

SPECS = ("three", "ensemble")
HOSTS = ("h1", "h2", "h3")


def limited(model: ModelCluster, hosts: Iterable[str]) -> Plan:
    model.site.options = replace(model.site.options, limit=frozenset(hosts))
    try:
        return model.plan()
    finally:
        model.site.options = replace(model.site.options, limit=None)


def told(plan: Plan, hosts: Iterable[str] | None = None) -> set[tuple[str, str, str]]:
    """Everything that a plan says of these hosts, or of all and of the cluster."""
    found = {("change", str(c.id), c.action) for c in plan.changes if of(c.id, hosts)}
    for name in ("deferred", "refused", "unread", "unmanaged"):
        found |= {
            (name, str(item.id), getattr(item, "reason", ""))
            for item in getattr(plan, name)
            if of(item.id, hosts)
        }
    return found


def of(id: Id, hosts: Iterable[str] | None) -> bool:
    return hosts is None or id.host in hosts


def drifted(name: str) -> ModelCluster:
    """Something of each sort on each host, and of the cluster."""
    model = ModelCluster.made(name)
    for host in HOSTS:
        number = int(host[1:])
        model.edit(f"{host}:config/server-{number}.properties", {"num.io.threads": "9"})
        model.bounce(f"broker-{number}")
        model.unreadable("directory", f"{host}:logs", "permission denied")
        model.other(host, "4242\t1\t0\t/x/server.properties\tkafka.Kafka\tjava\tno")
    model.topic("orders", 1, 3, {"min.insync.replicas": "2"})
    model.topic("scratch", 1, 1, {})
    return model


@pytest.mark.parametrize("hosts", [("h1",), ("h2", "h3"), HOSTS])
@pytest.mark.parametrize("name", SPECS)
def test_the_plan_of_some_hosts_is_that_part_of_the_plan(name: str, hosts: tuple[str, ...]) -> None:
    model = drifted(name)
    whole, part = model.plan(), limited(model, hosts)
    assert told(part) == told(whole, hosts) != set()
    assert {item.id.host for item in whole.changes} == {"", *HOSTS}
    assert {item.id.host for item in part.unread} == set(hosts)
    assert {item.id.host for item in part.unmanaged} == set(hosts)


@settings(max_examples=25)
@given(st.lists(st.sampled_from(DEEDS["three"]), max_size=5), st.sets(st.sampled_from(HOSTS)))
def test_whatever_was_done(history: list[Deed], hosts: set[str]) -> None:
    model = after(("three", history))
    assert told(limited(model, hosts)) == told(model.plan(), hosts)


def test_waves_are_numbered_from_one_and_keep_their_order() -> None:
    model = drifted("three")
    part = limited(model, ["h2"])
    assert [wave.number for wave in part.waves] == list(range(1, len(part.waves) + 1))
    order = [c.id for c in model.plan().changes if c.id.host == "h2"]
    assert [c.id for c in part.changes] == order


def test_a_cluster_whose_other_hosts_differ_is_in_sync_on_this_one() -> None:
    model = ModelCluster.made("three")
    model.kill("broker-2")
    model.delete_topic("orders")
    assert model.plan().in_sync is False
    assert limited(model, ["h1"]).in_sync is True
    assert limited(model, ["h2"]).in_sync is False


def test_what_others_have_holds_back_all_the_same() -> None:
    """Kafka is asked of the whole cluster, whatever is changed of it."""
    model = ModelCluster.made("three")
    model.topic("alone", 3, 1, {})
    model.kill("broker-2")
    model.wipe("h2:logs-2")
    model.forget("h2:logs-2")
    (refused,) = [r for r in limited(model, ["h2"]).refused if r.id.kind == "storage"]
    assert refused.allow == "data-loss"


def test_an_unreachable_host_outside_the_limit_is_not_missed() -> None:
    model = ModelCluster.made("three")
    model.unreachable("h3")
    assert limited(model, ["h1"]).in_sync is True
    assert limited(model, ["h3"]).in_sync is None
    assert {item.id.host for item in limited(model, ["h3"]).unread} == {"h3"}
