"""``topics_scope``: several specs, one cluster, and each speaks of its own topics only."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.plan.model import Plan
from provisioner.spec.types import Topic
from tests.unit.plan.model_cluster import ModelCluster

NAMES = st.sampled_from(
    ["team-a.orders", "team-b.orders", "team-a.", "team-ab.x", "shared", "TEAM-A.x"]
)
VALUES = st.tuples(st.integers(1, 3), st.sampled_from([{}, {"retention.ms": "1"}]))


def seen_by(model: ModelCluster, scope: tuple[str, ...], *topics: Topic, **policy: str) -> Plan:
    spec = model.site.spec
    model.site.spec = replace(
        spec, topics=topics, topics_scope=scope, policy=replace(spec.policy, **policy)
    )
    try:
        return model.plan()
    finally:
        model.site.spec = spec


def topics_in(plan: Plan) -> set[str]:
    """Every topic that a plan speaks of."""
    lists = (plan.changes, plan.deferred, plan.refused, plan.unread, plan.unmanaged)
    return {item.id.name for items in lists for item in items if item.id.kind == "topic"}


@given(st.dictionaries(NAMES, VALUES))
def test_two_specs_with_disjoint_scopes_never_speak_of_each_others_topics(
    there: dict[str, tuple[int, dict[str, str]]],
) -> None:
    model = ModelCluster.made("lab")
    for name, (partitions, config) in there.items():
        model.topic(name, partitions, 1, config)
    ours = topics_in(seen_by(model, ("team-a.*",), Topic("team-a.orders", 2, 1)))
    theirs = topics_in(seen_by(model, ("team-b.*",), Topic("team-b.orders", 2, 1)))
    assert all(name.startswith("team-a.") for name in ours)
    assert all(name.startswith("team-b.") for name in theirs)
    assert {
        name for name in there if name.startswith("team-a.") and name != "team-a.orders"
    } <= ours


@pytest.mark.parametrize("what", ["unmanaged_topics", "unmanaged_config"])
def test_without_topics_in_the_spec_none_is_spoken_of(what: str) -> None:
    model = ModelCluster.made("lab")
    model.topic("scratch", 1, 1, {"retention.ms": "1"})
    assert topics_in(seen_by(model, ("*",)))
    assert topics_in(seen_by(model, ())) == set()
    assert topics_in(seen_by(model, (), **{what: "delete"})) == set()
