"""A read-only ZooKeeper client of few questions: cluster id, live brokers, who leads, and how far a
migration to KRaft is.

Each question is one short connection made by ``dial``. The protocol (jute) is a length, then
big-endian integers, and buffers with a length before them; -1 stands for none.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from provisioner.kafka.dialing import Deadline, receive, receive_exactly, send_all
from provisioner.kafka.port import Dial

Value = TypeVar("Value")

GET_DATA, GET_CHILDREN, CLOSE = 4, 8, -11
NO_NODE = -101
SESSION_MILLISECONDS = 10_000
MAX_ANSWER = 16 << 20
MAX_STATE = 64 << 10
"""Bytes of an answer to ``srvr``."""
CLUSTER_ID, BROKERS = "/cluster/id", "/brokers/ids"

NOT_ZOOKEEPERS = "the answer is not ZooKeeper's"


class ZooKeeperError(Exception):
    """ZooKeeper did not answer, or not as it should. ``str()`` says which address and what."""


@dataclass(frozen=True)
class Answer:
    """``error`` is ZooKeeper's code (0: fine); ``body`` what follows the header."""

    error: int
    body: bytes


def cluster_id(dial: Dial, host: str, port: int, seconds: float) -> str | None:
    """Kafka's cluster id in ``/cluster/id``; None when no Kafka has been there."""
    data = _asked(dial, host, port, seconds, lambda session: session.data(CLUSTER_ID))
    if data is None:
        return None
    try:
        return str(json.loads(data)["id"])
    except (ValueError, KeyError, TypeError) as error:
        raise ZooKeeperError(f"{host}:{port}: {CLUSTER_ID} holds no cluster id") from error


def broker_ids(dial: Dial, host: str, port: int, seconds: float) -> tuple[int, ...]:
    """Ids of the brokers that have a session now, in order."""
    names = _asked(dial, host, port, seconds, lambda session: session.children(BROKERS))
    return tuple(sorted(int(name) for name in names or () if re.fullmatch("[0-9]{1,10}", name)))


def contents(
    dial: Dial, host: str, port: int, seconds: float, paths: Sequence[str]
) -> dict[str, str | None]:
    """What these nodes hold; None for one that is not there."""
    found = _asked(
        dial, host, port, seconds, lambda session: {path: session.data(path) for path in paths}
    )
    return {
        path: None if data is None else data.decode("utf-8", "replace")
        for path, data in found.items()
    }


def server_state(dial: Dial, host: str, port: int, seconds: float) -> str | None:
    """``leader``, ``follower``, ``observer`` or ``standalone``; None when it will not say.

    It will not when ``srvr`` is not allowed there, or while an ensemble has no quorum.
    """
    deadline = Deadline(seconds)
    try:
        connection = dial(host, port, seconds)
        try:
            send_all(connection, b"srvr", deadline)
            text = _all_of(connection, deadline)
        finally:
            connection.close()
    except OSError as error:
        raise _said(host, port, error, seconds) from error
    return parse_mode(text)


def parse_mode(text: bytes) -> str | None:
    """The mode in the answer to ``srvr``."""
    for line in text.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "Mode":
            return value.strip()
    return None


# --- the session ----------------------------------------------------------------------------------


class Session:
    """An open session. Requests are answered in order."""

    def __init__(self, connection: Any, seconds: float):
        self._connection = connection
        self._deadline = Deadline(seconds)
        self._number = 0
        self._write(connect_request())
        self._read()  # a session of our own: nothing in the answer matters

    def data(self, path: str) -> bytes | None:
        """What a node holds; None when there is no such node."""
        answer = self._ask(GET_DATA, path)
        return None if answer.error == NO_NODE else read_buffer(answer.body)

    def children(self, path: str) -> list[str] | None:
        """Names below a node; None when there is no such node."""
        answer = self._ask(GET_CHILDREN, path)
        return None if answer.error == NO_NODE else read_names(answer.body)

    def close(self) -> None:
        """Ends the session at once rather than by its timeout."""
        with suppress(OSError):
            self._number += 1
            self._write(struct.pack(">ii", self._number, CLOSE))
            self._read()

    def _ask(self, operation: int, path: str) -> Answer:
        self._number += 1
        self._write(request(self._number, operation, path))
        answer = parse_answer(self._read(), self._number)
        if answer.error not in (0, NO_NODE):
            raise OSError(f"ZooKeeper's error {answer.error} for {path}")
        return answer

    def _write(self, message: bytes) -> None:
        send_all(self._connection, struct.pack(">i", len(message)) + message, self._deadline)

    def _read(self) -> bytes:
        (length,) = struct.unpack(">i", receive_exactly(self._connection, 4, self._deadline))
        if not 0 <= length <= MAX_ANSWER:
            raise OSError(NOT_ZOOKEEPERS)
        return receive_exactly(self._connection, length, self._deadline)


def _asked(
    dial: Dial, host: str, port: int, seconds: float, question: Callable[[Session], Value]
) -> Value:
    try:
        connection = dial(host, port, seconds)
        try:
            session = Session(connection, seconds)
            answer = question(session)
            session.close()
            return answer
        finally:
            connection.close()
    except (struct.error, UnicodeDecodeError) as error:  # shorter than it must be, or no text
        raise ZooKeeperError(f"{host}:{port}: {NOT_ZOOKEEPERS}") from error
    except OSError as error:
        raise _said(host, port, error, seconds) from error


def _said(host: str, port: int, error: Exception, seconds: float) -> ZooKeeperError:
    if isinstance(error, TimeoutError):
        return ZooKeeperError(f"{host}:{port}: no answer within {seconds:g} s")
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return ZooKeeperError(f"{host}:{port}: {text}")


def _all_of(connection: Any, deadline: Deadline) -> bytes:
    """Everything until the other side closes."""
    received = bytearray()
    while piece := receive(connection, 4096, deadline):
        received += piece
        if len(received) > MAX_STATE:
            raise OSError(NOT_ZOOKEEPERS)
    return bytes(received)


# --- jute, without the length in front ------------------------------------------------------------


def connect_request() -> bytes:
    """Protocol 0, nothing seen yet, a new session (id 0, no password), and read-only servers do."""
    return struct.pack(">iqiq", 0, 0, SESSION_MILLISECONDS, 0) + buffer(bytes(16)) + b"\x01"


def request(number: int, operation: int, path: str) -> bytes:
    """Asks for ``path`` once, leaving no watch."""
    return struct.pack(">ii", number, operation) + buffer(path.encode()) + b"\x00"


def buffer(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data


def parse_answer(message: bytes, number: int) -> Answer:
    """OSError when it answers another request."""
    got, _, error = struct.unpack_from(">iqi", message)
    if got != number:
        raise OSError(NOT_ZOOKEEPERS)
    return Answer(error, message[16:])


def read_buffer(body: bytes, start: int = 0) -> bytes:
    (length,) = struct.unpack_from(">i", body, start)
    return body[start + 4 : start + 4 + max(length, 0)]


def read_names(body: bytes) -> list[str]:
    """A vector of strings."""
    (count,) = struct.unpack_from(">i", body)
    names, start = [], 4
    for _ in range(max(count, 0)):
        name = read_buffer(body, start)
        names.append(name.decode())
        start += 4 + len(name)
    return names
