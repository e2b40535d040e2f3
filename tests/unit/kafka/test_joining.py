"""Requests about many things become few messages, and each thing keeps its own error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from provisioner.kafka import messages
from provisioner.kafka.client import KafkaClient
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import Address, KafkaRefused
from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.joining import in_requests, joined, of_each
from provisioner.kafka.requests.leaders import ElectPreferredLeaders
from provisioner.kafka.requests.reassignments import Reassign
from provisioner.kafka.requests.request import Destination, Request
from provisioner.kafka.requests.topics import CreatePartitions, CreateTopic, DeleteTopic
from provisioner.kafka.writer import Writer
from provisioner.kinds.quota.requests import AlterQuota
from provisioner.kinds.voter.requests import AddVoter

FIRST, SECOND = (UUID(int=number) for number in (7, 8))


def item(code: int = 0, **names: Any) -> Any:
    return SimpleNamespace(error_code=code, error_message=None, **names)


def of_topics(field: str, **more: Any) -> Any:
    """An answer about a and b, not in the order of the request; b was refused."""
    return SimpleNamespace(**{field: [item(44, name="b", **more), item(name="a", **more)]})


def quota(name: str, code: int = 0) -> Any:
    return item(code, entity=[SimpleNamespace(entity_type="user", entity_name=name)])


CASES = {
    "create": (CreateTopic("a", 1, 1), CreateTopic("b", 2, 1), of_topics("topics")),
    "partitions": (CreatePartitions("a", 2), CreatePartitions("b", 2), of_topics("results")),
    "delete": (
        DeleteTopic("a", str(FIRST)),
        DeleteTopic("b", str(SECOND)),
        SimpleNamespace(
            responses=[item(44, name="b", topic_id=SECOND), item(name="a", topic_id=FIRST)]
        ),
    ),
    "delete, by name": (
        DeleteTopic("a"),
        DeleteTopic("b"),
        of_topics("responses", topic_id=UUID(int=0)),
    ),
    "config": (
        AlterTopicConfig("a", {"x": "1"}),
        AlterTopicConfig("b", {"x": "1"}),
        SimpleNamespace(
            responses=[
                item(44, resource_type=2, resource_name="b"),
                item(resource_type=2, resource_name="a"),
            ]
        ),
    ),
    "reassign": (
        Reassign("a", {0: (1,)}),
        Reassign("b", {0: (1,), 1: (1,)}),
        SimpleNamespace(
            error_code=0,
            error_message=None,
            responses=[
                SimpleNamespace(name="b", partitions=[item(), item(44)]),
                SimpleNamespace(name="a", partitions=[item()]),
            ],
        ),
    ),
    "leaders": (
        ElectPreferredLeaders((("a", 0),)),
        ElectPreferredLeaders((("b", 0), ("b", 1))),
        SimpleNamespace(
            error_code=0,
            replica_election_results=[
                SimpleNamespace(topic="b", partition_result=[item(), item(44)]),
                SimpleNamespace(topic="a", partition_result=[item()]),
            ],
        ),
    ),
    "quota": (
        AlterQuota((("user", "a"),), {"producer_byte_rate": 1}),
        AlterQuota((("user", "b"),), {"producer_byte_rate": 1}),
        SimpleNamespace(entries=[quota("b", 44), quota("a")]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_message_of_two_has_the_entries_of_both(name: str) -> None:
    first, second, _ = CASES[name]
    assert in_requests([first, second]) == [[0, 1]]
    message = joined([first, second])
    field = message.part.field if message.part else ""
    entries = [entry for each in (first, second) for entry in each.messages[0].fields[field]]
    assert message.fields == {**first.messages[0].fields, field: entries}
    messages.admin_request(message, 1000)  # the library takes it


@pytest.mark.parametrize("name", CASES)
def test_what_is_refused_of_one_is_not_refused_of_the_other(name: str) -> None:
    first, second, answer = CASES[name]
    of_first, of_second = of_each([first, second], answer)
    assert not any(each.error_code for each in of_first)
    assert [each.error_code for each in of_second if each.error_code] == [44]


def test_an_error_of_all_is_each_ones() -> None:
    first, second, _ = CASES["reassign"]
    answer = SimpleNamespace(error_code=31, error_message="no", responses=[])
    assert of_each([first, second], answer) == [[answer], [answer]]


def test_five_hundred_go_together() -> None:
    requests = [AlterTopicConfig(f"t-{number}", {"x": "1"}) for number in range(1200)]
    found = in_requests(requests)
    assert [len(group) for group in found] == [500, 500, 200]
    assert [number for group in found for number in group] == list(range(1200))


def test_no_more_records_than_kafka_takes_of_one_request() -> None:
    """It refuses more than 10,000: a topic, each partition and each setting is one."""
    requests = [CreateTopic(f"t-{number}", 1998, 1, {"x": "1"}) for number in range(5)]
    assert in_requests(requests) == [[0, 1, 2, 3], [4]]
    assert in_requests([CreateTopic("a", 20_000, 1), CreateTopic("b", 1, 1)]) == [[0], [1]]


def test_at_most_a_thousand_partitions_are_moved_or_elected_by_one_request() -> None:
    moves = [Reassign(f"t-{n}", dict.fromkeys(range(400), (1,))) for n in range(4)]
    assert in_requests(moves) == [[0, 1], [2, 3]]
    places = [tuple((f"t-{n}", p) for p in range(400)) for n in range(4)]
    assert in_requests([ElectPreferredLeaders(each) for each in places]) == [[0, 1], [2, 3]]


def test_only_what_goes_to_one_place_and_is_of_one_sort_goes_together() -> None:
    voter = AddVoter(3, "DirectoryOfToday_00000", ("CONTROLLER", "h", 9093))
    requests: list[Request] = [
        CreateTopic("a", 1, 1),
        AlterTopicConfig("b"),
        AlterBrokerConfig(1),
        AlterBrokerConfig(2),
        voter,
        CreateTopic("c", 1, 1),
        voter,
    ]
    assert in_requests(requests) == [[0, 5], [1], [2], [3], [4], [6]]


def test_one_thing_is_named_once_in_a_request() -> None:
    """Kafka refuses both otherwise."""
    requests = [AlterTopicConfig("a", {"x": "1"}), AlterTopicConfig("a", {"y": "1"})]
    assert in_requests(requests) == [[0], [1]]


# --- the writer ---------------------------------------------------------------------------------


class Recording:
    """A client whose Kafka refuses some topics, by code; ``moved``: so often by NOT_CONTROLLER."""

    def __init__(self, codes: dict[str, list[int]], moved: int = 0):
        self.codes, self.moved = codes, moved
        self.sent: list[list[str]] = []

    @contextmanager
    def deadline(self, seconds: float | None = None) -> Iterator[Deadline]:
        yield Deadline(5)

    def destination(self, to: Destination, deadline: Deadline) -> Address:
        return "localhost", 1

    def ask(self, address: Address, request: Any, deadline: Deadline) -> Any:
        names = [topic.name for topic in request.topics]
        self.sent.append(names)
        if self.moved:
            self.moved -= 1
            return SimpleNamespace(topics=[item(41, name=name) for name in names])
        told = {name: self.codes[name].pop(0) for name in names if self.codes.get(name)}
        topics = [item(told.get(name, 0), name=name) for name in reversed(names)]
        for topic in topics:
            if topic.error_code == 36:
                topic.error_message = f"topic {topic.name} is marked for deletion"
        return SimpleNamespace(topics=topics)


def sent(client: Recording, names: Sequence[str]) -> list[KafkaRefused | None]:
    requests = [CreateTopic(name, 1, 1) for name in names]
    return Writer(cast(KafkaClient, client)).send_all(requests)


def test_five_hundred_topics_are_one_request() -> None:
    client = Recording({})
    assert sent(client, [f"t-{number}" for number in range(500)]) == [None] * 500
    assert [len(names) for names in client.sent] == [500]


def test_each_has_its_own_refusal() -> None:
    client = Recording({"b": [17], "c": [44]})
    a, b, c = sent(client, ["a", "b", "c"])
    assert a is None
    assert str(b) == "INVALID_TOPIC_EXCEPTION: topic b"
    assert str(c) == "POLICY_VIOLATION: topic c"
    assert client.sent == [["a", "b", "c"]]


def test_only_what_passes_is_sent_again() -> None:
    client = Recording({"b": [36]})
    assert sent(client, ["a", "b", "c"]) == [None, None, None]
    assert client.sent == [["a", "b", "c"], ["b"]]


def test_a_controller_that_has_moved_is_asked_again_of_all() -> None:
    client = Recording({}, moved=1)
    assert sent(client, ["a", "b"]) == [None, None]
    assert client.sent == [["a", "b"], ["a", "b"]]
