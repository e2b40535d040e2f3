"""What the rest of the tool knows of a Kafka cluster: plain values, and the port's protocols.

``client.py`` implements both; of the Kafka library only ``messages.py`` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from provisioner.kafka.requests.request import Ask, Request

STATIC, DYNAMIC_BROKER, DYNAMIC_DEFAULT, DYNAMIC_TOPIC, DEFAULT = (
    "static",
    "dynamic-broker",
    "dynamic-default",
    "dynamic-topic",
    "default",
)


class KafkaUnavailable(Exception):
    """The cluster did not answer. ``str()`` says which address, what happened, after how long."""


class KafkaRefused(Exception):
    """Kafka answered with an error. ``code`` is Kafka's name of it: ``TOPIC_ALREADY_EXISTS``."""

    def __init__(self, code: str, message: str):
        self.code = code
        super().__init__(f"{code}: {message}" if message else code)


@dataclass(frozen=True)
class PartitionView:
    """One partition as the metadata says. ``leader`` is None when there is none."""

    id: int
    leader: int | None
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    offline: tuple[int, ...] = ()


@dataclass(frozen=True)
class TopicView:
    """A topic; ``config`` holds its explicit overrides only (source dynamic-topic)."""

    name: str
    internal: bool
    partitions: tuple[PartitionView, ...]
    config: Mapping[str, str] = field(default_factory=dict)
    min_isr: int | None = None
    id: str = ""

    @property
    def replication(self) -> int:
        return max((len(p.replicas) for p in self.partitions), default=0)


@dataclass(frozen=True)
class BrokerView:
    """A registered broker, alive when not ``fenced``."""

    id: int
    host: str
    port: int
    rack: str | None = None
    fenced: bool = False


@dataclass(frozen=True)
class ConfigEntry:
    """One key of one broker or topic: the effective value, and every layer below it.

    ``synonyms`` are (source, value) from the strongest layer down; a sensitive value is None.
    """

    value: str | None
    source: str
    read_only: bool
    sensitive: bool
    synonyms: tuple[tuple[str, str | None], ...] = ()

    def layer(self, source: str) -> str | None:
        """The value this key has in that layer, or None."""
        return next((value for origin, value in self.synonyms if origin == source), None)


@dataclass(frozen=True)
class LogDirView:
    """A log dir as the broker reports it; ``bytes`` is what its partitions hold."""

    path: str
    bytes: int
    error: str | None = None


@dataclass(frozen=True)
class QuorumView:
    """The KRaft quorum: voters' ids and how far each is behind the leader, in records.

    A dynamic quorum knows its voters by the ids of their directories as well, as they stand in
    ``meta.properties``. ``observers`` are (id, directory) of the nodes that read along: brokers,
    and controllers that do not vote (yet).
    """

    leader: int | None
    voters: Mapping[int, int]
    observers: frozenset[tuple[int, str]] = frozenset()
    directories: Mapping[int, str] = field(default_factory=dict)

    @property
    def dynamic(self) -> bool:
        return any(self.directories.values())


@dataclass(frozen=True)
class ClusterView:
    """One observation of a cluster, made with a fixed handful of requests.

    ``broker_configs`` has an entry for each broker that answered; ``errors`` says what could not be
    read: by ``broker-ID``, ``topic-NAME``, ``brokers``, ``cluster-config``, ``quorum``, and what an
    ``Ask`` is about (``"broker-1": "no answer within 10 s"``). ``answers``: what was asked besides,
    as its ``read`` gives it; one without an answer is among the ``errors``. ``offline_log_dirs``
    are those that a running broker gave up after an error of its disk. ``cluster_config`` is the
    cluster-wide dynamic default. ``controller`` is a broker id in ZooKeeper mode and the quorum's
    leader in KRaft.
    """

    cluster_id: str
    controller: int | None
    brokers: tuple[BrokerView, ...]
    topics: tuple[TopicView, ...]
    broker_configs: Mapping[int, Mapping[str, ConfigEntry]] = field(default_factory=dict)
    cluster_config: Mapping[str, str | None] = field(default_factory=dict)
    log_dirs: Mapping[int, tuple[LogDirView, ...]] = field(default_factory=dict)
    offline_log_dirs: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    quorum: QuorumView | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[Ask, Any] = field(default_factory=dict)

    @property
    def alive(self) -> frozenset[int]:
        return frozenset(broker.id for broker in self.brokers if not broker.fenced)

    def topic(self, name: str) -> TopicView | None:
        return next((topic for topic in self.topics if topic.name == name), None)


@dataclass(frozen=True)
class Record:
    """A record read back. ``value`` is the bytes that were written."""

    partition: int
    offset: int
    value: bytes


class KafkaReader(Protocol):
    """Looks at one cluster through its bootstrap addresses. Methods raise KafkaUnavailable,
    KafkaRefused.

    Every method has a deadline of its own (``timeout`` seconds of the constructor). After a broker
    stopped or started call ``refresh()``: the controller and the broker list are kept.
    """

    def view(self, asks: Sequence[Ask] = (), *, log_dirs: bool = False) -> ClusterView:
        """Brokers, topics, configurations, quorum: everything plan, drift and verify compare; and
        the answers to ``asks``, which are sent beside the rest."""

    def liveness(self) -> ClusterView:
        """Only brokers, controller and partitions (metadata): what a wait polls."""

    def bootstrap_views(self) -> Mapping[str, ClusterView | str]:
        """Asks every bootstrap address by itself: its own metadata, or why it did not answer."""

    def consume(self, topic: str, *, count: int | None = None, seconds: float) -> list[Record]:
        """Reads every partition from the beginning to its end offset (or ``count`` records), in
        no consumer group. KafkaUnavailable when it has not all within ``seconds``."""

    def refresh(self) -> None:
        """Forgets every connection and cached controller."""

    def close(self) -> None: ...


class KafkaWriter(Protocol):
    """Changes one cluster. Methods raise as those of ``KafkaReader``."""

    def send(self, request: Request) -> None:
        """KafkaRefused when Kafka does not do it, KafkaUnavailable when that is not known."""

    def delete_topic(self, name: str) -> None: ...

    def elect_preferred_leaders(self) -> None:
        """For all partitions; 'election not needed' is no error."""

    def produce(self, topic: str, values: Sequence[bytes], *, seconds: float) -> list[Any]:
        """Writes with acks=all and idempotence, never creating the topic, to each partition in
        turn. Returns for each value ``(partition, offset)``, or the KafkaUnavailable or
        KafkaRefused it failed with."""

    def producer(self, topic: str) -> Traffic:
        """A producer that goes on in the background until it is stopped (drill)."""


@dataclass(frozen=True)
class Sent:
    """One acknowledged record of a ``Traffic``: its value, place, and when (monotonic seconds)."""

    value: bytes
    partition: int
    offset: int
    sent: float
    acked: float


class Traffic(Protocol):
    """A steady producer: numbered records, acks=all, idempotent."""

    def acked(self) -> list[Sent]: ...

    def failed(self) -> list[str]: ...

    def stop(self, seconds: float) -> None:
        """Stops sending and waits for what is in flight, at most ``seconds``."""


Address = tuple[str, int]
"""Host and port."""

Dial = Callable[[str, int, float], Any]
"""``(host, port, timeout seconds) → connected socket-like``: how to reach an address of a host."""
