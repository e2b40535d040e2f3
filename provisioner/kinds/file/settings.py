"""The properties and launch settings of a node: the spec's words as Kafka's keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisioner.kinds.file import logging, migration
from provisioner.kinds.layout import HostLayout
from provisioner.kinds.live import HINT, live_of, waits_for_start
from provisioner.spec.types import Level, Listener, Node, Role, Spec, Supervisor
from provisioner.spec.words import is_loopback

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
COLLECTORS = (
    "UseG1GC",
    "UseSerialGC",
    "UseParallelGC",
    "UseZGC",
    "UseShenandoahGC",
    "UseEpsilonGC",
)


def properties(spec: Spec, node: Node) -> Mapping[str, str]:
    """All keys of a node's properties file."""
    if node.role is Role.ZOOKEEPER:
        return {**_zookeeper(spec, node), **node.config}
    kraft = spec.is_kraft or node.is_controller
    values = _kraft(spec, node) if kraft else _zookeeper_mode(spec, node)
    if node.is_broker:
        values |= _broker(spec, node)
    hybrid = spec.level is Level.HYBRID and not kraft
    values |= _protocols(node, migration.names(spec) if hybrid else ())
    own = migration.without_zookeeper(node.config) if spec.is_kraft else node.config
    if node.is_controller and spec.zookeeper:
        return {**values, **migration.controller(connect(spec)), **node.config}
    return {**values, **own}


def address(spec: Spec, node: Node) -> str:
    """How other nodes reach this one."""
    return spec.hosts[node.host].kafka_address or "localhost"


def _zookeeper(spec: Spec, node: Node) -> dict[str, str]:
    values = {"dataDir": node.log_dirs[0].path, "clientPort": str(node.client_port)}
    if not spec.preinstalled:
        values |= _zookeeper_defaults(spec, node)
    if len(spec.zookeeper) > 1:
        for other in spec.zookeeper:
            # A server binds what its own line says; peers may know it under a NAT name.
            host = "0.0.0.0" if other is node else address(spec, other)
            values[f"server.{other.id}"] = f"{host}:{other.peer_port}:{other.election_port}"
    return values


def _zookeeper_defaults(spec: Spec, node: Node) -> dict[str, str]:
    """What this tool adds to a file of its own making."""
    values = {
        "maxClientCnxns": "0",
        "admin.enableServer": "false",
        "4lw.commands.whitelist": "srvr,ruok,mntr",
    }
    if is_loopback(address(spec, node)):
        # All who use it are on this machine, and it asks nobody for a login.
        values["clientPortAddress"] = address(spec, node)
    if len(spec.zookeeper) > 1:
        values |= {"tickTime": "2000", "initLimit": "10", "syncLimit": "5"}
    return values


def connect(spec: Spec) -> str:
    """How ZooKeeper is reached."""
    return ",".join(f"{address(spec, zk)}:{zk.client_port}" for zk in spec.zookeeper)


def _zookeeper_mode(spec: Spec, node: Node) -> dict[str, str]:
    values = {"broker.id": str(node.id), "zookeeper.connect": connect(spec)}
    if spec.level is Level.HYBRID:
        values |= migration.broker(spec, voters_of(spec))
    return values


def voters_of(spec: Spec) -> str:
    """The controllers of a static quorum, also those of a migration that is taken back."""
    return ",".join(
        f"{c.id}@{_reached(spec, c)}:{controller_port(c)}" for c in migration.quorum(spec)
    )


def _reached(spec: Spec, controller: Node) -> str:
    """What a former controller advertises is what its file had."""
    told = controller.advertised_controller
    return told.host if told and controller in spec.former else address(spec, controller)


def _kraft(spec: Spec, node: Node) -> dict[str, str]:
    roles = {Role.COMBINED: "broker,controller", Role.CONTROLLER: "controller"}
    values = {
        "process.roles": roles.get(node.role, "broker"),
        "node.id": str(node.id),
        "controller.listener.names": ",".join(migration.names(spec)),
    }
    if spec.controller_quorum == "static":
        values["controller.quorum.voters"] = voters_of(spec)
    else:
        values["controller.quorum.bootstrap.servers"] = ",".join(
            f"{address(spec, c)}:{controller_port(c)}" for c in spec.controllers
        )
    if not node.is_broker:
        values |= {
            "listeners": ",".join(map(str, _listeners(node))),
            "log.dirs": ",".join(d.path for d in node.log_dirs),
            **_advertised(spec, node, ()),
        }
    return values


def _advertised(spec: Spec, node: Node, own: Sequence[Listener]) -> dict[str, str]:
    """The advertised address. A dynamic quorum stores for each voter what it advertises: without
    this, the machine's own host name, which its peers may not resolve."""
    if spec.preinstalled and not node.advertises:
        return {}
    told = list(own) if tuple(own) != node.listeners else []
    listener = node.controller_listener
    if listener and not listener.host and spec.controller_quorum == "dynamic":
        told = [*own, node.advertised_controller or replace(listener, host=address(spec, node))]
    return {"advertised.listeners": ",".join(map(str, told))} if told else {}


def controller_port(node: Node) -> int:
    assert node.controller_listener is not None
    return node.controller_listener.port


def _listeners(node: Node) -> tuple[Listener, ...]:
    extra = (node.controller_listener,) if node.controller_listener else ()
    return tuple(dict.fromkeys(node.listeners + extra))


def _broker(spec: Spec, node: Node) -> dict[str, str]:
    values = {
        "listeners": ",".join(map(str, _listeners(node))),
        "log.dirs": ",".join(d.path for d in node.log_dirs),
        **({} if spec.preinstalled else internal_topics(spec)),
    }
    values |= _advertised(spec, node, node.advertised_listeners or node.listeners)
    if node.inter_broker_listener:
        values["inter.broker.listener.name"] = node.inter_broker_listener
    if node.rack:
        values["broker.rack"] = node.rack
    return values


def internal_topics(spec: Spec) -> dict[str, str]:
    """Replication of Kafka's own topics: as much as the brokers allow, three at most."""
    count = len(spec.brokers)
    replication, minimum = str(min(3, count)), str(min(2, count))
    values = {
        "offsets.topic.replication.factor": replication,
        "transaction.state.log.replication.factor": replication,
        "transaction.state.log.min.isr": minimum,
    }
    if int(spec.version.split(".")[0]) >= 4:
        values |= {
            "share.coordinator.state.topic.replication.factor": replication,
            "share.coordinator.state.topic.min.isr": minimum,
        }
    return values


def _protocols(node: Node, more: Sequence[str] = ()) -> dict[str, str]:
    """The map from listener names to protocols, only where a name is not a protocol's."""
    names = {listener.name for listener in _listeners(node)} | set(more)
    if node.role is not Role.ZOOKEEPER and node.controller_listener:
        names.add(node.controller_listener.name)
    if names <= set(PROTOCOLS):
        return {}
    pairs = {name: name if name in PROTOCOLS else "PLAINTEXT" for name in sorted(names)}
    return {"listener.security.protocol.map": ",".join(f"{n}:{p}" for n, p in pairs.items())}


def launch(spec: Spec, places: HostLayout, node: Node) -> Mapping[str, str]:
    """What a node is started with, other than properties; ``hint.`` keys are not in the digest."""
    values = {
        "node": node.name,
        "logs": places.logs(node),
        **_common(spec, places),
    }
    if node.heap:
        values["heap"] = node.heap
    for number, option in enumerate(options(node.jvm_opts), 1):
        values[f"opt.{number:02d}"] = option
    for name, value in node.env.items():
        values[f"env.{name}"] = value
    if node.jmx_port:
        values["jmx.port"] = str(node.jmx_port)
        values["jmx.address"] = node.jmx_address or "127.0.0.1"
    if places.supervisor is Supervisor.SYSTEMD:
        values["unit"] = places.unit(node)
    if places.archive:
        values["hint.archive"] = places.archive.path
    if live := live_of(spec, node) | waits_for_start(node):
        values[HINT] = ",".join(sorted(live))
    return values


def default_launch(spec: Spec, places: HostLayout) -> Mapping[str, str]:
    """For Kafka's commands and for files the user made: which Kafka, which Java."""
    values = {**_common(spec, places), "heap": "512m"}
    if places.archive:
        values["hint.archive"] = places.archive.path
    return values


def _common(spec: Spec, places: HostLayout) -> dict[str, str]:
    java = places.java.path if places.java else spec.java
    return {
        "java": java,
        "dist": places.kafka.path if places.kafka else places.home,
        "logging": logging.path(spec, places),
    }


def options(extra: tuple[str, ...]) -> list[str]:
    """Kafka's own JVM options, then the user's; a collector the user names replaces G1."""
    chosen = any(f"+{name}" in option for option in extra for name in COLLECTORS)
    collector = [
        "-XX:+UseG1GC",
        "-XX:MaxGCPauseMillis=20",
        "-XX:InitiatingHeapOccupancyPercent=35",
    ]
    return [
        *([] if chosen else collector),
        "-XX:+ExplicitGCInvokesConcurrent",
        "-Djava.awt.headless=true",
        *extra,
    ]
