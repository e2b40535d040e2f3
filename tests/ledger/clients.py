"""kafka-python's clients, which write down what they do."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError
from kafka.structs import OffsetAndMetadata

from provisioner.kafka.messages import end_producer
from tests.ledger.history import (
    Acknowledged,
    Assigned,
    Audit,
    Committed,
    Ended,
    Failed,
    History,
    Message,
    Outcome,
    Place,
    Read,
    Sent,
)
from tests.ledger.worker import PATIENCE, Worker, until

Options = Mapping[str, Any]
RATE = 20.0
"""Messages a second of a writer to each partition."""
ABORTED = 4
"""Every so many transactions one is aborted."""
DELIVERY = 240.0
"""Seconds for which a message is tried again."""
ENDING = 30.0
"""Seconds after which a transaction is given up, and another producer begins the next."""
TELLING = 5.0
"""Seconds after which a broker that says nothing is given up, and another one asked."""


def options(bootstrap: Sequence[str]) -> Options:
    """What all clients share. A broker that is away is dialled again soon: else the pause of the
    client would be measured, not Kafka's."""
    return {
        "bootstrap_servers": list(bootstrap),
        "allow_auto_create_topics": False,
        "reconnect_backoff_max_ms": 500,
        "metadata_max_age_ms": 10_000,
        "metrics_enabled": False,
    }


class Writer(Worker):
    """An idempotent producer (acks=all) that writes to each partition in turn."""

    def __init__(self, name: str, options: Options, places: Sequence[Place], history: History):
        super().__init__(name)
        self.options, self.places, self.history = options, places, history
        self._number, self._due = 0, time.monotonic()
        self._lock, self._open = threading.Lock(), 0
        self._producer = self.made()

    def made(self) -> Any:
        return KafkaProducer(
            **self.options,
            acks="all",
            enable_idempotence=True,
            delivery_timeout_ms=int(DELIVERY * 1000),
            request_timeout_ms=int(TELLING * 1000),
            max_block_ms=int(DELIVERY * 1000),
        )

    def step(self) -> None:
        for place in self.places:
            self.send(place)
        self.pace(1 / RATE)

    def pace(self, seconds: float) -> None:
        """What it could not send in time is not made up for."""
        now = time.monotonic()
        self._due = max(self._due + seconds, now)
        self.wait(self._due - now)

    def send(self, place: Place, transaction: str = "") -> None:
        message = Message(self.writer, self._number)
        self._number += 1
        self.history.add(Sent(message, place, transaction))
        with self._lock:
            self._open += 1
        future = self._producer.send(place.topic, str(message).encode(), partition=place.partition)
        future.add_callback(lambda written: self._told(message, place, written.offset))
        future.add_errback(lambda error: self._refused(message, error))

    def _told(self, message: Message, place: Place, offset: int) -> None:
        self.history.add(Acknowledged(time.monotonic(), message, place, offset))
        with self._lock:
            self._open -= 1

    def _refused(self, message: Message, error: BaseException) -> None:
        self.history.add(Failed(message, repr(error)))
        with self._lock:
            self._open -= 1

    def quiet(self) -> bool:
        with self._lock:
            return self._open == 0

    def close(self) -> None:
        self._producer.close(timeout=PATIENCE)


class Payer(Writer):
    """Transactions over all partitions, one of which is aborted now and then."""

    def __init__(self, name: str, options: Options, places: Sequence[Place], history: History):
        self._count = 0
        super().__init__(name, options, places, history)

    def made(self) -> Any:
        settings = {
            **self.options,
            "transactional_id": f"{self.places[0].topic}-{self.writer}",
            "transaction_timeout_ms": 60_000,
            "acks": "all",
            "delivery_timeout_ms": int(DELIVERY * 1000),
            "request_timeout_ms": int(TELLING * 1000),
            "max_block_ms": int(ENDING * 1000),
        }
        limit = time.monotonic() + DELIVERY
        while True:
            producer = None
            try:
                producer = KafkaProducer(**settings)
                producer.init_transactions()
            except KafkaTimeoutError:
                if producer is not None:
                    end_producer(producer, 1.0)
                if time.monotonic() > limit:
                    raise
            else:
                return producer

    def step(self) -> None:
        self._count += 1
        name = f"{self.writer}-{self._count}"
        outcome: Outcome = "unknown"
        try:
            self._producer.begin_transaction()
            for place in [*self.places, *self.places]:
                self.send(place, name)
            self._producer.flush(timeout=ENDING)
            commits = self._count % ABORTED != 0
            if self._answered(commits):
                outcome = "committed" if commits else "aborted"
            else:
                self._anew()
        except KafkaError:
            self._anew()
        self.history.add(Ended(name, outcome))
        self.pace(2 / RATE)

    def _answered(self, commits: bool) -> bool:
        """Whether Kafka answered. The library's own calls wait for ever: now and then 3.0.12 never
        asks the new coordinator when it loses the old one (seen in a roll; records of an open
        transaction then wait, too, until they expire)."""
        manager = self._producer._transaction_manager
        result = manager.begin_commit() if commits else manager.begin_abort()
        self._producer._sender.wakeup()
        return bool(result.wait(timeout_ms=int(ENDING * 1000)))

    def _anew(self) -> None:
        """Another producer of the same id: Kafka ends what the one before left open."""
        end_producer(self._producer, 1.0)
        self._producer = self.made()


class Member(Worker):
    """One of a group: reads what is committed, and commits what it read before it reads on."""

    def __init__(
        self, name: str, group: str, options: Options, topics: Sequence[str], history: History
    ):
        super().__init__(name)
        self.group, self.history = group, history
        self._consumer = KafkaConsumer(
            **options,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=10_000,
            heartbeat_interval_ms=1_000,
            request_timeout_ms=15_000,
        )
        self._consumer.subscribe(list(topics), listener=_Dealt(self))

    def step(self) -> None:
        try:
            found = self._consumer.poll(timeout_ms=250)
            self._read(found)
            if found:
                self._commit({place: records[-1].offset + 1 for place, records in found.items()})
        except KafkaError:
            self.wait(0.2)

    def _read(self, found: Mapping[Any, Any]) -> None:
        self.history.add(
            *(
                Read(
                    self.writer, self.group, Place(*place), record.offset, Message.of(record.value)
                )
                for place, records in found.items()
                for record in records
            )
        )

    def _commit(self, offsets: Mapping[Any, int]) -> None:
        """Raises KafkaError: then nobody was told that it was stored."""
        self._consumer.commit({p: OffsetAndMetadata(o, "", -1) for p, o in offsets.items()})
        self.history.add(
            *(Committed(self.writer, self.group, Place(*p), o) for p, o in offsets.items())
        )

    def close(self) -> None:
        self._consumer.close(autocommit=False)


class _Dealt(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    def __init__(self, member: Member):
        self.member = member

    def on_partitions_revoked(self, revoked: Any) -> None:
        pass

    def on_partitions_assigned(self, assigned: Any) -> None:
        places = tuple(Place(*place) for place in assigned)
        self.member.history.add(Assigned(self.member.writer, self.member.group, places))


def audit(options: Options, places: Sequence[Place], groups: Sequence[str]) -> Audit:
    """All that is committed now, and where each group goes on. Waits for transactions that Kafka
    is about to end."""
    parts = [TopicPartition(*place) for place in places]
    plain = KafkaConsumer(**options, group_id=None)
    ends = plain.end_offsets(parts, timeout_ms=int(PATIENCE * 1000))
    plain.close()
    kept: dict[Place, dict[int, Message]] = {place: {} for place in places}
    reader = KafkaConsumer(
        **options,
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        max_poll_records=5000,
    )
    reader.assign(parts)
    reader.seek_to_beginning(*parts)

    def read() -> bool:
        for place, records in reader.poll(timeout_ms=100, max_records=5000).items():
            kept[Place(*place)] |= {r.offset: Message.of(r.value) for r in records}
        return all(reader.position(part) >= ends[part] for part in parts)

    try:
        until(read, f"all of {', '.join(map(str, places))} is read")
    finally:
        reader.close(autocommit=False)
    return Audit(kept, {k: v for group in groups for k, v in _stored(options, group, parts)})


def _stored(
    options: Options, group: str, parts: Sequence[Any]
) -> Sequence[tuple[tuple[str, Place], int]]:
    asking = KafkaConsumer(**options, group_id=group, enable_auto_commit=False)
    try:
        found = {part: asking.committed(part, timeout_ms=int(PATIENCE * 1000)) for part in parts}
    finally:
        asking.close(autocommit=False)
    return [((group, Place(*p)), offset) for p, offset in found.items() if offset is not None]
