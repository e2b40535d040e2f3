"""What the rest of the tool knows of a Kafka cluster: plain values, and the port's protocols.

``client.py`` implements both; of the Kafka library only ``messages.py`` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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
    """Kafka answered with an error. ``code`` is Kafka's name of it: ``TOPIC_ALREADY_EXISTS``;
    ``later``: in how many seconds it takes the same, where a quota holds it up."""

    def __init__(self, code: str, message: str, later: float = 0.0):
        self.code, self.later = code, later
        super().__init__(f"{code}: {message}" if message else code)


@dataclass(frozen=True)
class PartitionView:
    """A partition as the metadata says. ``leader`` is None when there is none. ``replicas`` are
    without those that a reassignment is ``adding``: these are to come, and none is missing."""

    id: int
    leader: int | None
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    offline: tuple[int, ...] = ()
    adding: tuple[int, ...] = ()


@dataclass(frozen=True)
class TopicView:
    """A topic; ``config`` holds its explicit overrides only (source dynamic-topic)."""

    name: str
    internal: bool
    partitions: tuple[PartitionView, ...]
    config: Mapping[str, str] = field(default_factory=dict)
    min_isr: int | None = None
    id: str = ""
    keeping: Mapping[str, str] = field(default_factory=dict)
    """The effective values of what decides how long records are kept (``reading.KEEPING``)."""
    secrets: tuple[str, ...] = ()
    """The overrides that Kafka does not show; in ``config`` they are empty."""

    @cached_property
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
    """A log dir as the broker reports it; ``bytes`` is what its partitions hold, ``partitions``
    what each does where that was asked."""

    path: str
    bytes: int
    error: str | None = None
    partitions: Mapping[tuple[str, int], int] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class DiskView:
    """The filesystem of a log dir: bytes in all and free. Two log dirs may be on one."""

    total: int
    free: int


@dataclass(frozen=True)
class QuorumView:
    """The KRaft quorum: voters' ids and how far each is behind the leader, in records.

    A dynamic quorum knows its voters by the ids of their directories as well, as they stand in
    ``meta.properties``. ``observers`` are (id, directory) of the nodes that read along: brokers,
    and controllers that do not vote (yet); ``reading`` has how far each is behind. ``endpoints``:
    where the other controllers reach each voter. ``silent``: the seconds since a voter last asked
    the leader for records. Both only as far as Kafka tells.
    """

    leader: int | None
    voters: Mapping[int, int]
    observers: frozenset[tuple[int, str]] = frozenset()
    directories: Mapping[int, str] = field(default_factory=dict)
    reading: Mapping[tuple[int, str], int] = field(default_factory=dict)
    endpoints: Mapping[int, tuple[str, int]] = field(default_factory=dict)
    silent: Mapping[int, float] = field(default_factory=dict)

    @property
    def dynamic(self) -> bool:
        return any(self.directories.values())


@dataclass(frozen=True)
class ClusterView:
    """One observation of a cluster, made with a fixed handful of requests.

    ``broker_configs`` has an entry for each broker that answered; ``errors`` says what could not be
    read: by ``broker-ID``, ``log-dirs-ID``, ``topic-NAME``, ``brokers``, ``cluster-config``,
    ``quorum``, and what an ``Ask`` is about (``"broker-1": "no answer within 10 s"``); of a missing
    right, which it is (``rights.py``). ``answers``: what was asked besides,
    as its ``read`` gives it; one without an answer is among the ``errors``. ``offline_log_dirs``
    are those that a running broker gave up after an error of its disk. ``disks`` has those of a
    broker's log dirs whose size it tells (Kafka 3.3 and later). ``cluster_config`` is the
    cluster-wide dynamic default. ``noted``: what this tool wrote into its journals about what it
    did, by the id of the thing; None where that was not looked up. ``aims``: what the saved plan
    that is carried out brings about, by the id of the thing; None where none is. ``controller`` is
    a broker id in ZooKeeper mode and the quorum's leader in KRaft.
    """

    cluster_id: str
    controller: int | None
    brokers: tuple[BrokerView, ...]
    topics: tuple[TopicView, ...]
    broker_configs: Mapping[int, Mapping[str, ConfigEntry]] = field(default_factory=dict)
    cluster_config: Mapping[str, str | None] = field(default_factory=dict)
    log_dirs: Mapping[int, tuple[LogDirView, ...]] = field(default_factory=dict)
    offline_log_dirs: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    disks: Mapping[int, tuple[DiskView, ...]] = field(default_factory=dict)
    quorum: QuorumView | None = None
    errors: Mapping[str, str] = field(default_factory=dict)
    answers: Mapping[Ask, Any] = field(default_factory=dict)
    noted: Mapping[str, tuple[Any, ...]] | None = None
    znodes: Mapping[str, str | None] | None = None
    """ZooKeeper's nodes of a migration to KRaft: what each holds, None where it is not there; None
    as a whole where nobody asked, or ZooKeeper did not answer (``errors`` has why)."""
    aims: Mapping[str, Any] | None = None
    level: int | None = None
    """The newest ``metadata.version`` that the broker asked first supports; None: not told."""

    @cached_property
    def sizes(self) -> Mapping[tuple[str, int], int]:
        """{(topic, partition): bytes} of the largest replica, as far as sizes were asked."""
        found: dict[tuple[str, int], int] = {}
        for dirs in self.log_dirs.values():
            for each in dirs:
                for place, size in each.partitions.items():
                    found[place] = max(size, found.get(place, 0))
        return found

    def free(self, broker: int) -> int | None:
        """Bytes that the fullest disk of a broker still takes; None where that is not known."""
        return min((disk.free for disk in self.disks.get(broker, ())), default=None)

    @cached_property
    def alive(self) -> frozenset[int]:
        return frozenset(broker.id for broker in self.brokers if not broker.fenced)

    def topic(self, name: str) -> TopicView | None:
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> Mapping[str, TopicView]:
        return {topic.name: topic for topic in reversed(self.topics)}


More = Callable[[ClusterView], "Sequence[Ask]"]
"""What is asked because of what a view tells."""


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

    def view(
        self,
        asks: Sequence[Ask] = (),
        *,
        log_dirs: bool = False,
        more: More | None = None,
        avoid: Collection[Address] = (),
        of_topics: Collection[str] | None = None,
        of_brokers: bool = True,
    ) -> ClusterView:
        """Brokers, topics, configurations, quorum: everything plan, drift and verify compare; and
        the answers to ``asks``, which are sent beside the rest. What ``more`` asks because of what
        is known is sent in rounds of its own, until nothing is new. It is another broker's than
        those at the addresses to ``avoid``, where there is another. ``of_topics``: those whose
        configuration is asked; None: all. Not ``of_brokers``: without each broker's own
        configuration and log dirs."""

    def liveness(self, more: More | None = None) -> ClusterView:
        """Only brokers, controller and partitions (metadata): what a wait polls; and what ``more``
        asks because of these."""

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

    def send_all(self, requests: Sequence[Request]) -> list[KafkaRefused | None]:
        """Requests in as few exchanges as ``joining.in_requests`` makes of them: what Kafka said to
        each, None where it did it. KafkaUnavailable when that is not known of some."""

    def delete_topic(self, name: str) -> None: ...

    def elect_preferred_leaders(self) -> None:
        """For all partitions that have all replicas in sync, in lists of at most a thousand."""

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
