"""Kafka's answers → the port's values, with the library's own messages as data."""

from __future__ import annotations

import base64
import uuid
from typing import Any

from kafka.protocol.admin import (
    DescribeClusterResponse,
    DescribeConfigsResponse,
    DescribeLogDirsResponse,
    DescribeQuorumResponse,
)
from kafka.protocol.metadata import MetadataResponse

from provisioner.kafka import reading
from provisioner.kafka.port import (
    DEFAULT,
    DYNAMIC_BROKER,
    DYNAMIC_DEFAULT,
    DYNAMIC_TOPIC,
    STATIC,
    BrokerView,
    ClusterView,
    ConfigEntry,
    DiskView,
    LogDirView,
    PartitionView,
    QuorumView,
    TopicView,
)
from provisioner.kafka.requests.reassignments import Moving

Broker = MetadataResponse.MetadataResponseBroker
Topic = MetadataResponse.MetadataResponseTopic
Partition = Topic.MetadataResponsePartition
ID = uuid.UUID(int=7)


def partition(id: int, leader: int, replicas: list[int], isr: list[int], **more: Any) -> Any:
    return Partition(
        version=12,
        partition_index=id,
        leader_id=leader,
        replica_nodes=replicas,
        isr_nodes=isr,
        **more,
    )


def topic(name: str, *partitions: Any, error: int = 0, internal: bool = False) -> Any:
    return Topic(
        version=12,
        error_code=error,
        name=name,
        topic_id=ID,
        is_internal=internal,
        partitions=list(partitions),
    )


def metadata(brokers: list[Any] = [], topics: list[Any] = []) -> Any:  # noqa: B006
    return MetadataResponse(version=12, brokers=brokers, topics=topics, cluster_id="c")


def test_brokers_come_by_id_with_those_that_are_fenced() -> None:
    alive = [
        Broker(version=12, node_id=2, host="h2", port=9094, rack="r"),
        Broker(version=12, node_id=0, host="h0", port=9092),
    ]
    of = DescribeClusterResponse.DescribeClusterBroker
    registered = DescribeClusterResponse(
        version=2,
        brokers=[
            of(version=2, broker_id=1, host="h1", port=9093, is_fenced=True),
            of(version=2, broker_id=2, host="h2", port=9094, is_fenced=False),
        ],
    )
    known = (BrokerView(0, "h0", 9092), BrokerView(2, "h2", 9094, "r"))
    assert reading.brokers(metadata(alive), None) == known
    assert reading.brokers(metadata(alive), registered) == (
        known[0],
        BrokerView(1, "h1", 9093, fenced=True),
        known[1],
    )


def test_topics_come_by_name_with_partitions_by_id() -> None:
    errors: dict[str, str] = {}
    found = reading.topics(
        metadata(
            topics=[
                topic("b", partition(1, -1, [1, 2], [2], offline_replicas=[1]), internal=True),
                topic("a", partition(1, 0, [0], [0]), partition(0, 1, [1, 0], [0, 1])),
            ]
        ),
        errors,
    )
    assert found == (
        TopicView(
            "a",
            False,
            (PartitionView(0, 1, (1, 0), (0, 1)), PartitionView(1, 0, (0,), (0,))),
            id=str(ID),
        ),
        TopicView("b", True, (PartitionView(1, None, (1, 2), (2,), (1,)),), id=str(ID)),
    )
    assert errors == {}


def test_a_topic_that_cannot_be_read_is_an_error_not_absent() -> None:
    errors: dict[str, str] = {}
    assert reading.topics(metadata(topics=[topic("secret", error=29)]), errors) == ()
    assert errors == {"topic-secret": "TOPIC_AUTHORIZATION_FAILED: needs DESCRIBE on topic secret"}


Result = DescribeConfigsResponse.DescribeConfigsResult
Entry = Result.DescribeConfigsResourceResult
Synonym = Entry.DescribeConfigsSynonym


def entry(name: str, value: str | None, source: int, *layers: tuple[int, str], **more: Any) -> Any:
    synonyms = [Synonym(version=4, name=name, value=v, source=s) for s, v in layers]
    more = {"read_only": False, "is_sensitive": False} | more
    return Entry(version=4, name=name, value=value, config_source=source, synonyms=synonyms, **more)


def configs(*results: Any) -> Any:
    return DescribeConfigsResponse(version=4, results=list(results))


def result(resource: str, *entries: Any, error: int = 0, message: str | None = None) -> Any:
    return Result(
        version=4,
        error_code=error,
        error_message=message,
        resource_type=4,
        resource_name=resource,
        configs=list(entries),
    )


def test_every_layer_of_a_value_is_kept_in_its_order() -> None:
    found = reading.config_entry(entry("k", "3", 2, (2, "3"), (3, "2"), (4, "1"), (5, "0")))
    assert found == ConfigEntry(
        "3",
        DYNAMIC_BROKER,
        False,
        False,
        ((DYNAMIC_BROKER, "3"), (DYNAMIC_DEFAULT, "2"), (STATIC, "1"), (DEFAULT, "0")),
    )
    assert found.layer(STATIC) == "1"


def test_a_source_that_is_not_known_is_told_as_it_is() -> None:
    assert reading.config_entry(entry("k", "3", 42)).source == "source-42"


def test_a_sensitive_value_is_dropped_even_if_it_came() -> None:
    found = reading.config_entry(entry("p", "hunter2", 4, (4, "hunter2"), is_sensitive=True))
    assert "hunter2" not in repr(found)
    assert found.sensitive


def test_resources_that_are_refused_are_errors() -> None:
    errors: dict[str, str] = {}
    answer = configs(
        result("0", entry("k", "v", 4)),
        result("1", error=42, message="Unexpected broker id"),
        result("2", error=31),
    )
    assert set(reading.configs(answer, "broker-", errors)) == {"0"}
    assert errors == {
        "broker-1": "INVALID_REQUEST: Unexpected broker id",
        "broker-2": "CLUSTER_AUTHORIZATION_FAILED: needs DESCRIBE_CONFIGS on the cluster",
    }


def test_a_topic_has_its_own_overrides_and_the_effective_minimum() -> None:
    found = {
        "retention.ms": ConfigEntry("5", DYNAMIC_TOPIC, False, False),
        "min.insync.replicas": ConfigEntry("2", DYNAMIC_DEFAULT, False, False),
        "cleanup.policy": ConfigEntry("delete", DEFAULT, False, False),
        "segment.ms": ConfigEntry("9", STATIC, False, False),
    }
    seen = reading.with_config(TopicView("a", False, ()), found)
    assert seen.config == {"retention.ms": "5"}
    assert seen.min_isr == 2
    assert reading.with_config(TopicView("a", False, ()), {}).min_isr is None


Data = DescribeQuorumResponse.TopicData
Part = Data.PartitionData
State = Part.ReplicaState


def quorum(error: int = 0, **part: Any) -> Any:
    partitions = [Part(version=2, partition_index=0, **part)] if part else []
    data = [Data(version=2, topic_name="__cluster_metadata", partitions=partitions)]
    return DescribeQuorumResponse(version=2, error_code=error, topics=data, nodes=[])


def state(id: int, end: int, directory: uuid.UUID | None = None) -> Any:
    return State(
        version=2,
        replica_id=id,
        replica_directory_id=directory or uuid.UUID(int=0),
        log_end_offset=end,
    )


def test_voters_have_their_distance_to_the_leader() -> None:
    answer = quorum(
        error_code=0,
        leader_id=101,
        high_watermark=90,
        current_voters=[state(102, 95), state(101, 100), state(100, -1)],
        observers=[state(2, 99), state(1, 100)],
    )
    errors: dict[str, str] = {}
    found = reading.quorum(answer, errors)
    assert found == QuorumView(
        leader=101,
        voters={100: 101, 101: 0, 102: 5},
        observers=frozenset({(1, ""), (2, "")}),
        directories={100: "", 101: "", 102: ""},
        reading={(1, ""): 0, (2, ""): 1},
    )
    assert not found.dynamic
    assert errors == {}


def test_voters_with_directories_are_a_dynamic_quorum() -> None:
    answer = quorum(
        error_code=0,
        leader_id=-1,
        high_watermark=90,
        current_voters=[state(100, 90, ID)],
        observers=[state(101, 90, uuid.UUID(bytes=bytes(range(1, 17))))],
    )
    found = reading.quorum(answer, {})
    written = base64.urlsafe_b64encode(ID.bytes).decode().rstrip("=")
    assert found == QuorumView(
        leader=None,
        voters={100: 0},
        observers=frozenset({(101, "AQIDBAUGBwgJCgsMDQ4PEA")}),
        directories={100: written},
        reading={(101, "AQIDBAUGBwgJCgsMDQ4PEA"): 0},
    )
    assert found.dynamic


def test_when_the_leader_last_heard_of_a_voter_and_where_it_is() -> None:
    """By the leader's clock: of itself Kafka says that it is caught up now."""
    leader, other, never = state(100, 90, ID), state(101, 90, ID), state(102, -1, ID)
    leader.last_caught_up_timestamp, leader.last_fetch_timestamp = 50_000, -1
    other.last_caught_up_timestamp, other.last_fetch_timestamp = 40_000, 42_500
    answer = quorum(
        error_code=0,
        leader_id=100,
        high_watermark=90,
        current_voters=[leader, other, never],
        observers=[],
    )
    nodes = DescribeQuorumResponse.Node
    listener = nodes.Listener(version=2, name="CONTROLLER", host="h2", port=9192)
    answer.nodes = [nodes(version=2, node_id=101, listeners=[listener])]
    found = reading.quorum(answer, {})
    assert found is not None
    assert found.silent == {101: 7.5}
    assert found.endpoints == {101: ("h2", 9192)}


def test_a_quorum_that_cannot_be_read_is_an_error() -> None:
    for answer, text in (
        (quorum(error=31), "CLUSTER_AUTHORIZATION_FAILED: needs DESCRIBE on the cluster"),
        (quorum(error_code=6, leader_id=1), "NOT_LEADER_OR_FOLLOWER"),
        (quorum(), "the answer has no quorum"),
    ):
        errors: dict[str, str] = {}
        assert reading.quorum(answer, errors) is None
        assert errors == {"quorum": text}


def test_log_dirs_add_up_their_partitions() -> None:
    of = DescribeLogDirsResponse.DescribeLogDirsResult
    topics = of.DescribeLogDirsTopic
    parts = topics.DescribeLogDirsPartition
    sizes = [parts(version=4, partition_index=i, partition_size=s) for i, s in enumerate((5, 7))]
    answer = DescribeLogDirsResponse(
        version=4,
        results=[
            of(version=4, error_code=56, log_dir="/b", topics=[]),
            of(
                version=4,
                total_bytes=100,
                usable_bytes=40,
                error_code=0,
                log_dir="/a",
                topics=[topics(version=4, name="t", partitions=sizes)],
            ),
        ],
    )
    assert reading.log_dirs(answer) == (
        LogDirView("/a", 12, partitions={("t", 0): 5, ("t", 1): 7}),
        LogDirView("/b", 0, "KAFKA_STORAGE_ERROR"),
    )
    assert reading.disks(answer) == (DiskView(100, 40),)


def test_what_is_being_added_is_no_replica_yet() -> None:
    """The metadata shows all of both sides."""
    topic = TopicView("t", False, (PartitionView(0, 0, (1, 2, 0), (0,)),))
    other = TopicView("u", False, (PartitionView(0, 0, (0, 1), (0,)),))
    view = ClusterView("id", 0, (), (topic, other))
    moves = {("t", 0): Moving((1, 2, 0), adding=(1, 2), removing=(0,))}
    first, second = reading.with_moves(view, moves).topics
    assert first.partitions == (PartitionView(0, 0, (0,), (0,), adding=(1, 2)),)
    assert second == other
    assert (moves["t", 0].before, moves["t", 0].target) == ((0,), (1, 2))
