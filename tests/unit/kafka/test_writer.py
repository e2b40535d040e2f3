"""When a change is sent again, and when it must not be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka.protocol.admin import CreateTopicsResponse

from provisioner.kafka import messages
from provisioner.kafka import writer as writing
from provisioner.kafka.client import KafkaClient, NotSent
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import Address, KafkaRefused, KafkaUnavailable
from provisioner.kafka.requests.configs import AlterBrokerConfig
from provisioner.kafka.requests.request import Destination
from provisioner.kafka.requests.topics import CreateTopic
from provisioner.kafka.routes import Routes
from provisioner.kafka.writer import Writer
from tests.unit.kafka.test_wire import A, Broker, dialling


class Moving:
    """A cluster whose controller was at port 1 until a moment ago, and is at port 2."""

    def __init__(self, error: Exception):
        self.error = error
        self.sent: list[int] = []

    @contextmanager
    def deadline(self, seconds: float | None = None) -> Iterator[Deadline]:
        yield Deadline(5)

    def destination(self, to: Destination, deadline: Deadline) -> Address:
        return "localhost", len(self.sent) + 1

    def ask(self, address: Address, request: Any, deadline: Deadline) -> Any:
        self.sent.append(address[1])
        if address[1] == 1:
            raise self.error
        return CreateTopicsResponse(topics=[])


def test_a_controller_that_cannot_be_reached_may_have_moved() -> None:
    cluster = Moving(NotSent("localhost:1: connection refused"))
    Writer(cast(KafkaClient, cluster)).send(CreateTopic("orders", 1, 1))
    assert cluster.sent == [1, 2]


def test_what_may_have_been_carried_out_is_not_sent_again() -> None:
    cluster = Moving(KafkaUnavailable("localhost:1: no answer within 5 s"))
    with pytest.raises(KafkaUnavailable, match="no answer"):
        Writer(cast(KafkaClient, cluster)).send(CreateTopic("orders", 1, 1))
    assert cluster.sent == [1]


def test_a_broker_does_not_move() -> None:
    cluster = Moving(NotSent("localhost:1: connection refused"))
    with pytest.raises(NotSent):
        Writer(cast(KafkaClient, cluster)).send(AlterBrokerConfig(1, {"a": "b"}))
    assert cluster.sent == [1]


def test_a_controller_that_never_comes_back_is_named() -> None:
    """Not that the time was over, which is all that the last try could say."""

    class Gone(Moving):
        @contextmanager
        def deadline(self, seconds: float | None = None) -> Iterator[Deadline]:
            yield Deadline(0.3)

        def destination(self, to: Destination, deadline: Deadline) -> Address:
            deadline.left()
            return "localhost", 1

    with pytest.raises(NotSent, match="refused"):
        Writer(cast(KafkaClient, Gone(NotSent("connection refused")))).send(CreateTopic("a", 1, 1))


class Throttling(Moving):
    """Takes a new topic only after so many refusals for a quota, each for 7 s."""

    def __init__(self, times: int):
        self.times, self.sent, self.pauses = times, [], list[tuple[float, str]]()

    def ask(self, address: Address, request: Any, deadline: Deadline) -> Any:
        self.sent.append(address[1])
        code = THROTTLING if len(self.sent) <= self.times else 0
        topic = CreateTopicsResponse.CreatableTopicResult(name="orders", error_code=code, version=7)
        return CreateTopicsResponse(throttle_time_ms=7000, topics=[topic], version=7)

    def pause(self, seconds: float, what: str) -> bool:
        self.pauses.append((seconds, what))
        return False


THROTTLING = 89


def test_what_a_quota_holds_up_is_sent_again_when_kafka_says() -> None:
    cluster = Throttling(2)
    Writer(cast(KafkaClient, cluster), cluster.pause).send(CreateTopic("orders", 1, 1))
    assert cluster.pauses == [(7.0, "topic orders")] * 2
    assert len(cluster.sent) == 3


def test_what_it_holds_up_for_too_long_is_a_failure_that_says_so() -> None:
    cluster = Throttling(1000)
    with pytest.raises(KafkaRefused, match=r"controller_mutation_rate holds it up for 7 s more"):
        Writer(cast(KafkaClient, cluster), cluster.pause).send(CreateTopic("orders", 1, 1))
    assert len(cluster.pauses) == 600 // 7


def test_a_signal_ends_the_wait_for_a_quota() -> None:
    cluster = Throttling(1)
    with pytest.raises(KafkaRefused, match="interrupted while the quota"):
        Writer(cast(KafkaClient, cluster), lambda s, w: True).send(CreateTopic("orders", 1, 1))
    assert len(cluster.sent) == 1


def refused(host: str, port: int, seconds: float) -> Any:
    raise ConnectionRefusedError


def test_what_was_not_sent_is_known() -> None:
    """Nothing can have been carried out where there was no connection; after that, anything."""
    request = CreateTopic("orders", 1, 1).messages[0]
    client = KafkaClient((A,), 5.0, Routes({A: refused}, {}), False)
    with pytest.raises(NotSent, match="a:9092: connection refused"):
        client.ask(A, messages_request(request), Deadline(5))
    answers_with_nothing = Broker(keys=[19])
    client = KafkaClient((A,), 5.0, Routes({A: dialling(answers_with_nothing)}, {}), False)
    with pytest.raises(KafkaUnavailable, match="cannot be read") as raised:
        client.ask(A, messages_request(request), Deadline(5))
    assert not isinstance(raised.value, NotSent)
    client.close()


def messages_request(message: Any) -> Any:
    return messages.admin_request(message, 1000)


class Both(Moving):
    """Takes the first of two topics at once, and the second when that is sent alone."""

    def __init__(self) -> None:
        self.sent, self.names, self.pauses = [1], list[list[str]](), list[tuple[float, str]]()

    def ask(self, address: Address, request: Any, deadline: Deadline) -> Any:
        names = [topic.name for topic in request.topics]
        self.names.append(names)
        codes = {name: THROTTLING if name == "b" and "a" in names else 0 for name in names}
        made = CreateTopicsResponse.CreatableTopicResult
        topics = [made(name=name, error_code=code) for name, code in codes.items()]
        return CreateTopicsResponse(throttle_time_ms=7000, topics=topics)

    def pause(self, seconds: float, what: str) -> bool:
        self.pauses.append((seconds, what))
        return False


def test_what_a_quota_holds_up_of_several_is_sent_again_alone() -> None:
    cluster = Both()
    writer = Writer(cast(KafkaClient, cluster), cluster.pause)
    assert writer.send_all([CreateTopic("a", 1, 1), CreateTopic("b", 1, 1)]) == [None, None]
    assert cluster.names == [["a", "b"], ["b"]]
    assert cluster.pauses == [(7.0, "topic b")]


class Clock(Moving):
    """A quota holds a topic up for longer than what passes is waited for; then the old one of its
    name is not gone yet, and then it is made."""

    def __init__(self) -> None:
        self.sent = [1]
        self.now, self.codes = 0.0, [[THROTTLING, THROTTLING], [36, 36], [0, 0]]

    def ask(self, address: Address, request: Any, deadline: Deadline) -> Any:
        made = CreateTopicsResponse.CreatableTopicResult
        pairs = zip(request.topics, self.codes.pop(0), strict=False)
        words = "it is marked for deletion"
        topics = [made(name=t.name, error_code=c, error_message=words) for t, c in pairs]
        return CreateTopicsResponse(throttle_time_ms=31_000, topics=topics)

    def pause(self, seconds: float, what: str) -> bool:
        self.now += seconds
        return False


@pytest.mark.parametrize("names", [["a"], ["a", "b"]])
def test_what_a_quota_held_up_has_all_its_time_yet(
    names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone and together with others."""
    cluster = Clock()
    clock = SimpleNamespace(monotonic=lambda: cluster.now, sleep=lambda seconds: None)
    monkeypatch.setattr(writing, "time", clock)
    writer = Writer(cast(KafkaClient, cluster), cluster.pause)
    assert writer.send_all([CreateTopic(name, 1, 1) for name in names]) == [None] * len(names)
    assert not cluster.codes
