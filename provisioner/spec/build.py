"""``SpecFile`` (what was written) → ``Spec`` (everything filled in). No checks: ``checks.py``.

Defaults that are decided here:

- ``supervisor``: process if all nodes are on one host, else systemd; ``user``: ``kafka`` under
  systemd, else the login user (None); ``home``: see ``default_home``.
- ``controller_quorum``: dynamic for 4.x, static for 3.x. In 3.9 dynamic quorums exist but cannot
  be left again, and the way from ZooKeeper needs a static one.
- An address nobody gave: ``localhost`` if all nodes are on one host, else "" (which ``checks``
  reports): never guessed from how SSH reaches the host.
- ``jvm_opts`` of a node replace the default list; ``env`` and ``config`` are merged key by key.
  ``defaults.config`` never reaches ZooKeeper.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from provisioner.spec.types import (
    Host,
    Listener,
    LogDir,
    Node,
    Policy,
    Quota,
    Role,
    Source,
    Spec,
    Supervisor,
    Topic,
)
from provisioner.spec.words import WILDCARD, is_loopback, release, to_listener
from provisioner.spec.yamlfile import Document, Loc

if TYPE_CHECKING:
    from provisioner.spec import document as doc


@dataclass
class Built:
    """A spec, and where in the file its nodes and topics stand."""

    spec: Spec
    document: Document
    shape: doc.SpecFile
    locs: dict[int, Loc] = field(default_factory=dict)
    controller_locs: dict[int, Loc] = field(default_factory=dict)

    def loc(self, node: Node, *parts: str | int) -> Loc:
        """Where a node stands (two may have the same name until that is reported)."""
        return (*self.locs[id(node)], *parts)

    def placed(self, node: Node, loc: Loc) -> Node:
        self.locs[id(node)] = loc
        return node


def build(document: Document, shape: doc.SpecFile, hosts: Mapping[str, Host]) -> Built:
    """Fill in everything. ``hosts`` are those of the inventory that the nodes name."""
    names = list(dict.fromkeys(item.host for item in all_items(shape)))
    supervisor = Supervisor(shape.kafka.supervisor or ("process" if len(names) <= 1 else "systemd"))
    home = shape.kafka.home or default_home(shape.cluster, supervisor)
    addressed = {
        name: with_address(hosts.get(name), name, document, shape, len(names)) for name in names
    }
    spec = Spec(
        cluster=shape.cluster,
        file=document.file,
        digest=digest(document.data),
        version=shape.kafka.version,
        home=home,
        user=shape.kafka.user or ("kafka" if supervisor is Supervisor.SYSTEMD else None),
        supervisor=supervisor,
        java=shape.kafka.java,
        source=source(shape.kafka.source),
        nodes=(),
        topics=topics(document, shape),
        policy=policy(shape.policy),
        quotas=quotas(document, shape),
        hosts=addressed,
        cluster_id=shape.cluster_id,
        controller_quorum=quorum(shape),
    )
    built = Built(spec, document, shape)
    built.spec = replace(spec, nodes=tuple(nodes(built, addressed)))
    return built


def all_items(shape: doc.SpecFile) -> list[Any]:
    return [*(shape.zookeeper or ()), *(shape.controllers or ()), *shape.brokers]


def digest(data: Any) -> str:
    """SHA-256 of what the file says, whatever the order of its keys and its comments."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def default_home(cluster: str, supervisor: Supervisor) -> str:
    if supervisor is Supervisor.SYSTEMD:
        return "/opt/kafka"
    return f"~/.local/share/provision/{cluster}"


def below(home: str, path: str) -> str:
    return path if path.startswith(("/", "~/")) else f"{home}/{path}"


def with_address(
    host: Host | None, name: str, document: Document, shape: doc.SpecFile, count: int
) -> Host:
    host = host or Host(name)
    given, origins = host.kafka_address, dict(host.origins)
    if name in shape.hosts:
        given = shape.hosts[name].address
        line, _ = document.place(("hosts", name, "address"))
        origins["kafka_address"] = f"{document.file}:{line}"
    address = given or ("localhost" if count <= 1 else "")
    return replace(host, kafka_address=address, origins=origins)


def quorum(shape: doc.SpecFile) -> str | None:
    if not shape.controllers:
        return shape.controller_quorum
    default = "dynamic" if release(shape.kafka.version)[0] >= 4 else "static"
    return shape.controller_quorum or default


def source(given: Any) -> Source:
    if isinstance(given, str):
        return Source(given)
    kind = "path" if given.path is not None else "url"
    return Source(kind, given.path or given.url or "", given.sha512.lower())


def policy(given: doc.Policy) -> Policy:
    return Policy(
        given.unmanaged_topics,
        given.unmanaged_config,
        given.offline_partitions,
    )


def topics(document: Document, shape: doc.SpecFile) -> tuple[Topic, ...]:
    return tuple(
        Topic(
            name,
            topic.partitions,
            topic.replication,
            plain(topic.config),
            document.place(("topics", name), key=True)[0],
        )
        for name, topic in sorted(shape.topics.items())
    )


ENTITY = {"user": "user", "client_id": "client-id"}
"""Parts of a quota's entity: the spec's word and Kafka's, in the order in which they are named."""


def quotas(document: Document, shape: doc.SpecFile) -> tuple[Quota, ...] | None:
    """None where the spec does not speak of them. A part that is written as null is the default."""
    if shape.quotas is None:
        return None
    return tuple(
        Quota(entity(given), rates(given), document.place(("quotas", number))[0])
        for number, given in enumerate(shape.quotas)
    )


def entity(given: doc.Quota) -> tuple[tuple[str, str | None], ...]:
    return tuple(
        (kafkas, getattr(given, word))
        for word, kafkas in ENTITY.items()
        if word in given.model_fields_set
    )


def rates(given: doc.Quota) -> dict[str, float]:
    return {
        word: value
        for word in vars(given)
        if word not in ENTITY and (value := getattr(given, word)) is not None
    }


def nodes(built: Built, hosts: Mapping[str, Host]) -> list[Node]:
    """All processes: ZooKeeper or pure controllers by id, then brokers and combined nodes."""
    shape = built.shape
    by_key = {(c.id, c.host): (number, c) for number, c in enumerate(shape.controllers or ())}
    combined = {(b.id, b.host) for b in shape.brokers} & set(by_key)
    servers = [zookeeper_node(built, n, z) for n, z in enumerate(shape.zookeeper or ())]
    controllers = [
        controller_node(built, n, c, hosts[c.host])
        for (id, host), (n, c) in by_key.items()
        if (id, host) not in combined
    ]
    brokers = [
        broker_node(built, n, b, by_key.get((b.id, b.host)), hosts[b.host])
        for n, b in enumerate(shape.brokers)
    ]
    for number, controller in enumerate(shape.controllers or ()):
        built.controller_locs[controller.id] = ("controllers", number)
    return [
        *sorted(servers, key=lambda n: n.id),
        *sorted(controllers, key=lambda n: n.id),
        *sorted(brokers, key=lambda n: n.id),
    ]


def options(built: Built, *given: doc.Options, config: bool = True) -> dict[str, Any]:
    """Heap, JVM options, environment, JMX port and properties; later ones win."""
    values: dict[str, Any] = {"env": {}, "config": {}}
    for layer in (built.shape.defaults, *given):
        if layer.heap is not None:
            values["heap"] = layer.heap
        if layer.jvm_opts is not None:
            values["jvm_opts"] = tuple(layer.jvm_opts)
        if layer.jmx_port is not None:
            values["jmx_port"] = layer.jmx_port
        if layer.jmx_address is not None:
            values["jmx_address"] = layer.jmx_address
        values["env"] |= layer.env or {}
        if config or layer is not built.shape.defaults:
            values["config"] |= plain(layer.config)
    return values


def plain(config: Mapping[str, Any] | None) -> dict[str, str]:
    return {key: value for key, value in (config or {}).items() if isinstance(value, str)}


def properties_file(built: Built, name: str) -> str:
    return f"{built.spec.home}/config/{name}.properties"


def zookeeper_node(built: Built, number: int, given: doc.ZooKeeper) -> Node:
    shape, spec = built.shape, built.spec
    several = sum(other.host == given.host for other in shape.zookeeper or ()) > 1
    ensemble = len(shape.zookeeper or ()) > 1
    loc: Loc = ("zookeeper", number)
    node = Node(
        role=Role.ZOOKEEPER,
        id=given.id,
        host=given.host,
        properties=properties_file(built, f"zookeeper-{given.id}" if several else "zookeeper"),
        log_dirs=(LogDir(below(spec.home, given.data_dir)),),
        client_port=given.client_port,
        peer_port=given.peer_port if ensemble else None,
        election_port=given.election_port if ensemble else None,
        line=built.document.place(loc)[0],
        **options(built, given, config=False),
    )
    return built.placed(node, loc)


def controller_node(built: Built, number: int, given: doc.Controller, host: Host) -> Node:
    loc: Loc = ("controllers", number)
    listen, advertised = controller_listeners(given, host)
    folder = given.log_dir or f"controller-{given.id}"
    node = Node(
        role=Role.CONTROLLER,
        id=given.id,
        host=given.host,
        properties=properties_file(built, f"controller-{given.id}"),
        log_dirs=(LogDir(below(built.spec.home, folder)),),
        controller_listener=listen,
        advertised_controller=advertised,
        line=built.document.place(loc)[0],
        **options(built, given),
    )
    return built.placed(node, loc)


def controller_listeners(given: doc.Controller, host: Host) -> tuple[Listener, Listener]:
    """What a controller listens on, and how others reach it."""
    address = host.kafka_address or ""
    if given.controller_listener is not None:
        listen = to_listener(given.controller_listener)
    else:
        listen = Listener("CONTROLLER", "", given.port or 0)
    if listen.host in WILDCARD:
        advertised = replace(listen, host=address)
        # A lab on one machine need not be open to the network.
        listen = advertised if not listen.host and is_loopback(address) else listen
        return listen, advertised
    return listen, listen


def broker_node(
    built: Built,
    number: int,
    given: doc.Broker,
    controller: tuple[int, doc.Controller] | None,
    host: Host,
) -> Node:
    loc: Loc = ("brokers", number)
    listeners = tuple(to_listener(text) for text in given.listeners)
    listen, advertised = controller_listeners(controller[1], host) if controller else (None, None)
    layers = (controller[1], given) if controller else (given,)
    settings = options(built, *layers)
    node = Node(
        role=Role.COMBINED if controller else Role.BROKER,
        id=given.id,
        host=given.host,
        properties=properties_file(built, broker_file(built.shape, given)),
        log_dirs=tuple(log_dir(built.spec.home, item) for item in given.log_dirs),
        listeners=listeners,
        advertised_listeners=advertise(given, listeners, host.kafka_address or ""),
        controller_listener=listen,
        advertised_controller=advertised,
        inter_broker_listener=inter_broker(given, listeners, settings["config"]),
        rack=given.rack,
        line=built.document.place(loc)[0],
        **settings,
    )
    return built.placed(node, loc)


def broker_file(shape: doc.SpecFile, given: doc.Broker) -> str:
    """``server-N``; ``server`` for broker 0 of a one-host ZooKeeper lab, as on the lab sheet."""
    one_host = len({item.host for item in all_items(shape)}) == 1
    if given.id == 0 and one_host and shape.zookeeper and not shape.controllers:
        return "server"
    return f"server-{given.id}"


def log_dir(home: str, given: str | doc.LogDir) -> LogDir:
    if isinstance(given, str):
        return LogDir(below(home, given))
    return LogDir(below(home, given.path), given.mounted)


def advertise(
    given: doc.Broker, listeners: tuple[Listener, ...], address: str
) -> tuple[Listener, ...]:
    """What clients are told: as given, or each listener with the host's address for none."""
    wanted = listeners
    if given.advertised_listeners is not None:
        wanted = tuple(to_listener(text) for text in given.advertised_listeners)
    return tuple(replace(w, host=address) if w.host in WILDCARD else w for w in wanted)


INTER_BROKER_PROTOCOL = "security.inter.broker.protocol"


def inter_broker(
    given: doc.Broker, listeners: tuple[Listener, ...], config: Mapping[str, str]
) -> str | None:
    """The name given; else None where Kafka's default (PLAINTEXT) is right or the properties have
    the protocol (Kafka takes one of the two keys, never both); else the only one."""
    if given.inter_broker_listener is not None:
        return given.inter_broker_listener.upper()
    names = [listener.name for listener in listeners]
    if INTER_BROKER_PROTOCOL in config or "PLAINTEXT" in names or len(names) != 1:
        return None
    return names[0]
