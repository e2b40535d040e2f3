"""A look at a cluster is a fixed handful of requests, and one more for each chunk of topics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.kafka.dialing import Deadline
from provisioner.kafka.messages import Versions
from provisioner.kafka.port import Address, ClusterView
from provisioner.kafka.requests.reassignments import ListReassignments
from provisioner.kafka.requests.sizes import Sizes
from provisioner.kafka.survey import Survey
from provisioner.kafka.wire import Pool

HOME = ("b1", 9092)
NONE = SimpleNamespace(error_code=0, error_message=None, topics=[], results=[])


class Recorded:
    """A pool on three brokers of a KRaft cluster with so many topics of six partitions."""

    def __init__(self, topics: int):
        self.topics = topics
        self.rounds: list[Address] = []
        self.requests: list[str] = []

    def versions(self, address: Address, deadline: Deadline) -> Versions:
        return Versions({55: (0, 2)})

    def ask(
        self, address: Address, requests: Sequence[Any], deadline: Deadline, **more: Any
    ) -> list[Any]:
        self.rounds.append(address)
        self.requests += [type(request).__name__ for request in requests]
        return [self.answer(request) for request in requests]

    def side_by_side(
        self, jobs: Mapping[Any, Callable[[], Any]], deadline: Deadline
    ) -> dict[Any, Any]:
        return {key: job() for key, job in jobs.items()}

    def answer(self, request: Any) -> Any:
        told = getattr(self, f"told_{type(request).__name__}", None)
        return told(request) if told else NONE

    def told_MetadataRequest(self, request: Any) -> Any:
        partitions = [
            SimpleNamespace(
                partition_index=number,
                leader_id=1,
                replica_nodes=[1, 2],
                isr_nodes=[1, 2],
                offline_replicas=[],
            )
            for number in range(6)
        ]
        return SimpleNamespace(
            cluster_id="id",
            brokers=[
                SimpleNamespace(node_id=id, host=f"b{id}", port=9092, rack=None) for id in (1, 2, 3)
            ],
            topics=[
                SimpleNamespace(
                    error_code=0,
                    name=f"t-{number}",
                    is_internal=False,
                    topic_id=None,
                    partitions=partitions,
                )
                for number in range(self.topics)
            ],
        )

    def told_DescribeClusterRequest(self, request: Any) -> Any:
        return SimpleNamespace(brokers=[])

    def told_DescribeConfigsRequest(self, request: Any) -> Any:
        entry = SimpleNamespace(
            name="retention.ms",
            value="1",
            config_source=1,
            read_only=False,
            is_sensitive=False,
            synonyms=None,
        )
        results = [
            SimpleNamespace(error_code=0, resource_name=each.resource_name, configs=[entry])
            for each in request.resources
        ]
        return SimpleNamespace(results=results)

    def told_DescribeLogDirsRequest(self, request: Any) -> Any:
        whole = {"error_code": 0, "total_bytes": 9, "usable_bytes": 5, "topics": []}
        return SimpleNamespace(error_code=0, results=[SimpleNamespace(log_dir="/data", **whole)])

    def told_DescribeQuorumRequest(self, request: Any) -> Any:
        part = SimpleNamespace(
            error_code=0, leader_id=100, high_watermark=1, current_voters=[], observers=[]
        )
        return SimpleNamespace(error_code=0, topics=[SimpleNamespace(partitions=[part])])


def looked(topics: int) -> tuple[Recorded, ClusterView]:
    pool = Recorded(topics)
    view = Survey(cast(Pool, pool), HOME, Deadline(5)).everything(False, [ListReassignments()])
    assert len(view.topics) == topics
    assert all(topic.config == {"retention.ms": "1"} for topic in view.topics)
    assert not view.errors
    return pool, view


@pytest.mark.parametrize(("topics", "chunks"), [(10, 1), (500, 1), (600, 2), (1200, 3)])
def test_requests_grow_by_chunks(topics: int, chunks: int) -> None:
    pool, _ = looked(topics)
    assert sorted(pool.requests) == sorted(
        ["MetadataRequest", "DescribeClusterRequest", "DescribeQuorumRequest"]
        + ["DescribeConfigsRequest"]  # what is cluster-wide
        + 3 * ["DescribeConfigsRequest", "DescribeLogDirsRequest"]  # each broker of itself
        + ["ListPartitionReassignmentsRequest"]
        + chunks * ["DescribeConfigsRequest"]
    )


def test_before_a_stop_no_broker_is_asked_about_itself() -> None:
    pool = Recorded(600)
    view = Survey(cast(Pool, pool), HOME, Deadline(5)).everything(False, of_brokers=False)
    assert len(view.topics) == 600
    assert pool.rounds == [HOME, HOME]
    assert sorted(pool.requests) == sorted(
        ["MetadataRequest", "DescribeClusterRequest", "DescribeQuorumRequest"]
        + 3 * ["DescribeConfigsRequest"]  # what is cluster-wide, and two chunks of topics
    )


def test_of_other_topics_than_those_awaited_the_configuration_is_not_asked() -> None:
    pool = Recorded(1200)
    seen = Survey(cast(Pool, pool), HOME, Deadline(5))
    view = seen.everything(False, [ListReassignments()], of_topics={"t-7", "t-900"})
    assert [t.name for t in view.topics if t.config] == ["t-7", "t-900"]
    assert pool.requests.count("DescribeConfigsRequest") == 1 + 3 + 1


def test_sizes_are_asked_without_any_configuration() -> None:
    pool = Recorded(10)
    seen = Survey(cast(Pool, pool), HOME, Deadline(5))
    view = seen.liveness(lambda view: [Sizes(2, (("t-1", 0),))])
    assert len(view.answers) == 1
    assert sorted(pool.requests) == sorted(
        [
            "MetadataRequest",
            "DescribeClusterRequest",
            "DescribeQuorumRequest",
            "DescribeLogDirsRequest",
        ]
    )


def test_waits_for_answers_do_not_grow_at_all() -> None:
    """One to the broker at hand, then one to each."""
    for topics in (10, 1200):
        assert sorted(looked(topics)[0].rounds) == sorted([HOME, HOME, ("b2", 9092), ("b3", 9092)])


class Moving(Recorded):
    """Partition 0 of the one topic goes from broker 1 to 3: while it does, and when it has."""

    def __init__(self, replicas: Sequence[Sequence[int]], removing: Sequence[int] | None):
        super().__init__(1)
        self.replicas, self.removing = list(replicas), removing

    def told_MetadataRequest(self, request: Any) -> Any:
        answer = super().told_MetadataRequest(request)
        first, *rest = answer.topics[0].partitions
        moved = SimpleNamespace(**{**vars(first), "replica_nodes": self.replicas.pop(0)})
        answer.topics[0].partitions = [moved, *rest]
        return answer

    def told_ListPartitionReassignmentsRequest(self, request: Any) -> Any:
        lists = {"replicas": [1, 2, 3], "adding_replicas": [3], "removing_replicas": self.removing}
        move = SimpleNamespace(partition_index=0, **lists)
        none = self.removing is None
        topics = [] if none else [SimpleNamespace(name="t-0", partitions=[move])]
        return SimpleNamespace(error_code=0, error_message=None, topics=topics)


@pytest.mark.parametrize(
    ("replicas", "removing", "seen"),
    [
        pytest.param([[1, 2, 3], [1, 2, 3]], [1], ((1, 2), (3,), 1), id="it goes on"),
        pytest.param([[1, 2, 3], [1, 2, 3]], [], ((1, 2), (3,), 1), id="one more goes on"),
        pytest.param([[1, 2, 3], [2, 3]], [1], ((2, 3), (), 0), id="it ended after it was listed"),
        pytest.param([[1, 2, 3], [2, 3]], None, ((2, 3), (), 0), id="it ended before"),
    ],
)
def test_a_move_that_ends_while_kafka_is_looked_at_is_told_whole(
    replicas: Sequence[Sequence[int]],
    removing: Sequence[int] | None,
    seen: tuple[Any, Any, int],
) -> None:
    """Its old replicas and its new ones are never taken for what somebody wanted."""
    pool = Moving(replicas, removing)
    view = Survey(cast(Pool, pool), HOME, Deadline(5)).everything(True, [ListReassignments()])
    partition = view.topics[0].partitions[0]
    moves = view.answers[ListReassignments()]
    assert (partition.replicas, partition.adding, len(moves)) == seen
