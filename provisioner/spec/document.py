"""The shape of a spec file, as pydantic models: names, types, patterns, what is optional.

Nothing here looks at two values at once: that is ``checks.py``; defaults that depend on another
value are filled in by ``build.py``. The descriptions end up in the JSON Schema and in
``docs/spec-reference.md``.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from provisioner.spec import words

Port = Annotated[int, Field(ge=1, le=65535)]
NodeId = Annotated[int, Field(ge=0, le=2_147_483_647)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Path = Annotated[str, AfterValidator(words.path)]
Address = Annotated[str, AfterValidator(words.address)]
ListenerText = Annotated[str, AfterValidator(words.listener)]
Heap = Annotated[str, BeforeValidator(words.heap)]
JvmOption = Annotated[str, AfterValidator(words.jvm_option)]
Version = Annotated[str, BeforeValidator(words.version)]
TopicName = Annotated[str, AfterValidator(words.topic_name)]
Java = Annotated[str, AfterValidator(words.java)]
Sha512 = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{128}$")]


class Shape(BaseModel):
    """What all parts have in common: no unknown keys, no guessing of types.

    ``defer_build``: only the whole is compiled, at its first use, not each part at import.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)


class SecretRef(Shape):
    """Where a secret is read from when it is needed; the secret itself is never in a spec."""

    env: Annotated[str | None, Field(description="Name of an environment variable")] = None
    file: Annotated[str | None, Field(description="Path of a file on the control side")] = None
    command: Annotated[
        list[str] | None, Field(min_length=1, description="A command whose output it is")
    ] = None


def kind_of(value: Any) -> str:
    """Which variant of a union a value is: a mapping, or a word (pydantic's discriminator)."""
    return "mapping" if isinstance(value, (dict, BaseModel)) else "word"


EITHER = Discriminator(kind_of)
SCALAR_SCHEMA = WithJsonSchema({"type": ["string", "number", "boolean"]})
PropertyText = Annotated[str, BeforeValidator(words.property_value), SCALAR_SCHEMA]
PropertyValue = Annotated[
    Annotated[PropertyText, Tag("word")] | Annotated[SecretRef, Tag("mapping")], EITHER
]
Properties = dict[str, PropertyValue]


class Options(Shape):
    """What every node may have, and ``defaults`` gives to all."""

    heap: Annotated[
        Heap | None,
        Field(description="Heap of the JVM, both -Xms and -Xmx: 512m, 1g", examples=["512m"]),
    ] = None
    jvm_opts: Annotated[
        list[JvmOption] | None,
        Field(
            description="Options of the JVM, one an item; a node's own list replaces the default"
        ),
    ] = None
    env: Annotated[
        dict[str, PropertyText] | None,
        Field(description="Environment of the process; merged with the default, the node's wins"),
    ] = None
    jmx_port: Annotated[
        Port | None,
        Field(
            description="Port for JMX; none without it. It has no login: every user of the machine "
            "may run anything as Kafka's user by it"
        ),
    ] = None
    jmx_address: Annotated[
        Address | None,
        Field(
            description="The address of the host that JMX listens on; default 127.0.0.1. Whoever "
            "reaches it may run anything as Kafka's user"
        ),
    ] = None
    config: Annotated[
        Properties | None,
        Field(
            description="Properties as Kafka spells them; merged with the default, the node's win. "
            "Keys that the spec models (broker.id, listeners, log.dirs, …) are refused here"
        ),
    ] = None


class Defaults(Options):
    """For every node; a node's own wins. `config` goes to brokers and controllers only."""


class NodeShape(Options):
    id: Annotated[NodeId, Field(description="Kafka's id of the node")]
    host: Annotated[Name, Field(description="Name of the host in the inventory")]
    state: Annotated[
        Literal["absent"] | None,
        Field(description="`absent`: drain and remove the node (not yet supported)"),
    ] = None


class ZooKeeper(NodeShape):
    """One server of the ZooKeeper ensemble."""

    id: Annotated[int, Field(ge=1, le=255, description="The server's id (myid), 1 to 255")]
    client_port: Annotated[Port, Field(description="Port for Kafka and other clients")] = 2181
    peer_port: Annotated[Port, Field(description="Port for followers, in an ensemble")] = 2888
    election_port: Annotated[Port, Field(description="Port for elections, in an ensemble")] = 3888
    data_dir: Annotated[
        Path, Field(description="Folder of its data; relative ones are below kafka.home")
    ] = "zookeeper"


class Controller(NodeShape):
    """One KRaft controller. With the id and host of a broker, both are one process."""

    port: Annotated[Port | None, Field(description="Its port; or say `controller_listener`")] = None
    controller_listener: Annotated[
        ListenerText | None,
        Field(
            description="In place of `port`: NAME://HOST:PORT, as other nodes reach it",
            examples=["CONTROLLER://:9093"],
        ),
    ] = None
    log_dir: Annotated[
        Path | None,
        Field(
            description="Folder of the metadata log; default controller-ID below kafka.home. "
            "A combined node keeps it in its first log dir"
        ),
    ] = None


class LogDir(Shape):
    """A log dir that is a mount point."""

    path: Annotated[Path, Field(description="The folder")]
    mounted: Annotated[
        bool, Field(description="It must be a mount point, or nothing is started there")
    ] = False


class Broker(NodeShape):
    """One broker."""

    listeners: Annotated[
        list[ListenerText],
        Field(
            min_length=1,
            description="NAME://HOST:PORT; an empty HOST listens everywhere and advertises the "
            "host's address",
            examples=[["PLAINTEXT://:9092"]],
        ),
    ]
    advertised_listeners: Annotated[
        list[ListenerText] | None,
        Field(min_length=1, description="What clients and brokers are told, where it differs"),
    ] = None
    inter_broker_listener: Annotated[
        str | None, Field(description="Name of the listener that brokers use among themselves")
    ] = None
    log_dirs: Annotated[
        list[Annotated[Annotated[Path, Tag("word")] | Annotated[LogDir, Tag("mapping")], EITHER]],
        Field(
            min_length=1,
            description="Folders of the data; relative ones are below kafka.home",
            examples=[["logs-0"]],
        ),
    ]
    rack: Annotated[
        str | None, Field(min_length=1, description="Rack or zone, for the placement of replicas")
    ] = None


class HostEntry(Shape):
    """What the cluster needs to know of a host."""

    address: Annotated[Address, Field(description="How the other nodes reach it")]


class Download(Shape):
    """An official Kafka tarball; exactly one of `path` and `url`."""

    path: Annotated[str | None, Field(min_length=1, description="A file on the control side")] = (
        None
    )
    url: Annotated[
        str | None, Field(pattern=r"^https?://\S+$", description="Where it is downloaded from")
    ] = None
    sha512: Annotated[Sha512, Field(description="Its SHA-512, 128 hex digits")]


SourceValue = Annotated[
    Annotated[Literal["maven", "preinstalled"], Tag("word")] | Annotated[Download, Tag("mapping")],
    EITHER,
]


class Kafka(Shape):
    """Which Kafka, where, and who runs it."""

    version: Annotated[
        Version,
        Field(
            description='A string of three numbers: "3.9.1". Unquoted 3.10 would be the number 3.1',
            examples=["3.9.1"],
        ),
    ]
    home: Annotated[
        Path | None,
        Field(
            description="Kafka's folder on the hosts (bin/, config/, libs/, logs/), absolute or "
            "~/… of the user. Default ~/.local/share/provision/CLUSTER, /opt/kafka with systemd"
        ),
    ] = None
    user: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,31}$",
            description="Who Kafka runs as. Default: the login user (process), kafka (systemd)",
        ),
    ] = None
    supervisor: Annotated[
        Literal["systemd", "process"] | None,
        Field(
            description="Who keeps the processes. Default: process if all nodes are on one host, "
            "else systemd"
        ),
    ] = None
    java: Annotated[
        Java, Field(description="bundled, system, or the absolute path of a Java home")
    ] = "bundled"
    source: Annotated[
        SourceValue,
        Field(description="maven, preinstalled, or an official tarball with its SHA-512"),
    ] = "maven"


class Topic(Shape):
    """A topic; its name is the key."""

    partitions: Annotated[int, Field(ge=1, le=2_147_483_647, description="How many partitions")]
    replication: Annotated[int, Field(ge=1, le=32767, description="How many replicas of each")]
    config: Annotated[
        Properties | None, Field(description="The topic's own overrides, as Kafka spells them")
    ] = None


EXACT = 2**53
"""Kafka has rates as doubles: whole numbers are exact up to here."""
EntityName = Annotated[str, Field(min_length=1)]
ByteRate = Annotated[int, Field(gt=0, le=EXACT)]
Rate = Annotated[float, Field(gt=0, le=EXACT)]


class Quota(Shape):
    """The rates of a user, of a client id, or of a client id of a user. `null` is the default
    entity: every user, or client id, without a quota of its own. A key that is left out is not part
    of the entity."""

    user: Annotated[EntityName | None, Field(description="A user; `null`: the default")] = None
    client_id: Annotated[
        EntityName | None, Field(description="A client id; `null`: the default")
    ] = None
    producer_byte_rate: Annotated[
        ByteRate | None, Field(description="Bytes per second that producers may write to a broker")
    ] = None
    consumer_byte_rate: Annotated[
        ByteRate | None, Field(description="Bytes per second that consumers may read from a broker")
    ] = None
    request_percentage: Annotated[
        Rate | None,
        Field(description="Time of a broker's request threads, in percent of one thread"),
    ] = None
    controller_mutation_rate: Annotated[
        Rate | None,
        Field(description="Partitions per second that may be created, added or deleted"),
    ] = None


class Policy(Shape):
    """What to do with what the spec does not name."""

    unmanaged_topics: Annotated[
        Literal["report", "delete", "ignore"],
        Field(description="Topics the spec does not have (`delete` is not yet supported)"),
    ] = "report"
    unmanaged_config: Annotated[
        Literal["report", "delete", "ignore"],
        Field(
            description="Overrides on our topics and brokers, and rates of our quotas, that are "
            "not in the spec; quotas that are not in the spec are only reported"
        ),
    ] = "report"
    offline_partitions: Annotated[
        Literal["allow", "refuse"],
        Field(description="Whether a change may leave a partition without a leader for a while"),
    ] = "allow"
    protect: Annotated[
        list[Annotated[str, Field(min_length=1)]],
        Field(description="Patterns of topics that are never deleted, whatever is allowed"),
    ] = []


class SpecFile(Shape):
    """One cluster."""

    cluster: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9-]{0,62}$",
            description="The cluster's name: small letters, digits, hyphens; at most 63",
            examples=["atu-lab"],
        ),
    ]
    inventory: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Path of the inventory (a file in YAML or INI form, or a folder of them), "
            "relative to this file; -i overrides it. Without either there is one "
            "host, `localhost`, without SSH",
        ),
    ] = None
    kafka: Annotated[Kafka, Field(description="Which Kafka, where, and who runs it")]
    defaults: Annotated[
        Defaults, Field(default_factory=Defaults, description="For every node; a node's own wins")
    ]
    hosts: Annotated[
        dict[Name, HostEntry],
        Field(description="Addresses of hosts; the host variable kafka_address says the same"),
    ] = {}
    cluster_id: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z0-9_-]{22}$",
            description="Kafka's id of the cluster; made and kept on the hosts without it",
        ),
    ] = None
    controller_quorum: Annotated[
        Literal["dynamic", "static"] | None,
        Field(description="How controllers know each other. Default: dynamic for 4.x, else static"),
    ] = None
    zookeeper: Annotated[
        list[ZooKeeper] | None, Field(min_length=1, description="ZooKeeper mode, Kafka up to 3.9")
    ] = None
    controllers: Annotated[
        list[Controller] | None, Field(min_length=1, description="KRaft mode: the controllers")
    ] = None
    brokers: Annotated[list[Broker], Field(description="The brokers, at least one")]
    topics: Annotated[dict[TopicName, Topic], Field(description="The topics, by name")] = {}
    quotas: Annotated[
        list[Quota] | None,
        Field(
            description="Client quotas. Without the key they are not managed; with it, quotas "
            "that are not in the list are reported"
        ),
    ] = None
    policy: Annotated[
        Policy,
        Field(default_factory=Policy, description="What to do with what the spec does not name"),
    ]
