"""The processes of a spec with everything filled in: part of ``build.py``, where defaults stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from provisioner.spec.types import Host, Listener, LogDir, Node, Role, Spec
from provisioner.spec.words import WILDCARD, is_loopback, to_listener
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


def all_items(shape: doc.SpecFile) -> list[Any]:
    return [*(shape.zookeeper or ()), *(shape.controllers or ()), *shape.brokers]


def below(home: str, path: str) -> str:
    return path if path.startswith(("/", "~/")) else f"{home}/{path}"


ABSENT = "absent"
"""The spec's word for a topic, a broker or a controller that should not be there."""


def nodes(built: Built, hosts: Mapping[str, Host]) -> list[Node]:
    """All processes: ZooKeeper or pure controllers by id, then brokers and combined nodes."""
    shape = built.shape
    stay = [(n, c) for n, c in enumerate(shape.controllers or ()) if c.state != ABSENT]
    by_key = {(c.id, c.host): (number, c) for number, c in stay}
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
        if b.state == ABSENT or (b.listeners and b.log_dirs)
    ]
    for number, controller in stay:
        built.controller_locs[controller.id] = ("controllers", number)
    return [
        *sorted(servers, key=lambda n: n.id),
        *sorted(controllers, key=lambda n: n.id),
        *sorted(brokers, key=lambda n: n.id),
    ]


def retiring(built: Built) -> tuple[Node, ...]:
    """Controllers that should not be there, by id. Where they have their metadata the file may
    leave out."""
    found = []
    for number, given in enumerate(built.shape.controllers or ()):
        if given.state != ABSENT:
            continue
        loc: Loc = ("controllers", number)
        folder = (LogDir(below(built.spec.home, given.log_dir)),) if given.log_dir else ()
        node = Node(
            role=Role.CONTROLLER,
            id=given.id,
            host=given.host,
            properties=properties_file(built, f"controller-{given.id}", given),
            log_dirs=folder,
            line=built.document.place(loc)[0],
            unit=given.unit or "",
        )
        found.append(built.placed(node, loc))
    return tuple(sorted(found, key=lambda node: (node.id, node.host)))


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


def secrets(config: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The keys whose values are references, sorted."""
    return tuple(sorted(k for k, value in (config or {}).items() if not isinstance(value, str)))


def properties_file(built: Built, name: str, *given: doc.NodeShape) -> str:
    """The one that is named, else ``name``."""
    named = next((item.config_file for item in given if item.config_file), None)
    return below(built.spec.home, named or f"config/{name}.properties")


def zookeeper_node(built: Built, number: int, given: doc.ZooKeeper) -> Node:
    shape, spec = built.shape, built.spec
    several = sum(other.host == given.host for other in shape.zookeeper or ()) > 1
    ensemble = len(shape.zookeeper or ()) > 1
    loc: Loc = ("zookeeper", number)
    node = Node(
        role=Role.ZOOKEEPER,
        id=given.id,
        host=given.host,
        properties=properties_file(
            built, f"zookeeper-{given.id}" if several else "zookeeper", given
        ),
        log_dirs=(LogDir(below(spec.home, given.data_dir)),),
        client_port=given.client_port,
        peer_port=given.peer_port if ensemble else None,
        election_port=given.election_port if ensemble else None,
        hold=given.hold or "",
        line=built.document.place(loc)[0],
        unit=given.unit or "",
        **options(built, given, config=False),
    )
    return built.placed(node, loc)


def controller_node(built: Built, number: int, given: doc.Controller, host: Host) -> Node:
    loc: Loc = ("controllers", number)
    listen, advertised = controller_listeners(built, given, host)
    folder = given.log_dir or f"controller-{given.id}"
    node = Node(
        role=Role.CONTROLLER,
        id=given.id,
        host=given.host,
        properties=properties_file(built, f"controller-{given.id}", given),
        log_dirs=(LogDir(below(built.spec.home, folder)),),
        controller_listener=listen,
        advertised_controller=advertised,
        hold=given.hold or "",
        line=built.document.place(loc)[0],
        unit=given.unit or "",
        **options(built, given),
    )
    return built.placed(node, loc)


def controller_listeners(
    built: Built, given: doc.Controller, host: Host
) -> tuple[Listener, Listener]:
    """What a controller listens on, and how others reach it."""
    address = host.kafka_address or ""
    if given.controller_listener is not None:
        listen = to_listener(given.controller_listener)
    else:
        listen = Listener("CONTROLLER", "", given.port or 0)
    if listen.host in WILDCARD:
        advertised = replace(listen, host=address)
        # A lab on one machine need not be open to the network.
        lab = not listen.host and is_loopback(address) and not built.spec.preinstalled
        listen = advertised if lab else listen
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
    listeners = tuple(to_listener(text) for text in given.listeners or ())
    listen, advertised = None, None
    if controller:
        listen, advertised = controller_listeners(built, controller[1], host)
    layers = (controller[1], given) if controller else (given,)
    settings = options(built, *layers)
    node = Node(
        role=Role.COMBINED if controller else Role.BROKER,
        id=given.id,
        host=given.host,
        properties=properties_file(built, broker_file(built.shape, given), *reversed(layers)),
        log_dirs=tuple(log_dir(built.spec.home, item) for item in given.log_dirs or ()),
        listeners=listeners,
        advertised_listeners=advertise(given, listeners, host.kafka_address or ""),
        controller_listener=listen,
        advertised_controller=advertised,
        inter_broker_listener=inter_broker(given, listeners, settings["config"]),
        rack=given.rack,
        cordon=bool(given.cordon),
        hold=given.hold or (controller[1].hold if controller else None) or "",
        line=built.document.place(loc)[0],
        unit=next((item.unit for item in reversed(layers) if item.unit), ""),
        advertises=given.advertised_listeners is not None,
        **settings,
    )
    return built.placed(node, loc)


def broker_file(shape: doc.SpecFile, given: doc.Broker) -> str:
    """``server-N``; ``server`` for broker 0 of a one-host ZooKeeper lab, as on the lab sheet."""
    one_host = len({item.host for item in all_items(shape)}) == 1
    if given.id == 0 and one_host and shape.zookeeper:
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
