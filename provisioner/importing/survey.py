"""What a survey of hosts printed → what was found on them. Pure.

``processes`` reads the records of ``site/survey.sh``, ``found_node`` makes of one of them, of its
properties and of its log dirs, the node as a spec would name it. What a spec cannot say of it is
in ``troubles``: then nothing is written, because the plan of such a spec would change the cluster.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioner.importing.found import FoundNode
from provisioner.kinds import jvm
from provisioner.spec.properties import MODELLED, MODELLED_ZOOKEEPER, Surroundings, is_secret, table
from provisioner.spec.types import Role

LISTENERS = "PLAINTEXT://:9092"
LOG_DIR = "/tmp/kafka-logs"
PEER, ELECTION = 2888, 3888
BY_SPEC = frozenset({*MODELLED, "listener.security.protocol.map"})
PLAIN = ("PLAINTEXT", "")
BEYOND = {
    "metadata.log.dir": "a metadata log dir of its own (metadata.log.dir)",
    "zookeeper.metadata.migration.enable": "a migration to KRaft",
}


@dataclass(frozen=True)
class Process:
    """A Java process that says it is Kafka or ZooKeeper. ``config`` is the path of its properties,
    ``ours`` the home that provision started it in (empty: it did not)."""

    pid: int
    user: str
    config: str
    zookeeper: bool
    ours: str = ""
    cwd: str = ""
    unit: str = ""
    unit_path: str = ""
    jar: str = ""
    version: str = ""
    java: tuple[str, ...] = ()
    args: tuple[str, ...] = ()

    @property
    def home(self) -> str:
        """Kafka's folder, by a jar of the class path, which may say ``./bin/../libs``."""
        libs = posixpath.dirname(posixpath.join(self.cwd or "/", self.jar)) if self.jar else ""
        return posixpath.dirname(posixpath.normpath(libs)) if libs else ""


@dataclass(frozen=True)
class Machine:
    """A host as it says it is."""

    hostname: str
    login: str
    root: bool


@dataclass(frozen=True)
class Storage:
    """A log dir: the cluster id that it holds (empty: none), and whether it is a mount point."""

    cluster_id: str = ""
    mounted: bool = False


Values = dict[str, list[str]]


def records(text: str) -> list[Values]:
    found: list[Values] = []
    for line in text.split("\n"):
        if line == "=":
            found.append({})
        elif found and "=" in line:
            key, _, value = line.partition("=")
            found[-1].setdefault(key, []).append(value)
    return found


def surveyed(text: str) -> tuple[list[Process], Machine]:
    """Raises ValueError for what is no such output."""
    every = records(text)
    if not every or "hostname" not in every[-1]:
        raise ValueError("the survey did not come to its end")
    machine = _first(every[-1])
    found = [_process(values) for values in every[:-1]]
    return (
        sorted(found, key=lambda process: (not process.zookeeper, process.config, process.pid)),
        Machine(machine["hostname"], machine.get("login", ""), machine.get("uid") == "0"),
    )


def _first(values: Values) -> dict[str, str]:
    return {key: items[0] for key, items in values.items()}


def _process(values: Values) -> Process:
    one = _first(values)
    java = (one.get("argv0", ""), one.get("exe", "").removesuffix(" (deleted)"))
    return Process(
        pid=int(one["pid"]),
        user=one.get("user", ""),
        config="" if one.get("config") == "-" else posixpath.normpath(one.get("config", "")),
        zookeeper="zookeeper" in one.get("class", ""),
        ours="" if one.get("ours") == "-" else one.get("ours", ""),
        cwd=one.get("cwd", ""),
        unit=one.get("unit", ""),
        unit_path=one.get("unit_path", ""),
        jar=one.get("jar", ""),
        version=one.get("version", ""),
        java=tuple(path for path in java if path),
        args=tuple(values.get("arg", ())),
    )


def log_dirs(process: Process, values: Mapping[str, str]) -> tuple[str, ...]:
    """Where it keeps its data, as its properties say."""
    if process.zookeeper:
        given = values.get("dataDir", "")
    else:
        given = values.get("log.dirs") or values.get("log.dir") or LOG_DIR
    return tuple(_path(process, word) for word in _words(given))


def _path(process: Process, text: str) -> str:
    return posixpath.normpath(posixpath.join(process.cwd or "/", text))


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def role_of(process: Process, values: Mapping[str, str]) -> Role:
    if process.zookeeper:
        return Role.ZOOKEEPER
    roles = set(_words(values.get("process.roles", "")))
    if roles == {"controller"}:
        return Role.CONTROLLER
    return Role.COMBINED if "controller" in roles else Role.BROKER


def found_node(
    host: str,
    process: Process,
    values: Mapping[str, str],
    storages: Mapping[str, Storage],
    myid: int = 1,
) -> FoundNode:
    """The node of a process. ``storages`` by path, ``myid`` is a ZooKeeper's."""
    role = role_of(process, values)
    running = jvm.understood(process.args, process.java)
    heap = jvm.heap_of(running)
    open_jmx = running.jmx_address == "0.0.0.0"
    dirs = log_dirs(process, values)
    ids = {storages[d].cluster_id for d in dirs if d in storages} - {""}
    config, secrets = _config(role, process.version, values)
    mine = _zookeeper(values, myid) if role is Role.ZOOKEEPER else _kafka(role, values)
    return FoundNode(
        role=role,
        id=myid if role is Role.ZOOKEEPER else int(values.get("node.id") or values["broker.id"]),
        host=host,
        log_dirs=dirs,
        mounted=frozenset(d for d in dirs if d in storages and storages[d].mounted),
        rack=values.get("broker.rack"),
        config=config,
        secrets=secrets,
        heap=heap,
        jvm_opts=(*(() if heap else running.heap), *running.options),
        jmx_port=int(running.jmx_port) if running.jmx_port and not open_jmx else None,
        jmx_address=None if open_jmx else running.jmx_address or None,
        config_path=process.config,
        home=process.home,
        java=_java(process),
        user=process.user,
        version=process.version,
        supervisor="systemd" if process.unit else "process",
        unit=process.unit,
        unit_path=process.unit_path,
        cluster_id=min(ids, default=""),
        **mine,
    )


def _java(process: Process) -> str:
    """The Java home where the process was told one; empty where it took the system's."""
    first = process.java[0] if process.java else ""
    return first.removesuffix("/bin/java") if first.startswith("/") else ""


def _config(
    role: Role, version: str, values: Mapping[str, str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """What the spec has no words for, and which keys of it are secrets."""
    if role is Role.ZOOKEEPER:
        own = {k for k in values if k in MODELLED_ZOOKEEPER or k.startswith("server.")}
        return {k: values[k] for k in sorted(values) if k not in own}, ()
    around = Surroundings(table(version), adopted=True)
    keys = [key for key in sorted(values) if key not in BY_SPEC]
    secrets = tuple(key for key in keys if is_secret("broker", key, around))
    return {k: values[k] for k in keys if k not in secrets}, secrets


def _zookeeper(values: Mapping[str, str], myid: int) -> dict[str, Any]:
    _, peer, election = _server(values.get(f"server.{myid}", ""))
    return {
        "client_port": int(values.get("clientPort", "2181")),
        "peer_port": peer,
        "election_port": election,
    }


def _server(text: str) -> tuple[str, int | None, int | None]:
    parts = text.split(";")[0].split(":")
    if len(parts) < 3:
        return "", None, None
    return parts[0], int(parts[1]), int(parts[2])


def _kafka(role: Role, values: Mapping[str, str]) -> dict[str, Any]:
    names = {name.upper() for name in _words(values.get("controller.listener.names", ""))}
    every = _words(values.get("listeners", "" if role is Role.CONTROLLER else LISTENERS))
    own = [text for text in every if _name(text) not in names]
    control = [text for text in every if _name(text) in names]
    advertised = _words(values.get("advertised.listeners", ""))
    inter = values.get("inter.broker.listener.name")
    return {
        "listeners": tuple(own),
        "advertised": tuple(text for text in advertised if _name(text) not in names),
        "inter_broker_listener": inter.upper() if inter else None,
        "controller_listener": control[0] if control else None,
    }


def _name(listener: str) -> str:
    return listener.partition("://")[0].upper()


def troubles(process: Process, values: Mapping[str, str]) -> Iterator[str]:
    """Why a spec cannot say what this process is."""
    if process.zookeeper:
        return
    if not (values.get("node.id") or values.get("broker.id")):
        yield "its file has no broker.id or node.id (Kafka made one up): write the id into it"
    for key, what in BEYOND.items():
        if values.get(key) not in (None, "false"):
            yield f"it has {what}, which is not yet supported"
    if "/" in values.get("zookeeper.connect", ""):
        yield "its zookeeper.connect has a path (chroot), which is not yet supported"
    protocols = dict(
        word.upper().partition(":")[::2]
        for word in _words(values.get("listener.security.protocol.map", ""))
    )
    used = [_name(text) for text in _words(values.get("listeners", LISTENERS))]
    secured = [name for name in used if _protocol(name, protocols) != "PLAINTEXT"]
    if secured:
        yield f"its listener {secured[0]} has TLS or logins, which are not yet supported"


def _protocol(name: str, protocols: Mapping[str, str]) -> str:
    default = name if name in ("SSL", "SASL_PLAINTEXT", "SASL_SSL") else "PLAINTEXT"
    return protocols.get(name, default)


def addresses(
    nodes: Sequence[FoundNode], values: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    """How the nodes reach each host: as voters, ZooKeeper's servers and brokers name it. ``values``
    are the properties of each node, by its name."""
    hosts = {(node.role is Role.ZOOKEEPER, node.id): node.host for node in nodes}
    found: dict[str, str] = {}
    for node in nodes:
        for zookeeper, id, name in _named(values[node.name]):
            host = hosts.get((zookeeper, id))
            if host and name not in ("", "0.0.0.0", "::"):
                found.setdefault(host, name)
    for node in nodes:
        for text in (*node.advertised, *node.listeners):
            name = text.partition("://")[2].rpartition(":")[0].strip("[]")
            if name not in ("", "0.0.0.0", "::", "localhost", "127.0.0.1"):
                found.setdefault(node.host, name)
    return found


def _named(values: Mapping[str, str]) -> Iterator[tuple[bool, int, str]]:
    for word in _words(values.get("controller.quorum.voters", "")):
        id, _, rest = word.partition("@")
        if id.isdigit():
            yield False, int(id), rest.rpartition(":")[0].strip("[]")
    for key, value in sorted(values.items()):
        number = key.removeprefix("server.")
        if key.startswith("server.") and number.isdigit():
            yield True, int(number), _server(value)[0]
