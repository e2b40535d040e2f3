"""The ZooKeeper client against bytes recorded from ZooKeeper 3.8.4."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from provisioner.kafka import zookeeper
from provisioner.kafka.zookeeper import ZooKeeperError
from tests.unit.kafka.sockets import pair, playing, take

CONNECT = (
    "0000002d000000000000000000000000000027100000000000000000000000100000000000000000000000000000000001",
    "0000002500000000000027100100000f366700070000001084fe7e635c956e1e81fbbdb8a017c6dc00",
)
CLOSE = ("0000000800000002fffffff5", "0000001000000002000000000000019500000000")
GET_CLUSTER_ID = "0000001800000001000000040000000b2f636c75737465722f696400"
CLUSTER_ID = (
    "00000085000000010000000000000194000000000000002d"
    "7b2276657273696f6e223a2231222c226964223a225569452d444a6e6153595347724e2d7578444b514767227d"
    "00000000000000360000000000000036000001a203c717c4000001a203c717c4"
    "00000000000000000000000000000000000000000000002d000000000000000000000036"
)
NO_NODE = "00000010000000010000000000000198ffffff9b"
GET_BROKERS = "0000001900000001000000080000000c2f62726f6b6572732f69647300"
BROKERS = "000000230000000100000000000001960000000000000003000000013000000001310000000132"
SRVR = (
    b"Zookeeper version: 3.8.4-9316c2a7a97e1666d8f4593f34dd6fc36ecc436c, built on 2024-02-12\n"
    b"Latency min/avg/max: 0/0.6303/29\nReceived: 4255\nZxid: 0x197\nMode: standalone\n"
)


class Recorded:
    """A dial whose other side expects each request to the byte, and answers as recorded."""

    def __init__(self, *exchanges: tuple[str, str]):
        self.exchanges = exchanges

    def role(self, server: socket.socket) -> None:
        for asked, answer in self.exchanges:
            assert take(server, len(asked) // 2).hex() == asked
            server.sendall(bytes.fromhex(answer))
        server.close()

    def ask(self, question: Any, seconds: float = 5.0) -> Any:
        with pair() as (ours, theirs), playing(self.role, theirs):
            return question(lambda *_: ours, "h", 2181, seconds)


def test_cluster_id() -> None:
    recorded = Recorded(CONNECT, (GET_CLUSTER_ID, CLUSTER_ID), CLOSE)
    assert recorded.ask(zookeeper.cluster_id) == "UiE-DJnaSYSGrN-uxDKQGg"


def test_no_kafka_has_been_there() -> None:
    recorded = Recorded(CONNECT, (GET_CLUSTER_ID, NO_NODE), CLOSE)
    assert recorded.ask(zookeeper.cluster_id) is None


def test_broker_ids() -> None:
    assert Recorded(CONNECT, (GET_BROKERS, BROKERS), CLOSE).ask(zookeeper.broker_ids) == (0, 1, 2)
    assert Recorded(CONNECT, (GET_BROKERS, NO_NODE), CLOSE).ask(zookeeper.broker_ids) == ()


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (SRVR, "standalone"),
        (b"Zookeeper version: 3.8.4\nMode: leader\nNode count: 91\n", "leader"),
        (b"Mode: follower", "follower"),
        (b"srvr is not executed because it is not in the whitelist.\n", None),
        (b"This ZooKeeper instance is not currently serving requests\n", None),
        (b"", None),
        (b"\xff\xfe", None),
    ],
)
def test_server_state(mode: bytes, expected: str | None) -> None:
    recorded = Recorded((b"srvr".hex(), mode.hex()))
    assert recorded.ask(zookeeper.server_state) == expected


@pytest.mark.parametrize(
    ("exchanges", "said"),
    [
        ([(CONNECT[0], "")], "h:2181: the other side closed the connection"),
        ([(CONNECT[0], "7fffffff")], "h:2181: the answer is not ZooKeeper's"),
        ([(CONNECT[0], "ffffffff")], "h:2181: the answer is not ZooKeeper's"),
        ([CONNECT, (GET_CLUSTER_ID, NO_NODE[:-1] + "a")], "h:2181: ZooKeeper's error -102"),
        ([CONNECT, (GET_CLUSTER_ID, "000000020000")], "h:2181: the answer is not ZooKeeper's"),
        (
            [CONNECT, (GET_CLUSTER_ID, CLUSTER_ID.replace("00000001", "00000009", 1))],
            "h:2181: the answer is not ZooKeeper's",
        ),
    ],
)
def test_what_is_not_zookeepers_is_an_error(exchanges: list[tuple[str, str]], said: str) -> None:
    with pytest.raises(ZooKeeperError) as error:
        Recorded(*exchanges).ask(zookeeper.cluster_id)
    assert str(error.value).startswith(said)


def test_a_node_that_holds_something_else() -> None:
    body = struct.pack(">iqi", 1, 5, 0) + zookeeper.buffer(b"not json")
    answer = zookeeper.buffer(body).hex()
    recorded = Recorded(CONNECT, (GET_CLUSTER_ID, answer), CLOSE)
    with pytest.raises(ZooKeeperError, match="/cluster/id holds no cluster id"):
        recorded.ask(zookeeper.cluster_id)


def test_silence_has_an_end() -> None:
    with pair() as (ours, _), pytest.raises(ZooKeeperError, match=r"no answer within 0\.1 s"):
        zookeeper.cluster_id(lambda *_: ours, "h", 2181, 0.1)


def test_a_failed_dial_is_said() -> None:
    def dial(*_: Any) -> Any:
        raise ConnectionRefusedError(111, "Connection refused")

    for question in (zookeeper.cluster_id, zookeeper.broker_ids, zookeeper.server_state):
        with pytest.raises(ZooKeeperError, match=r"^h:2181: Connection refused$"):
            question(dial, "h", 2181, 1.0)
