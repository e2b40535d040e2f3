"""What a spec says, checked and with every default filled in: the output of ``spec.load``.

Paths are absolute, or start with ``~/`` and are then relative to the home directory of
``Spec.user`` on the node's host (``Spec.bind`` puts the real one in). Values of properties are
strings as Kafka reads them. Nothing here knows YAML, and nothing here knows what a host looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Literal

from provisioner.errors import Notice
from provisioner.spec.patterns import matches


class Role(StrEnum):
    """What a process is. A combined KRaft node is one process with the name ``broker-ID``."""

    ZOOKEEPER = "zookeeper"
    CONTROLLER = "controller"
    BROKER = "broker"
    COMBINED = "combined"


class Level(IntEnum):
    """What nodes are to run as now, on the way from ZooKeeper to KRaft: the controllers run beside
    it; the brokers take part, in ZooKeeper mode; the brokers are in KRaft mode."""

    CONTROLLERS = 1
    HYBRID = 2
    DUAL_WRITE = 3


class Supervisor(StrEnum):
    """Who keeps the processes: systemd, or nobody but this tool (``process``)."""

    SYSTEMD = "systemd"
    PROCESS = "process"


@dataclass(frozen=True)
class Listener:
    """``NAME://HOST:PORT``; ``host`` may be empty (all interfaces)."""

    name: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.name}://{host}:{self.port}"


@dataclass(frozen=True)
class LogDir:
    """A folder that holds data; ``mounted`` demands that it is a mount point."""

    path: str
    mounted: bool = False


@dataclass(frozen=True)
class Node:
    """One process: a ZooKeeper server, a controller, a broker, or a combined KRaft node.

    ``host`` is the inventory's name. ``config`` holds the user's own properties
    (``defaults.config`` below the node's), not those the spec models. ``heap`` is Kafka's spelling
    (``512m``). ``log_dirs[0]`` is ZooKeeper's data dir, or the metadata log dir of a KRaft node.
    Ports that do not apply are None. ``controller_listener`` is what a controller listens on (an
    empty host: all interfaces); ``advertised_controller`` is how other nodes reach it, its host is
    never empty. ``secrets`` are properties whose values are read only when they are needed.
    """

    role: Role
    id: int
    host: str
    properties: str
    log_dirs: tuple[LogDir, ...] = ()
    listeners: tuple[Listener, ...] = ()
    advertised_listeners: tuple[Listener, ...] = ()
    controller_listener: Listener | None = None
    advertised_controller: Listener | None = None
    inter_broker_listener: str | None = None
    rack: str | None = None
    heap: str | None = None
    jvm_opts: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    jmx_port: int | None = None
    jmx_address: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    client_port: int | None = None
    peer_port: int | None = None
    election_port: int | None = None
    hold: str = ""
    """Why it is left alone; empty where it is not."""
    cordon: bool = False
    line: int = 0
    unit: str = ""
    """The systemd unit that runs it, which this tool did not make; empty where it makes its own."""
    advertises: bool = False
    """Whether the spec itself says what it advertises."""

    @property
    def takes_replicas(self) -> bool:
        """Whether this tool gives it new ones."""
        return not self.hold and not self.cordon

    @property
    def name(self) -> str:
        """``zookeeper-ID``, ``controller-ID`` or ``broker-ID``: the name of its service."""
        return f"{'broker' if self.is_broker else self.role.value}-{self.id}"

    @property
    def is_broker(self) -> bool:
        return self.role in (Role.BROKER, Role.COMBINED)

    @property
    def is_controller(self) -> bool:
        return self.role in (Role.CONTROLLER, Role.COMBINED)


@dataclass(frozen=True)
class Topic:
    """A topic the spec wants. ``config`` holds explicit overrides as strings, those of its profile
    among them. ``placement`` has the replicas of each partition, the preferred leader first, where
    the spec names them; ``replication`` is then the most that a partition has."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)
    line: int = 0
    placement: tuple[tuple[int, ...], ...] | None = None
    secrets: tuple[str, ...] = ()
    """Overrides of which the spec has a reference only: that they are set is compared, their values
    are not."""


@dataclass(frozen=True)
class Overrides:
    """Dynamic configuration of one broker, or of all. ``secrets``: as those of a topic."""

    config: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Quota:
    """Client quotas of one entity: its parts (``user``, ``client-id``) in this order, each with its
    name, None for the default. ``rates`` are numbers by Kafka's names."""

    entity: tuple[tuple[str, str | None], ...]
    rates: Mapping[str, float]
    line: int = 0


@dataclass(frozen=True)
class Features:
    """Kafka's features: name → level; with ``latest`` all of them but ``kraft.version``, at the
    newest level that the version has."""

    levels: Mapping[str, int] = field(default_factory=dict)
    latest: bool = False


@dataclass(frozen=True)
class Move:
    """How replicas are moved: ``rate`` bytes per second of each broker, in and out, and at most
    ``per_broker`` partitions at once into a broker and out of it."""

    rate: int = 50_000_000
    per_broker: int = 5


@dataclass(frozen=True)
class Rolling:
    """How running nodes are restarted: at most ``parallel`` together; after the first ``canary`` of
    them (0: none) they are looked at; ``pause``: seconds between two batches."""

    parallel: int = 1
    canary: int = 0
    pause: float = 0.0


@dataclass(frozen=True)
class Policy:
    """What to do with what the spec does not name, and how a change is made."""

    unmanaged_topics: str = "report"
    unmanaged_config: str = "report"
    offline_partitions: str = "allow"
    protect: tuple[str, ...] = ()
    move: Move = Move()
    leaders: str = "ignore"
    roll: Rolling = Rolling()
    rebalance: Literal["off", "add-brokers", "balance"] = "off"

    def protects(self, topic: str) -> bool:
        """Whether ``protect`` has a pattern that matches the topic's name."""
        return matches(self.protect, topic)


@dataclass(frozen=True)
class Source:
    """Where Kafka comes from: ``maven``, ``path``, ``url`` or ``preinstalled``."""

    kind: str = "maven"
    location: str = ""
    sha512: str = ""


@dataclass(frozen=True)
class SshSettings:
    """How a host is reached by SSH; None means: what ``~/.ssh/config`` or the default says."""

    address: str = ""
    port: int | None = None
    user: str | None = None
    key_files: tuple[str, ...] = ()
    jumps: tuple[str, ...] = ()
    known_hosts: tuple[str, ...] = ()
    connect_timeout: float | None = None


@dataclass(frozen=True)
class Host:
    """A machine of the inventory that the spec uses.

    ``connection`` is ``local`` or ``ssh``. ``kafka_address`` is how other nodes reach it.
    ``become`` is ``ansible_become``, None where nothing is said. ``become_password`` is a secret:
    it is in no ``repr``.
    """

    name: str
    connection: str = "local"
    ssh: SshSettings = field(default_factory=SshSettings)
    become: bool | None = None
    become_user: str = "root"
    become_password: str | None = field(default=None, repr=False)
    kafka_address: str | None = None
    groups: tuple[str, ...] = ()
    home: str | None = None
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where it is written: field of ``provision hosts`` → ``FILE:LINE``."""

    def may_become(self, asked: bool) -> bool:
        """Whether sudo may be used. ``asked``: -K was given; the inventory goes before it."""
        return asked if self.become is None else self.become


@dataclass(frozen=True)
class Spec:
    """One cluster. ``nodes`` are in the order ZooKeeper or controllers, then brokers, by id.

    ``digest`` is the SHA-256 of what the file says, comments and order of keys aside. ``warnings``
    are those of spec and inventory.
    """

    cluster: str
    file: str
    digest: str
    version: str
    home: str
    user: str | None
    supervisor: Supervisor
    java: str
    source: Source
    nodes: tuple[Node, ...]
    topics: tuple[Topic, ...]
    policy: Policy
    hosts: Mapping[str, Host]
    cluster_id: str | None = None
    controller_quorum: str | None = None
    fresh_cluster_id: str | None = None
    """An id for a KRaft cluster that has none yet; made by the run, never by the spec."""
    quotas: tuple[Quota, ...] | None = None
    """None: the spec does not speak of them, and nobody looks at them."""
    features: Features | None = None
    """None: the spec does not speak of them, and none is finalised."""
    warnings: tuple[Notice, ...] = ()
    topics_scope: tuple[str, ...] = ("*",)
    """Shell patterns; ``()`` where the spec speaks of no topic and none is looked at."""
    absent_topics: tuple[str, ...] = ()
    """Names that should not be there, sorted: ``old: absent``."""
    bootstrap: tuple[tuple[str, int], ...] = ()
    """(host, port) of a Kafka that somebody else runs. Then there are no nodes, ``hosts`` has this
    machine only, on which the lock and the journal are, and nothing of a host is managed."""
    broker_config: Mapping[str, Overrides] | None = None
    """By ``cluster`` and ``broker-ID``, with ``bootstrap``; None: the spec does not speak of it."""
    leaving: tuple[Node, ...] = ()
    """Brokers that should not be there, by id: ``state: absent``. Listeners and log dirs that the
    file leaves out are those of their properties file (``site/leaving.py``)."""
    retiring: tuple[Node, ...] = ()
    """Controllers that should not be there, by id. One whose id another host has in ``controllers``
    moves there."""
    quorum_said: bool = False
    """Whether the file itself has ``controller_quorum``."""

    migration: Literal["", "hybrid", "dual-write"] = ""
    """How far the cluster is to be migrated from ZooKeeper; empty where both are not given."""
    level: Level | None = None
    """Where it stands, by what was seen (``kinds/phases.py``); None until then, and where no
    migration is under way."""
    former: tuple[Node, ...] = ()
    """Nodes of this cluster on its hosts that the spec no longer has: the controllers of a
    migration that is taken back, or the ZooKeeper servers of one that is finalised."""

    @property
    def adopted(self) -> bool:
        """Whether it describes what was there before: nothing that runs is then invalid."""
        return bool(self.bootstrap) or self.source.kind == "preinstalled"

    def manages(self, topic: str) -> bool:
        """Whether a topic of that name is this spec's to judge, wanted or not."""
        return matches(self.topics_scope, topic)

    @property
    def preinstalled(self) -> bool:
        """Whether Kafka is in its home already, and is neither sent nor replaced."""
        return self.source.kind == "preinstalled"

    @property
    def zookeeper(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.role is Role.ZOOKEEPER)

    @property
    def controllers(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.is_controller)

    @property
    def brokers(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.is_broker)

    @property
    def is_kraft(self) -> bool:
        """Whether its brokers run in KRaft mode."""
        return self.level is Level.DUAL_WRITE or not self.zookeeper

    @property
    def has_quorum(self) -> bool:
        """Whether it has controllers, whatever its brokers are."""
        return self.is_kraft or bool(self.controllers)

    @property
    def known(self) -> tuple[Node, ...]:
        """Every node that the spec names, also those that are to go."""
        return (*self.nodes, *self.going, *self.former)

    @property
    def going(self) -> tuple[Node, ...]:
        """Every node that should not be there."""
        return (*self.leaving, *self.retiring)

    def leaves(self, broker: int) -> bool:
        """Whether the broker with this id is to go."""
        return any(node.id == broker for node in self.leaving)

    def on(self, host: str) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.host == host)

    def node(self, name: str) -> Node:
        """The node of that service name, also one that is to go. Raises KeyError."""
        for node in self.known:
            if node.name == name:
                return node
        raise KeyError(name)

    def home_on(self, host: str) -> str:
        """Kafka's folder on that host, with ``~`` put in once ``bind`` knows it."""
        return expand(self.home, self.hosts[host].home)

    def state_on(self, host: str) -> str:
        """The folder that holds manifest, lock and journal on that host."""
        if self.supervisor is Supervisor.SYSTEMD:
            return f"/var/lib/provision/{self.cluster}"
        return f"{self.home_on(host)}/.provision"

    def cluster_id_file_on(self, host: str) -> str:
        """Where the id of a KRaft cluster is kept, written before the first format. A home that was
        not made by this tool may be root's."""
        kept = self.state_on(host) if self.preinstalled else f"{self.home_on(host)}/.provision"
        return f"{kept}/cluster.properties"

    def bind(self, homes: Mapping[str, str]) -> Spec:
        """The same spec with the users' homes (host → absolute path) in place of ``~``."""
        hosts = {
            name: replace(host, home=homes.get(name, host.home))
            for name, host in self.hosts.items()
        }
        nodes, leaving, retiring = (
            tuple(bind_node(node, hosts[node.host].home) for node in some)
            for some in (self.nodes, self.leaving, self.retiring)
        )
        return replace(self, hosts=hosts, nodes=nodes, leaving=leaving, retiring=retiring)


def expand(path: str, home: str | None) -> str:
    """``~/x`` with ``home`` in place of ``~``; unchanged where the home is not known yet."""
    if home is not None and (path == "~" or path.startswith("~/")):
        return home.rstrip("/") + path[1:]
    return path


def bind_node(node: Node, home: str | None) -> Node:
    return replace(
        node,
        properties=expand(node.properties, home),
        log_dirs=tuple(replace(d, path=expand(d.path, home)) for d in node.log_dirs),
    )
