"""When a change is sent again, and when it must not be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from kafka.protocol.admin import CreateTopicsResponse

from provisioner.kafka import messages
from provisioner.kafka.client import KafkaClient, NotSent
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import Address, KafkaUnavailable
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
    def deadline(self) -> Iterator[Deadline]:
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
        def deadline(self) -> Iterator[Deadline]:
            yield Deadline(0.3)

        def destination(self, to: Destination, deadline: Deadline) -> Address:
            deadline.left()
            return "localhost", 1

    with pytest.raises(NotSent, match="refused"):
        Writer(cast(KafkaClient, Gone(NotSent("connection refused")))).send(CreateTopic("a", 1, 1))


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
