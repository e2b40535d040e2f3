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
MoveRate = Annotated[str, BeforeValidator(words.rate)]
JvmOption = Annotated[str, AfterValidator(words.jvm_option)]
Version = Annotated[str, BeforeValidator(words.version)]
Reason = Annotated[str, AfterValidator(words.reason)]
Duration = Annotated[
    float,
    BeforeValidator(words.duration),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,6}[smh]$"}),
]
BootstrapAddress = Annotated[str, AfterValidator(words.bootstrap)]
TopicName = Annotated[str, AfterValidator(words.topic_name)]
TopicPattern = Annotated[str, AfterValidator(words.topic_pattern)]
PartitionNumber = Annotated[str, AfterValidator(words.partition_number)]
ConfigFile = Annotated[str, AfterValidator(words.config_file)]
Unit = Annotated[str, AfterValidator(words.unit)]
FeatureName = Annotated[str, AfterValidator(words.feature_name)]
FeatureLevel = Annotated[
    str,
    BeforeValidator(words.feature_level),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": "^([0-9]+|[0-9]+\\.[0-9]+-IV[0-9]+)$"},
            ]
        }
    ),
]
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
ConfigOwner = Annotated[str, Field(pattern=r"^(cluster|broker-(0|[1-9][0-9]{0,9}))$")]
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
            "Keys that the spec models (broker.id, listeners, log.dirs, …) are refused here. A "
            "changed value of a key that Kafka takes while it runs restarts no broker"
        ),
    ] = None


class Defaults(Options):
    """For every node; a node's own wins. `config` goes to brokers and controllers only."""


class NodeShape(Options):
    id: Annotated[NodeId, Field(description="Kafka's id of the node")]
    host: Annotated[Name, Field(description="Name of the host in the inventory")]
    state: Annotated[
        Literal["absent"] | None,
        Field(
            description="`absent` of a broker: its replicas move to the others, it is stopped, "
            "unregistered and removed from its host; `id` and `host` are then enough. Its data "
            "goes with `--allow wipe-log-dir`. `absent` of a controller (dynamic quorum): it votes "
            "no more, is stopped, unregistered (Kafka 4.4) and removed; where another host has "
            "the same id, it moves there"
        ),
    ] = None
    hold: Annotated[
        Reason | None,
        Field(
            description="Why the node is left alone: it is not started or restarted, and gets no "
            "replicas of new topics, until this is taken out",
            examples=["disk swap"],
        ),
    ] = None
    config_file: Annotated[
        ConfigFile | None,
        Field(
            description="Its properties file; relative ones are below kafka.home. Only with "
            "`source: preinstalled`; default: the name that this tool gives it",
            examples=["/etc/kafka/server.properties"],
        ),
    ] = None
    unit: Annotated[
        Unit | None,
        Field(
            description="The systemd unit that runs it, which is there already. Only with "
            "`source: preinstalled` and `supervisor: systemd`, and then each node has one",
            examples=["kafka.service"],
        ),
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
        list[ListenerText] | None,
        Field(
            min_length=1,
            description="NAME://HOST:PORT; an empty HOST listens everywhere and advertises the "
            "host's address. Every broker that is not to go away has some",
            examples=[["PLAINTEXT://:9092"]],
        ),
    ] = None
    advertised_listeners: Annotated[
        list[ListenerText] | None,
        Field(min_length=1, description="What clients and brokers are told, where it differs"),
    ] = None
    inter_broker_listener: Annotated[
        str | None, Field(description="Name of the listener that brokers use among themselves")
    ] = None
    log_dirs: Annotated[
        list[Annotated[Annotated[Path, Tag("word")] | Annotated[LogDir, Tag("mapping")], EITHER]]
        | None,
        Field(
            min_length=1,
            description="Folders of the data; relative ones are below kafka.home. Every broker "
            "that is not to go away has some",
            examples=[["logs-0"]],
        ),
    ] = None
    rack: Annotated[
        str | None, Field(min_length=1, description="Rack or zone, for the placement of replicas")
    ] = None
    cordon: Annotated[
        bool | None,
        Field(
            description="`true`: it gets no new replicas; it keeps what it has, and is started and "
            "restarted. From Kafka 4.3 on (metadata.version 4.3-IV0) Kafka itself keeps to it; "
            "before that only what provision places, and a warning says so"
        ),
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
        Java,
        Field(
            description="bundled, system, or the absolute path of a Java home; with `source: "
            "preinstalled` the default is system, and bundled is refused"
        ),
    ] = "bundled"
    source: Annotated[
        SourceValue,
        Field(
            description="maven, an official tarball with its SHA-512, or preinstalled: Kafka is in "
            "kafka.home already, and is never sent, replaced or removed"
        ),
    ] = "maven"


Partitions = Annotated[int, Field(ge=1, le=2_147_483_647)]
Replication = Annotated[int, Field(ge=1, le=32767)]


class Profile(Shape):
    """What the topics that name it have in common; a topic's own values win."""

    partitions: Annotated[Partitions | None, Field(description="How many partitions")] = None
    replication: Annotated[Replication | None, Field(description="How many replicas of each")] = (
        None
    )
    config: Annotated[
        Properties | None,
        Field(description="Overrides, as Kafka spells them; merged key by key with the topic's"),
    ] = None


class Topic(Shape):
    """A topic; its name is the key. `partitions` and `replication` must be given: here, by its
    profile, or by `placement`."""

    profile: Annotated[
        Name | None, Field(description="One of `topic_profiles`; the topic's own values win")
    ] = None
    partitions: Annotated[Partitions | None, Field(description="How many partitions")] = None
    replication: Annotated[Replication | None, Field(description="How many replicas of each")] = (
        None
    )
    placement: Annotated[
        dict[PartitionNumber, Annotated[list[NodeId], Field(min_length=1)]] | None,
        Field(
            min_length=1,
            description="The brokers of each partition, the preferred leader first",
            examples=["{0: [1, 2], 1: [2, 3]}"],
        ),
    ] = None
    config: Annotated[
        Properties | None, Field(description="The topic's own overrides, as Kafka spells them")
    ] = None


TopicValue = Annotated[
    Annotated[Literal["absent"], Tag("word")] | Annotated[Topic, Tag("mapping")], EITHER
]

FeatureLevels = Annotated[
    Annotated[Literal["latest"], Tag("word")]
    | Annotated[dict[FeatureName, FeatureLevel], Field(min_length=1), Tag("mapping")],
    EITHER,
]

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


class Move(Shape):
    """How replicas are moved between brokers."""

    rate: Annotated[
        MoveRate,
        Field(
            description="What each broker may send to moving replicas, and take in, a second: with "
            "its unit, at least 1MB/s",
            examples=["50MB/s"],
        ),
    ] = "50MB/s"
    per_broker: Annotated[
        int,
        Field(ge=1, le=1000, description="Partitions that move into or out of a broker at once"),
    ] = 5


class Roll(Shape):
    """How running nodes are restarted."""

    parallel: Annotated[
        int,
        Field(
            ge=1,
            description="At most so many together: those of which no partition falls below its "
            "minimum ISR, by where the replicas are, and no quorum loses its majority",
        ),
    ] = 1
    canary: Annotated[
        int,
        Field(
            ge=0,
            description="After the first so many the roll goes on only if their logs have no new "
            "errors, all replicas are in sync and records get through",
        ),
    ] = 0
    pause: Annotated[
        Duration, Field(description="Time between two batches: 30s, 5m, 1h", examples=["30s"])
    ] = 0.0


class Policy(Shape):
    """What to do with what the spec does not name, and how a change is made."""

    unmanaged_topics: Annotated[
        Literal["report", "delete", "ignore"],
        Field(
            description="Topics the spec does not have. `delete` still needs `--allow "
            "delete-topic`, and leaves protected ones and names that begin with `__` or `_schemas`"
        ),
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
    move: Annotated[
        Move,
        Field(default_factory=Move, description="How replicas are moved between brokers"),
    ]
    rebalance: Annotated[
        Literal["off", "add-brokers", "balance"],
        Field(
            description="Replicas that move although nothing else asks for it, as `move` says: "
            "`add-brokers`: a broker that holds nothing gets its share of the bytes; `balance`: "
            "bytes and leaders of every broker within 10 % of the mean, as far as racks and disks "
            "let it. Topics with a `placement` and those outside of `topics_scope` stay"
        ),
    ] = "off"
    leaders: Annotated[
        Literal["preferred", "ignore"],
        Field(
            description="`preferred`: that partitions of the spec's topics are led by another than "
            "their preferred leader is a difference, once Kafka had the time to put it right itself"
        ),
    ] = "ignore"
    protect: Annotated[
        list[TopicPattern],
        Field(
            description="Shell patterns (`*`, `?`, `[…]`) of topics that "
            "`unmanaged_topics: delete` never deletes",
            examples=[["prod-*"]],
        ),
    ] = []
    roll: Annotated[
        Roll, Field(default_factory=Roll, description="How running nodes are restarted")
    ]


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
    migration: Annotated[
        Literal["hybrid", "dual-write"] | None,
        Field(
            description="With both `zookeeper` and `controllers`, Kafka 3.9: how far the cluster "
            "is migrated to KRaft. `hybrid`: the controllers run, and brokers are in ZooKeeper "
            "mode; `dual-write`: brokers are in KRaft mode, and the controllers still write to "
            "ZooKeeper. Without it and `zookeeper` the migration is finalised (`--allow "
            "finalize-migration`); without it and `controllers` it is taken back (`--allow "
            "revert-migration`)",
        ),
    ] = None
    brokers: Annotated[list[Broker], Field(description="The brokers, at least one")] = []
    bootstrap: Annotated[
        list[BootstrapAddress] | None,
        Field(
            min_length=1,
            description="In place of `brokers` and all that is about hosts: addresses of a Kafka "
            "that somebody else runs. Only what Kafka itself keeps is then managed",
            examples=[["kafka1:9092", "kafka2:9092"]],
        ),
    ] = None
    broker_config: Annotated[
        dict[ConfigOwner, Properties] | None,
        Field(
            description="With `bootstrap` only: the dynamic configuration that Kafka keeps, of "
            "`cluster` (all brokers) and of `broker-ID`. Without the key it is not managed",
            examples=[{"cluster": {"log.cleaner.threads": 2}}],
        ),
    ] = None
    topics: Annotated[
        dict[TopicName, TopicValue],
        Field(
            min_length=1,
            description="The topics, by name; `NAME: absent` deletes one, with `--allow "
            "delete-topic`. Without any, here or in `topic_files`, topics are not managed",
        ),
    ] = {}
    topic_profiles: Annotated[
        dict[Name, Profile],
        Field(min_length=1, description="What topics have in common, by name: `profile: NAME`"),
    ] = {}
    topic_files: Annotated[
        list[Annotated[str, Field(min_length=1)]] | None,
        Field(
            min_length=1,
            description="Patterns of files with more `topics` and `topic_profiles`, relative to "
            "this file: `*`, `?`, `[…]`, and `**` for folders at any depth",
            examples=[["topics/*.yaml"]],
        ),
    ] = None
    topics_scope: Annotated[
        list[TopicPattern] | None,
        Field(
            min_length=1,
            description="Shell patterns (`*`, `?`, `[…]`) of the topics that this spec is about; "
            "others are neither reported nor changed. Without it: all",
            examples=[["team-a.*"]],
        ),
    ] = None
    quotas: Annotated[
        list[Quota] | None,
        Field(
            description="Client quotas. Without the key they are not managed; with it, quotas "
            "that are not in the list are reported"
        ),
    ] = None
    features: Annotated[
        FeatureLevels | None,
        Field(
            description="Kafka's features and the level at which each is finalised: a number or, "
            "of metadata.version, its name; 0 finalises it no more. `latest`: all but "
            "kraft.version, at the newest level of `kafka.version`. Each is raised once every "
            "node supports it; lowering needs `--allow lower-feature`. Without the key none is "
            "changed",
            examples=[{"metadata.version": "4.3-IV0", "group.version": 1}, "latest"],
        ),
    ] = None
    policy: Annotated[
        Policy,
        Field(default_factory=Policy, description="What to do with what the spec does not name"),
    ]
