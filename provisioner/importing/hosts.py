"""What was found on hosts → the parts of ``cluster.yaml`` and ``inventory.yaml``. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from provisioner.importing.document import TOPICS, Document, Part, of_topic, value_of
from provisioner.importing.found import Found, FoundNode
from provisioner.spec.types import Role

FROM_HOSTS = (
    "Written by provision import, from what runs on the hosts. Kafka was there before (source: "
    "preinstalled): its folder is never replaced or removed. The properties of each node are all "
    "here; a file is rewritten only when its meaning changes, and its former text is kept once."
)
MACHINES = "Written by provision import: the hosts that were looked at."


def hosts_spec(found: Found) -> list[Part]:
    """The spec of a cluster whose hosts were looked at."""
    nodes = found.nodes
    head: Document = {
        "cluster": found.cluster,
        "inventory": "inventory.yaml",
        "kafka": {
            "version": _one(node.version for node in nodes),
            "home": _one(node.home for node in nodes),
            "user": _one(node.user for node in nodes),
            "supervisor": _one(node.supervisor for node in nodes),
            "java": _one(node.java for node in nodes) or "system",
            "source": "preinstalled",
        },
    }
    parts: list[Part] = [(FROM_HOSTS, head)]
    known = {host.name: host.address for host in found.hosts if host.address}
    if len({node.host for node in nodes}) > 1 and known:
        parts.append(("", {"hosts": {name: {"address": known[name]} for name in sorted(known)}}))
    parts += [("", part) for part in _nodes(found)]
    if found.kafka and found.kafka.topics:
        topics = {topic.name: of_topic(topic) for topic in found.kafka.topics}
        parts.append((TOPICS, {"topics": topics}))
    return parts


def _one(values: Iterable[str]) -> str:
    """They are all alike (``differences``)."""
    return min(set(values))


def differences(nodes: Sequence[FoundNode]) -> list[str]:
    """What a spec has one word for, and the nodes have several values of."""
    said = []
    for name, word in (
        ("version", "the version of Kafka"),
        ("home", "Kafka's folder"),
        ("user", "the user that Kafka runs as"),
        ("supervisor", "what keeps the process"),
        ("java", "the Java home"),
    ):
        values = sorted({str(getattr(node, name)) for node in nodes})
        if len(values) > 1:
            shown = ", ".join(value or "the system's" for value in values)
            said.append(f"{word} is not the same everywhere: {shown}; a spec has one")
    return said


def _nodes(found: Found) -> Iterable[Document]:
    nodes = sorted(found.nodes, key=lambda node: node.id)
    servers = [_zookeeper(node, nodes) for node in nodes if node.role is Role.ZOOKEEPER]
    controllers = [
        _controller(node) for node in nodes if node.role in (Role.CONTROLLER, Role.COMBINED)
    ]
    brokers = [_broker(node) for node in nodes if node.role in (Role.BROKER, Role.COMBINED)]
    if servers:
        yield {"zookeeper": servers}
    if controllers:
        yield {"controller_quorum": "dynamic" if found.dynamic else "static"}
        yield {"controllers": controllers}
    yield {"brokers": brokers}


def _zookeeper(node: FoundNode, nodes: Sequence[FoundNode]) -> Document:
    made: Document = {"id": node.id, "host": node.host, "client_port": node.client_port}
    if node.peer_port:
        made |= {"peer_port": node.peer_port, "election_port": node.election_port}
    return {**made, "data_dir": node.log_dirs[0], **_process(node)}


def _controller(node: FoundNode) -> Document:
    made: Document = {"id": node.id, "host": node.host}
    made["controller_listener"] = node.controller_listener
    if node.role is Role.COMBINED:
        return made
    return {**made, "log_dir": node.log_dirs[0], **_process(node)}


def _broker(node: FoundNode) -> Document:
    made: Document = {"id": node.id, "host": node.host, "listeners": list(node.listeners)}
    if node.advertised:
        made["advertised_listeners"] = list(node.advertised)
    if node.inter_broker_listener:
        made["inter_broker_listener"] = node.inter_broker_listener
    made["log_dirs"] = [
        {"path": path, "mounted": True} if path in node.mounted else path for path in node.log_dirs
    ]
    if node.rack:
        made["rack"] = node.rack
    return {**made, **_process(node)}


def _process(node: FoundNode) -> Document:
    """How it is started, and the properties that the spec has no words for."""
    made: dict[str, Any] = {"config_file": node.config_path}
    for word in ("unit", "heap", "jmx_port", "jmx_address"):
        if value := getattr(node, word):
            made[word] = value
    if node.jvm_opts:
        made["jvm_opts"] = list(node.jvm_opts)
    if node.config:
        made["config"] = {key: value_of(node.config[key]) for key in sorted(node.config)}
    return made


def machines_of(found: Found) -> list[Part]:
    hosts = {host.name: dict(sorted(host.variables.items())) for host in found.hosts}
    named = {name: hosts[name] for name in sorted(hosts)}
    return [(MACHINES, {"all": {"children": {"kafka": {"hosts": named}}}})]
