"""The paths of one host: addresses only, never wanted values."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.spec.types import Node, Spec, Supervisor

UNIT_STOP_SECONDS = 360
"""After which systemd ends a node with SIGKILL."""


@dataclass(frozen=True)
class Distribution:
    """A distribution folder a host should have: its content's SHA-256 and where it stands."""

    artifact: str
    path: str
    digest: str
    version: str = ""
    made: bool = True
    """Whether it can be sent: a class-data archive is named before it is made."""


@dataclass(frozen=True)
class Facts:
    """Facts gathered from a host. ``home`` is the home directory of ``user``."""

    login: str
    uid: int
    user: str
    group: str
    home: str
    user_exists: bool
    arch: str
    system: str = ""
    libc: str = ""
    root: bool = False
    hostname: str = ""
    """The machine's own host name."""
    unsafe_home: str = ""
    """Where Kafka's user is root: why other users could change what is below Kafka's home."""
    former: str = ""
    """What ``former.sh`` printed of the nodes that were made there, with 3.9."""


@dataclass(frozen=True)
class HostLayout:
    """The paths of everything that belongs to one cluster on one host."""

    host: str
    home: str
    state: str
    user: str
    group: str
    supervisor: Supervisor
    nodes: tuple[Node, ...]
    cluster: str
    root: bool
    kafka: Distribution | None = None
    java: Distribution | None = None
    scripts: Distribution | None = None
    archive: Distribution | None = None
    user_exists: bool = True
    """Whether Kafka's user exists; until then nothing is read as that user (``reader``,
    prelude.sh)."""
    rebuild: bool = False
    """``apply --rebuild``: files in the way may be moved aside."""
    preinstalled: bool = False
    """Kafka is in its home already: nothing of it is made, replaced or removed."""
    leaving: tuple[Node, ...] = ()
    """Brokers and controllers of which nothing is to be there."""
    former: tuple[Node, ...] = ()
    """Nodes that a migration leaves behind (``Spec.former``)."""

    @property
    def known(self) -> tuple[Node, ...]:
        """Every node here, also those that are to go."""
        return (*self.nodes, *self.leaving, *self.former)

    @property
    def kafka_user(self) -> str:
        """The user that does everything below the home and in the log dirs."""
        return self.user

    @property
    def owner(self) -> str:
        return f"{self.user}:{self.group}"

    @property
    def private_dir(self) -> str:
        """The private folder inside Kafka's home: launch files, the host's key, distributions."""
        return f"{self.home}/.provision"

    @property
    def digest_key(self) -> str:
        return f"{self.private_dir}/key"

    @property
    def cluster_id_file(self) -> str:
        """Where the id of a KRaft cluster is kept, written before the first format."""
        kept = self.state if self.preinstalled else self.private_dir
        return f"{kept}/cluster.properties"

    @property
    def cluster_id_user(self) -> str:
        """The user that reads and writes it."""
        return self.state_user if self.preinstalled else self.kafka_user

    @property
    def manifest(self) -> str:
        return f"{self.state}/manifest"

    @property
    def state_owner(self) -> str:
        """The owner of the state folder: Kafka's user where it is below the home, else root."""
        return self.user if self.supervisor is Supervisor.PROCESS else ""

    @property
    def state_user(self) -> str:
        """The user that reads and writes the state folder; never a substitute."""
        return self.state_owner

    def launch(self, node: Node) -> str:
        """The launch file of a node: what its process is started with besides properties."""
        name = node.properties.rpartition("/")[2].removesuffix(".properties")
        return f"{self.private_dir}/launch/{name}.conf"

    def logs(self, node: Node) -> str:
        """The folder of its log files; a unit that was there already writes where Kafka does."""
        return f"{self.home}/logs" if node.unit else f"{self.home}/logs/{node.name}"

    def unit(self, node: Node) -> str:
        return node.unit or f"kafka-{self.cluster}-{node.name}.service"


def layout_for(
    spec: Spec,
    host: str,
    facts: Facts,
    *,
    kafka: Distribution | None = None,
    java: Distribution | None = None,
    scripts: Distribution | None = None,
    archive: Distribution | None = None,
) -> HostLayout:
    """The places of ``spec`` (already bound) on ``host``."""
    return HostLayout(
        host,
        spec.home_on(host),
        spec.state_on(host),
        facts.user,
        facts.group,
        spec.supervisor,
        spec.on(host),
        spec.cluster,
        facts.root,
        kafka,
        java,
        scripts,
        archive,
        user_exists=facts.user_exists,
        preinstalled=spec.preinstalled,
        leaving=tuple(node for node in spec.going if node.host == host),
        former=tuple(node for node in spec.former if node.host == host),
    )
