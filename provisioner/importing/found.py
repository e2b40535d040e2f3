"""What was found of a running cluster: plain values, whoever found them.

``Found`` is filled from two sides. What Kafka tells (``kafka``) is read through any broker. What
hosts tell (``nodes``, ``hosts``) is read by the survey of processes and files; it is empty where no
host was looked at. Everything is sorted by whoever makes it, so that two surveys of one cluster are
equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from provisioner.spec.types import Role


@dataclass(frozen=True)
class FoundNode:
    """One process of Kafka or ZooKeeper on a host, as it runs.

    ``listeners`` and ``advertised`` are texts as Kafka writes them (``PLAINTEXT://:9092``), in the
    order of the file. ``config`` has the properties of its file that the spec does not model, as
    Kafka spells them; ``secrets`` names those of them whose values are secrets (they are not in
    ``config``). ``config_path`` is the properties file it was started with, ``home`` the folder of
    its Kafka (``bin/``, ``libs/``), ``java`` its Java home (empty: not known). ``heap`` is Kafka's
    spelling (``512m``). ``supervisor`` is ``systemd`` or ``process``, ``unit`` the name of the unit
    (empty without one). Paths are absolute.
    """

    role: Role
    id: int
    host: str
    listeners: tuple[str, ...] = ()
    advertised: tuple[str, ...] = ()
    inter_broker_listener: str | None = None
    controller_listener: str | None = None
    """Of a controller or combined node: ``CONTROLLER://:9093``."""
    log_dirs: tuple[str, ...] = ()
    """Of ZooKeeper: its data dir; of a controller: the folder of its metadata log."""
    mounted: frozenset[str] = frozenset()
    """Those of ``log_dirs`` that are mount points."""
    client_port: int | None = None
    peer_port: int | None = None
    election_port: int | None = None
    rack: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    heap: str | None = None
    jvm_opts: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    jmx_port: int | None = None
    jmx_address: str | None = None
    config_path: str = ""
    home: str = ""
    java: str = ""
    user: str = ""
    version: str = ""
    supervisor: str = "process"
    unit: str = ""
    unit_path: str = ""
    cluster_id: str = ""
    """As its ``meta.properties`` has it; empty where that could not be read."""

    @property
    def name(self) -> str:
        """``zookeeper-ID``, ``controller-ID`` or ``broker-ID``, as in the spec."""
        broker = self.role in (Role.BROKER, Role.COMBINED)
        return f"{'broker' if broker else self.role.value}-{self.id}"


@dataclass(frozen=True)
class FoundHost:
    """A host that was looked at, and what the inventory is to say of it.

    ``variables`` are Ansible's (``ansible_host``, …), as they were given; never passwords.
    ``address`` is how the other nodes reach it, empty where that is not known.
    """

    name: str
    address: str = ""
    variables: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class FoundTopic:
    """A topic. ``replicas`` has those of each partition, the preferred leader first, as they will
    be when what moves has arrived. ``config`` has the explicit overrides only; ``secrets`` names
    the overrides that Kafka keeps to itself (they are not in ``config``)."""

    name: str
    replicas: tuple[tuple[int, ...], ...]
    config: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundQuota:
    """Client quotas of one entity: (``user`` | ``client-id``, name or None for the default)."""

    entity: tuple[tuple[str, str | None], ...]
    rates: Mapping[str, float]


@dataclass(frozen=True)
class FoundBroker:
    """A broker as it is registered, and its dynamic configuration (its own, not the cluster's)."""

    id: int
    host: str
    port: int
    rack: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class FoundKafka:
    """What Kafka tells. ``bootstrap``: the addresses that were asked, as given (``host:port``).

    ``kraft``: whether it has a quorum of controllers; ``controllers`` are their ids. ``config`` is
    the cluster-wide dynamic configuration. ``quotas`` and ``config`` are None where they could not
    be read. ``version`` is the newest known of the release that the brokers speak, and None where
    that cannot be told.
    """

    cluster_id: str
    bootstrap: tuple[str, ...]
    kraft: bool
    brokers: tuple[FoundBroker, ...]
    controllers: tuple[int, ...] = ()
    topics: tuple[FoundTopic, ...] = ()
    quotas: tuple[FoundQuota, ...] | None = ()
    config: Mapping[str, str] | None = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    version: str | None = None


@dataclass(frozen=True)
class Found:
    """A cluster. ``cluster`` is the name that the spec gets. ``warnings``: what a person should
    know of what could not be carried over, one sentence each."""

    cluster: str
    kafka: FoundKafka | None = None
    nodes: tuple[FoundNode, ...] = ()
    hosts: tuple[FoundHost, ...] = ()
    warnings: tuple[str, ...] = ()
    dynamic: bool = False
    """Whether the quorum of controllers is a dynamic one, as the files say."""
