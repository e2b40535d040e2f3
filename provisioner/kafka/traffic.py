"""Records in and out, through the library's producer and consumer. No topic is ever made by it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from provisioner.kafka import messages
from provisioner.kafka.port import Address, Dial, KafkaRefused, KafkaUnavailable, Record, Sent
from provisioner.kafka.tunnel import Tunnel

STEADY_RATE = 50.0
"""Records a second on each partition that a ``SteadyTraffic`` sends."""

DELIVERY_SECONDS = 120.0
"""How long a steady producer tries one record again: longer than any broker may be away."""


@dataclass(frozen=True)
class Servers:
    """Where the library connects: the first address answered a moment ago. ``dial`` is how it gets
    there where it cannot by itself (None: it can)."""

    addresses: tuple[Address, ...]
    dial: Dial | None
    timeout: float

    @contextmanager
    def options(self) -> Iterator[dict[str, Any]]:
        """Settings that producers and consumers share. They hold as long as the block runs: the
        tunnel that the library may need is open for no longer."""
        with ExitStack() as stack:
            url = None if self.dial is None else stack.enter_context(Tunnel(self.dial)).url
            yield {
                "bootstrap_servers": [f"{host}:{port}" for host, port in self.addresses],
                "bootstrap_timeout_ms": int(self.timeout * 1000),
                "client_id": "provision",
                "allow_auto_create_topics": False,
                "proxy_url": url,
                "reconnect_backoff_max_ms": 1000,
            }


@contextmanager
def _errors_named(topic: str) -> Iterator[None]:
    """The library's errors as the port's."""
    try:
        yield
    except messages.KafkaError as error:
        raise _port_error(error, topic) from error


def _port_error(error: BaseException, topic: str) -> KafkaRefused | KafkaUnavailable:
    if isinstance(error, messages.BrokerResponseError):
        return KafkaRefused(messages.name(error.errno), f"topic {topic}")
    if isinstance(error, messages.KafkaTimeoutError):
        return KafkaUnavailable(f"topic {topic}: no answer in time")
    return KafkaUnavailable(f"topic {topic}: {type(error).__name__}")


def produce(
    servers: Servers, topic: str, partitions: Sequence[int], values: Sequence[bytes], seconds: float
) -> list[Any]:
    """Spreads ``values`` over ``partitions`` in turn; see ``port.Cluster.produce``."""
    with _errors_named(topic), servers.options() as options:
        until = time.monotonic() + seconds
        producer = messages.producer(options, seconds, seconds)
        try:
            futures = [
                producer.send(topic, value, partition=partitions[i % len(partitions)])
                for i, value in enumerate(values)
            ]
            return [_outcome(future, until, topic) for future in futures]
        finally:
            messages.end_producer(producer, 0.0)


def _outcome(future: Any, until: float, topic: str) -> Any:
    """(partition, offset), or why the record was not acknowledged."""
    try:
        written = future.get(timeout=max(until - time.monotonic(), 0.001))
    except Exception as error:
        return _port_error(error, topic)
    return written.partition, written.offset


def consume(
    servers: Servers, topic: str, partitions: Sequence[int], count: int | None, seconds: float
) -> list[Record]:
    """Every record from each partition's start to its end of now; leaves no trace of itself."""
    with _errors_named(topic), servers.options() as options:
        until = time.monotonic() + seconds
        consumer = messages.consumer(options)
        try:
            places = [messages.place(topic, partition) for partition in partitions]
            consumer.assign(places)
            ends = consumer.end_offsets(places, timeout_ms=int(seconds * 1000))
            consumer.seek_to_beginning(*places)
            return list(_records(consumer, places, ends, count, until))
        finally:
            consumer.close(autocommit=False)


def _records(
    consumer: Any, places: list[Any], ends: dict[Any, int], count: int | None, until: float
) -> Iterator[Record]:
    """What ``consumer`` reads until ``ends``, ``count`` or the time ``until``."""
    given = 0
    while any(consumer.position(place) < ends[place] for place in places):
        if time.monotonic() >= until:
            raise KafkaUnavailable(f"not all records arrived in time: {given}")
        for batch in consumer.poll(timeout_ms=200).values():
            for record in batch:
                if count is not None and given >= count:
                    return
                given += 1
                yield Record(record.partition, record.offset, record.value)


class SteadyTraffic:
    """See ``port.Traffic``. A thread of its own sends; the library's thread acknowledges.

    Values are ``RUN-NUMBER``: RUN is of this traffic alone, NUMBER counts up on every partition.
    """

    def __init__(
        self, servers: Servers, topic: str, partitions: Sequence[int], rate: float = STEADY_RATE
    ):
        with _errors_named(topic), ExitStack() as opening:
            options = opening.enter_context(servers.options())
            self._producer = messages.producer(options, DELIVERY_SECONDS, DELIVERY_SECONDS)
            self._opened = opening.pop_all()
        self._topic = topic
        self._partitions = tuple(partitions)
        self._run_id = secrets.token_hex(4)
        self._pause = 1.0 / rate
        self._lock = threading.Lock()
        self._acked: list[Sent] = []
        self._failed: list[str] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def acked(self) -> list[Sent]:
        with self._lock:
            return list(self._acked)

    def failed(self) -> list[str]:
        with self._lock:
            return list(self._failed)

    def stop(self, seconds: float) -> None:
        self._stopping.set()
        until = time.monotonic() + seconds
        self._thread.join(seconds)  # it may wait in send() for a leader
        messages.end_producer(self._producer, max(until - time.monotonic(), 0.0))
        self._thread.join(1.0)  # the closed producer let it go
        self._opened.close()

    def _run(self) -> None:
        """Sends number 0, 1, 2, … one to each partition in turn, ``rate`` a second on each."""
        number, due = 0, time.monotonic()
        while not self._stopping.wait(max(due - time.monotonic(), 0.0)):
            for partition in self._partitions:
                self._send(f"{self._run_id}-{number}".encode(), partition)
                number += 1
            due += self._pause

    def _send(self, value: bytes, partition: int) -> None:
        sent = time.monotonic()
        try:
            future = self._producer.send(self._topic, value, partition=partition)
        except Exception as error:
            self._failure(value, error)
            return
        future.add_callback(lambda written: self._success(value, written, sent))
        future.add_errback(lambda error: self._failure(value, error))

    def _success(self, value: bytes, written: Any, sent: float) -> None:
        now = time.monotonic()
        with self._lock:
            self._acked.append(Sent(value, written.partition, written.offset, sent, now))

    def _failure(self, value: bytes, error: BaseException) -> None:
        with self._lock:
            self._failed.append(f"record {value.decode()}: {_port_error(error, self._topic)}")
