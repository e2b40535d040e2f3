"""The paths of one host: addresses only, never wanted values."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.spec.types import Node, Spec, Supervisor


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
        return f"{self.private_dir}/cluster.properties"

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
        return f"{self.home}/logs/{node.name}"

    def unit(self, node: Node) -> str:
        return f"kafka-{self.cluster}-{node.name}.service"


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
    )
