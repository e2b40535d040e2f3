"""Connections and their pool, with the broker's side played by hand."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from kafka.protocol.metadata import ApiVersionsResponse, MetadataResponse

from provisioner.kafka.client import KafkaClient
from provisioner.kafka.dialing import Deadline, receive_exactly
from provisioner.kafka.messages import metadata_request
from provisioner.kafka.port import KafkaUnavailable
from provisioner.kafka.requests.configs import AlterBrokerConfig
from provisioner.kafka.routes import Routes
from provisioner.kafka.wire import MAX_ANSWER, Connection, Pool, chunks, reason, unavailable
from provisioner.kafka.writer import Writer
from tests.unit.kafka.sockets import pair, playing

Version = ApiVersionsResponse.ApiVersion
FOREVER = Deadline(3600)


class Broker:
    """Answers ApiVersions and Metadata; ``slow`` seconds for Metadata. ``brokers`` are (id, host,
    port); ``keys`` further requests that it says it knows, and answers with nothing."""

    def __init__(
        self,
        cluster_id: str = "abc",
        slow: float = 0.0,
        brokers: Sequence[tuple[int, str, int]] = (),
        keys: Sequence[int] = (),
    ):
        self.brokers, self.keys = brokers, keys
        self.cluster_id = cluster_id
        self.slow = slow
        self.asked: list[int] = []

    def __call__(self, connection: socket.socket) -> None:
        try:
            while True:
                (length,) = struct.unpack(">i", receive_exactly(connection, 4, FOREVER))
                key, _, correlation = struct.unpack_from(
                    ">hhi", receive_exactly(connection, length, FOREVER)
                )
                self.asked.append(key)
                connection.sendall(self.answer(key, correlation))
        except OSError:
            return

    def answer(self, key: int, correlation: int) -> bytes:
        if key == 18:
            known = {3: 9, **dict.fromkeys(self.keys, 0)}
            keys = [Version(api_key=k, min_version=0, max_version=v) for k, v in known.items()]
            body = ApiVersionsResponse(error_code=0, api_keys=keys, version=3)
            return framed(struct.pack(">i", correlation) + body.encode(version=3))
        if key in self.keys:
            return framed(struct.pack(">i", correlation))
        time.sleep(self.slow)
        named = [
            MetadataResponse.MetadataResponseBroker(node_id=id, host=host, port=port, rack=None)
            for id, host, port in self.brokers
        ]
        body = MetadataResponse(
            version=9, brokers=named, topics=[], cluster_id=self.cluster_id, controller_id=1
        )
        return framed(struct.pack(">i", correlation) + b"\x00" + body.encode(version=9))


def framed(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


def dialling(*roles: Callable[[socket.socket], object]) -> Callable[[str, int, float], Any]:
    """A dial that gives the first connection to the first role, and so on."""
    left = list(roles)

    def dial(host: str, port: int, seconds: float) -> socket.socket:
        ours, theirs = socket.socketpair()
        threading.Thread(target=left.pop(0), args=(theirs,), daemon=True).start()
        return ours

    return dial


def silent(connection: socket.socket) -> None:
    connection.recv(1000)
    time.sleep(5)


A = ("a", 9092)


def test_answers_come_in_the_order_of_the_requests() -> None:
    broker = Broker()
    pool = Pool(dialling(broker))
    answers = pool.ask(A, [metadata_request([]), metadata_request([])], Deadline(5))
    assert [answer.cluster_id for answer in answers] == ["abc", "abc"]
    assert broker.asked == [18, 3, 3]  # what it speaks is asked once
    pool.ask(A, [metadata_request([])], Deadline(5))
    assert broker.asked == [18, 3, 3, 3]
    pool.close()


def test_the_last_answer_may_be_given_up_sooner() -> None:
    pool = Pool(dialling(Broker(slow=1)))
    first, last = pool.ask(
        A, [metadata_request([]), metadata_request([])], Deadline(5), last_seconds=0.05
    )
    assert first.cluster_id == "abc"
    assert isinstance(last, TimeoutError)


def test_after_a_failure_the_next_request_has_a_new_connection() -> None:
    pool = Pool(dialling(Broker(slow=1), Broker("new")))
    (late,) = pool.ask(A, [metadata_request([])], Deadline(0.2))
    assert isinstance(late, TimeoutError)
    assert str(late) == "no answer within 0.2 s"
    (answer,) = pool.ask(A, [metadata_request([])], Deadline(5))
    assert answer.cluster_id == "new"


def test_a_connection_closed_from_there_is_replaced_before_it_is_used() -> None:
    gone = threading.Event()

    def restarting(connection: socket.socket) -> None:
        threading.Thread(target=Broker("old"), args=(connection,), daemon=True).start()
        gone.wait(5)
        connection.shutdown(socket.SHUT_RDWR)

    pool = Pool(dialling(restarting, Broker("new")))
    assert pool.ask(A, [metadata_request([])], Deadline(5))[0].cluster_id == "old"
    gone.set()
    time.sleep(0.1)
    assert pool.ask(A, [metadata_request([])], Deadline(5))[0].cluster_id == "new"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        struct.pack(">ii", 10, 77) + bytes(6),  # another request's
        struct.pack(">i", -1) + bytes(8),
        struct.pack(">ii", MAX_ANSWER + 1, 1),
        struct.pack(">ii", 512 << 20, 1),
    ],
)
def test_what_is_not_kafkas_is_an_error(answer: bytes) -> None:
    def role(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(answer)

    with (
        pair() as (ours, theirs),
        playing(role, theirs),
        pytest.raises(OSError, match="the answer is not Kafka's"),
    ):
        Connection(ours, Deadline(5))


def test_an_answer_that_cannot_be_read_is_an_error_too() -> None:
    def role(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(framed(struct.pack(">ih", 1, 0) + b"\xff\xff\xff"))

    with (
        pair() as (ours, theirs),
        playing(role, theirs),
        pytest.raises(OSError, match="the answer cannot be read"),
    ):
        Connection(ours, Deadline(5))


def test_a_request_the_broker_does_not_know() -> None:
    from provisioner.kafka.messages import quorum_request

    pool = Pool(dialling(Broker()))
    (answer,) = pool.ask(A, [quorum_request()], Deadline(5))
    assert isinstance(answer, OSError)
    assert str(answer) == "the broker does not support DescribeQuorumRequest"


def after(seconds: float, value: Any) -> Any:
    time.sleep(seconds)
    return value


def test_the_first_success_is_enough() -> None:
    pool, over = Pool(dialling()), threading.Event()
    jobs: dict[str, Callable[[], int]] = {
        "silent": lambda: int(over.wait(60)),
        "fails": lambda: 1 // 0,
        "answers": lambda: after(0.5, 2),
    }
    begun = time.monotonic()
    results = pool.side_by_side(jobs, Deadline(60), first=True)
    waited = time.monotonic() - begun
    over.set()
    assert waited < 30
    assert results["answers"] == 2
    assert isinstance(results["fails"], ZeroDivisionError)
    assert isinstance(results["silent"], TimeoutError)


def test_jobs_run_side_by_side_until_the_deadline() -> None:
    pool, over, met = Pool(dialling()), threading.Event(), threading.Barrier(3)

    def together(number: int) -> int:
        met.wait(60)  # or none of them ends
        return number

    jobs = {number: partial(together, number) for number in (1, 2, 3)}
    results = pool.side_by_side(jobs | {4: lambda: over.wait(60)}, Deadline(3))
    over.set()
    assert [results[number] for number in (1, 2, 3)] == [1, 2, 3]
    assert str(results[4]) == "no answer within 3 s"


def test_close_ends_a_connection_that_is_being_opened() -> None:
    pool = Pool(dialling(silent))
    results: dict[str, Any] = {}

    def ask() -> None:
        results.update(pool.side_by_side({"a": lambda: pool.ping(A, Deadline(60))}, Deadline(60)))

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.1)
    begun = time.monotonic()
    pool.close()
    asking.join(30)
    assert time.monotonic() - begun < 30
    assert isinstance(results["a"], OSError)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (TimeoutError("timed out"), "no answer within 3 s"),
        (TimeoutError("no answer within 1 s"), "no answer within 1 s"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (socket.gaierror(-2, "Name or service not known"), "the name is unknown"),
        (OSError(113, "No route to host"), "No route to host"),
        (OSError("the answer is not Kafka's"), "the answer is not Kafka's"),
        (ConnectionResetError(), "ConnectionResetError"),
        (ValueError("x"), "ValueError: x"),
    ],
)
def test_reasons_are_words(error: Exception, text: str) -> None:
    assert reason(error, 3) == text


def test_the_error_names_every_address() -> None:
    error = unavailable({A: TimeoutError(), ("b", 1): ConnectionRefusedError()}, 10)
    assert isinstance(error, KafkaUnavailable)
    assert str(error) == "a:9092: no answer within 10 s; b:1: connection refused"


def test_deadlines() -> None:
    deadline = Deadline(0.05)
    assert 0 < deadline.left() <= 0.05
    assert Deadline(5).sooner(0.01).left() <= 0.01
    assert deadline.sooner(9).left() <= 0.05
    time.sleep(0.06)
    assert deadline.passed
    with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
        deadline.pause(1)


def test_chunks() -> None:
    assert chunks(range(5), 2) == [[0, 1], [2, 3], [4]]
    assert chunks([], 2) == []


def test_a_broker_that_drips_has_the_time_of_the_call() -> None:
    ended = threading.Event()

    def role(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(struct.pack(">ii", 1_000_000, 1))
        while not ended.wait(0.05):
            try:
                connection.sendall(b"x")
            except OSError:
                return

    began = time.monotonic()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.5 s"):
        Pool(dialling(role)).ping(A, Deadline(0.5))
    assert time.monotonic() - began < 60
    ended.set()


EVIL = ("169.254.169.254", 80)


def lying(dialled: list[tuple[str, int]]) -> KafkaClient:
    """A cluster of one address, whose broker says that broker 2 is somewhere else entirely."""
    broker = Broker(brokers=[(1, "a", 9092), (2, *EVIL), (3, "a", 9099)], keys=[60, 32, 44, 46])

    def dial(host: str, port: int, seconds: float) -> Any:
        dialled.append((host, port))
        return dialling(broker)(host, port, seconds)

    return KafkaClient((A,), 5.0, Routes({A: dial}, {"a": dial}), False)


def test_an_address_that_is_not_of_this_cluster_is_never_dialled() -> None:
    dialled: list[tuple[str, int]] = []
    cluster = lying(dialled)
    view = cluster.view()
    assert set(dialled) == {A, ("a", 9099)}
    assert view.errors["broker-2"] == (
        "169.254.169.254:80 is not on a host of this cluster, so it was not dialled"
    )
    assert [broker.id for broker in view.brokers] == [1, 2, 3]
    cluster.close()


def test_nor_is_it_where_a_change_is_sent() -> None:
    dialled: list[tuple[str, int]] = []
    cluster = lying(dialled)
    with pytest.raises(KafkaUnavailable, match=r"^169\.254\.169\.254:80 is not on a host of"):
        Writer(cluster).send(AlterBrokerConfig(2, {"a": "b"}))
    assert EVIL not in dialled
    cluster.close()


def test_an_answer_that_cannot_be_is_no_fault_of_ours() -> None:
    """A topic was asked for; the answer has none."""
    cluster = lying([])
    with pytest.raises(KafkaUnavailable, match="a:9092: ValueError"):
        Writer(cluster).produce("t", [b"x"], seconds=1)
    cluster.close()
