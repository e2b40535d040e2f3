"""Requests as values: who is told, in which words, and where what kinds ask is sent."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import pytest
from kafka.protocol.admin import DescribeClientQuotasResponse

from provisioner.kafka import messages
from provisioner.kafka.client import KafkaClient
from provisioner.kafka.dialing import Deadline
from provisioner.kafka.port import BrokerView, ClusterView, KafkaRefused, More, QuorumView
from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.leaders import ElectPreferredLeaders
from provisioner.kafka.requests.request import CONTROLLER, Ask, Destination, Message, Request
from provisioner.kafka.requests.topics import CreatePartitions, CreateTopic, DeleteTopic
from provisioner.kafka.routes import Routes
from provisioner.kafka.survey import Survey
from provisioner.kafka.wire import Pool
from provisioner.kinds.voter.requests import AddVoter
from tests.unit.kafka.test_wire import A, Broker, dialling, framed

DIRECTORY = "DirectoryOfToday_00000"


@pytest.mark.parametrize(
    ("request_", "to", "what"),
    [
        (CreateTopic("atu", 1, 1), "controller", "topic atu"),
        (CreatePartitions("atu", 2), "controller", "topic atu"),
        (DeleteTopic("atu"), "controller", "topic atu"),
        (AlterTopicConfig("atu", {"a": "1"}), "any", "topic atu"),
        (AlterBrokerConfig(None, {"a": "1"}), "any", "cluster default"),
        (AlterBrokerConfig(2, {"a": "1"}), 2, "broker 2"),
        (ElectPreferredLeaders((("atu", 0),)), "controller", "preferred leaders"),
        (AddVoter(3, DIRECTORY, ("CONTROLLER", "h", 9093)), "controller", "voter 3"),
    ],
)
def test_who_is_told_and_what_an_error_names(request_: Request, to: object, what: str) -> None:
    assert (request_.to, request_.what) == (to, what)


def test_how_long_kafka_may_take_and_whose_it_is_the_port_fills_in() -> None:
    (create,) = CreateTopic("atu", 3, 2, {"a": "1"}).messages
    request = messages.admin_request(create, 1500, "of-nobody")
    assert (request.timeout_ms, request.validate_only) == (1500, False)
    (topic,) = request.topics
    assert (topic.name, topic.num_partitions, topic.replication_factor) == ("atu", 3, 2)
    assert [(c.name, c.value) for c in topic.configs] == [("a", "1")]
    (add,) = AddVoter(3, DIRECTORY, ("CONTROLLER", "h", 9093)).messages
    voter = messages.admin_request(add, 1500, "abc")
    assert (voter.cluster_id, voter.timeout_ms, voter.ack_when_committed) == ("abc", 1500, True)


def test_a_field_that_kafka_does_not_have_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="replicas"):
        messages.admin_request(Message("CreateTopics", {"replicas": 1}))


def test_one_that_voted_is_taken_out_first() -> None:
    request = AddVoter(3, DIRECTORY, ("CONTROLLER", "h", 9093), replaces="DirectoryOfYesterday00")
    assert [message.api for message in request.messages] == ["RemoveRaftVoter", "AddRaftVoter"]


def test_a_voter_waits_until_it_reads_along() -> None:
    request = AddVoter(3, DIRECTORY, ("CONTROLLER", "h", 9093))
    joined = QuorumView(1, {1: 0}, frozenset({(3, DIRECTORY)}))
    assert request.looks
    assert request.ready(ClusterView("id", 1, (), (), quorum=joined)) is None
    refusal = request.ready(ClusterView("id", 1, (), (), quorum=QuorumView(1, {1: 0})))
    assert refusal is not None
    assert refusal.code == "NOT_JOINED"


def test_what_is_on_its_way_out_passes() -> None:
    create = CreateTopic("atu", 1, 1)
    assert create.passes(KafkaRefused("TOPIC_ALREADY_EXISTS", "topic is marked for deletion"))
    assert not create.passes(KafkaRefused("TOPIC_ALREADY_EXISTS", "it exists"))


# --- what kinds ask -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Quotas(Ask):
    """A question of a kind that does not exist."""

    by: Destination = "any"

    @property
    def to(self) -> Destination:
        return self.by

    @property
    def what(self) -> str:
        return "things"

    @property
    def message(self) -> Message:
        return Message("DescribeClientQuotas", {"components": [], "strict": False})

    def read(self, answer: Any) -> Any:
        return len(answer.entries)


class Answering(Broker):
    """Knows Metadata, and with ``code`` or without DescribeClientQuotas."""

    def __init__(self, code: int | None = 0):
        super().__init__(brokers=[(1, *A)], keys=[] if code is None else [48])
        self.code = code

    def answer(self, key: int, correlation: int) -> bytes:
        if key != 48:
            return super().answer(key, correlation)
        body = DescribeClientQuotasResponse(
            error_code=self.code, error_message="not you", entries=[], version=0
        )
        return framed(struct.pack(">i", correlation) + body.encode(version=0))


def asked(broker: Broker, asks: Sequence[Ask], more: More | None = None) -> ClusterView:
    def dial(host: str, port: int, seconds: float) -> socket.socket:
        return cast(socket.socket, dialling(broker)(host, port, seconds))

    cluster = KafkaClient((A,), 5.0, Routes({A: dial}, {"a": dial}), False)
    try:
        return cluster.view(asks, more=more)
    finally:
        cluster.close()


def test_an_answer_is_a_plain_value_under_its_question() -> None:
    view = asked(Answering(), [Quotas()])
    assert view.answers == {Quotas(): 0}
    assert "things" not in view.errors


def test_a_refused_question_has_no_answer_and_a_reason() -> None:
    view = asked(Answering(31), [Quotas()])
    assert view.answers == {}
    assert (
        view.errors["things"]
        == "CLUSTER_AUTHORIZATION_FAILED: needs DESCRIBE_CONFIGS on the cluster"
    )


def test_what_a_broker_does_not_speak_spoils_nothing_else() -> None:
    broker = Answering(None)
    view = asked(broker, [Quotas()])
    assert view.errors["things"] == "the broker does not support DescribeClientQuotasRequest"
    assert view.cluster_id == "abc"
    assert not {48, 60} & set(broker.asked)


def test_what_was_told_may_raise_more_questions_each_sent_once() -> None:
    """A round for each, to the broker that the question names, until nothing is new."""
    broker = Answering()

    def more(view: ClusterView) -> list[Ask]:
        return [Quotas(to) for to in ("any", 1, "controller")[: len(view.answers) + 1]]

    view = asked(broker, [], more)
    assert view.answers == {Quotas("any"): 0, Quotas(1): 0, Quotas("controller"): 0}
    assert broker.asked.count(48) == 3


def test_a_question_without_an_answer_is_not_sent_again() -> None:
    broker = Answering(31)
    view = asked(broker, [], lambda view: [Quotas(1)])
    assert view.answers == {}
    assert (
        view.errors["things"]
        == "CLUSTER_AUTHORIZATION_FAILED: needs DESCRIBE_CONFIGS on the cluster"
    )
    assert broker.asked.count(48) == 1


def test_questions_of_kinds_go_beside_those_of_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """No round trip more: they go to a broker that is asked anyhow, in the same sending."""
    sendings: list[list[str]] = []
    real = Pool.ask

    def ask(pool: Pool, address: Any, requests: Sequence[Any], *rest: Any, **more: Any) -> Any:
        sendings.append([type(request).__name__ for request in requests])
        return real(pool, address, requests, *rest, **more)

    monkeypatch.setattr(Pool, "ask", ask)
    asked(Answering(), [])
    without = [list(names) for names in sendings]
    sendings.clear()
    asked(Answering(), [Quotas()])
    assert len(sendings) == len(without)
    assert sendings[:-1] == without[:-1]
    assert sendings[-1] == [*without[-1], "DescribeClientQuotasRequest"]


@pytest.mark.parametrize(
    ("kraft", "controller", "to", "asked"),
    [
        (False, 2, "any", 1),
        (False, 2, CONTROLLER, 2),
        (False, None, CONTROLLER, 1),  # none is elected: the broker at hand says so
        (True, 2, CONTROLLER, 1),
        (True, 2, ("c", 9093), ("c", 9093)),  # a controller at its own listener
    ],
)
def test_who_is_asked(kraft: bool, controller: int | None, to: Any, asked: Any) -> None:
    brokers = (BrokerView(1, *A), BrokerView(2, "b", 9092))
    quorum = QuorumView(controller, {2: 0}) if kraft else None
    view = ClusterView("id", controller, brokers, (), quorum=quorum)
    survey = Survey(Pool(dialling()), A, Deadline(1))
    plan = survey._questions(view, {}, [Quotas(to)], None)
    found = [
        id for id, questions in plan.items() for subject, _ in questions if subject == Quotas(to)
    ]
    assert found == [asked]
