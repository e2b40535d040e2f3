"""Preferred leaders: who is elected, in which lists, and when Kafka is left to do it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.kafka.port import BrokerView, ClusterView, PartitionView, TopicView
from provisioner.kafka.requests.leaders import ElectPreferredLeaders, in_lists, not_preferred
from provisioner.kinds.leader.kind import KIND, interval, leader_id, never_by_kafka, steps
from provisioner.plan.model import Call, Change, State
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import ModelCluster, spec_of


def view(*partitions: PartitionView, fenced: int | None = None) -> ClusterView:
    brokers = tuple(BrokerView(id, "h", 9092, fenced=id == fenced) for id in (0, 1, 2))
    return ClusterView("c", 0, brokers, (TopicView("t", False, partitions),))


@pytest.mark.parametrize(
    ("partition", "elected"),
    [
        (PartitionView(0, 1, (0, 1), (0, 1)), True),
        (PartitionView(0, 0, (0, 1), (0, 1)), False),
        (PartitionView(0, None, (0, 1), (0, 1)), True),
        # a replica that is behind: it, or what it lags for, needs the leader more
        (PartitionView(0, 1, (0, 1, 2), (0, 1)), False),
        (PartitionView(0, 1, (0, 1, 2), (1, 2)), False),
        (PartitionView(0, None, (), ()), False),
        # the preferred leader is fenced
        (PartitionView(0, 1, (2, 1), (2, 1)), False),
    ],
)
def test_only_where_every_replica_is_in_sync(partition: PartitionView, elected: bool) -> None:
    found = list(not_preferred(view(partition, fenced=2)))
    assert found == ([("t", 0, partition.replicas[0])] if elected else [])


def test_lists_of_a_thousand() -> None:
    change = Change(
        leader_id("t"), "update", {"not_preferred": tuple(range(2100))}, {"not_preferred": ()}
    )
    calls = [step.request for step in steps(change, State({})) if isinstance(step, Call)]
    assert [len(request.partitions) for request in calls] == [1000, 1000, 100]
    assert list(in_lists([])) == []


def test_the_message() -> None:
    (message,) = ElectPreferredLeaders((("a", 0), ("a", 2), ("b", 1))).messages
    assert message.fields["topic_partitions"] == [
        {"topic": "a", "partitions": [0, 2]},
        {"topic": "b", "partitions": [1]},
    ]


def with_config(spec: Spec, **config: str) -> Spec:
    keys = {key.replace("_", "."): value for key, value in config.items()}
    nodes = tuple(replace(node, config={**node.config, **keys}) for node in spec.nodes)
    return replace(spec, nodes=nodes)


@pytest.mark.parametrize("name", ["lab", "three"])
def test_what_kafka_does_by_itself(name: str) -> None:
    spec = spec_of(name)
    assert (never_by_kafka(spec), interval(spec)) == (False, 300)
    longer = with_config(spec, leader_imbalance_check_interval_seconds="900")
    assert interval(longer) == 900
    assert never_by_kafka(with_config(spec, auto_leader_rebalance_enable="false"))


def test_where_kafka_never_does_it_the_age_does_not_matter() -> None:
    model = ModelCluster.made("lab")
    model.leads("purchases", 0, 1)
    model.runs_for("broker-0", 1)
    assert model.plan().in_sync is True
    spec = with_config(model.spec, auto_leader_rebalance_enable="false")
    states = KIND.of_cluster(spec)
    observed = model.observe().things
    resolved = KIND.resolve(spec, states, states, observed)
    id = leader_id("purchases")
    _, change = KIND.judge(id, resolved[id], observed[id], ())
    assert isinstance(change, Change)
    assert change.before == {"not_preferred": (0,)}


def test_a_broker_whose_age_is_not_known_is_left_to_kafka() -> None:
    model = ModelCluster.made("lab")
    model.leads("purchases", 0, 1)
    states = KIND.of_cluster(model.spec)
    resolved = KIND.resolve(model.spec, states, states, {})
    id = leader_id("purchases")
    assert KIND.judge(id, resolved[id], model.observe().things[id], ()) == (True, None)
