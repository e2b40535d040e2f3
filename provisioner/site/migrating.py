"""A migration from ZooKeeper as its hosts and ZooKeeper tell of it: which nodes the spec no longer
has, how far Kafka has come, and since when."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import constant
from provisioner.hosts.transport import TransportError
from provisioner.kinds import properties
from provisioner.kinds.ids import file_id, storage_id
from provisioner.kinds.layout import Facts
from provisioner.kinds.phases import (
    EPOCH,
    NODES,
    Mode,
    asks_zookeeper,
    is_controller,
    mode_of,
    phase,
    told,
)
from provisioner.plan.model import Id, Observed, Present
from provisioner.site.paths import is_path, listeners_in
from provisioner.spec.types import Listener, LogDir, Node, Role, Spec
from provisioner.spec.words import WILDCARD, release

if TYPE_CHECKING:
    from provisioner.kafka.port import ClusterView, QuorumView
    from provisioner.site.site import Site

ONLY = (3, 9)
SECONDS = 5.0
ZNODES = "znodes"
"""Of the errors of a view: why ZooKeeper did not tell."""


# --- nodes that the spec no longer has ------------------------------------------------------------


def asked(spec: Spec, user: str) -> list[Reading]:
    """What a host is asked with its facts, by Kafka's ``user`` ("": the login); its answer is
    ``Facts.former``."""
    if spec.preinstalled or spec.bootstrap or release(spec.version)[:2] != ONLY:
        return []
    return [Reading(constant("former.sh", "provisioner.site"), (spec.home,), user)]


def with_former(spec: Spec, facts: Mapping[str, Facts]) -> Spec:
    """The spec with what its hosts have of the other mode: the controllers of a migration where it
    has ZooKeeper alone, ZooKeeper's servers where it has none. A broker keeps the name of the file
    that it was started with before."""
    found = {host: each.former for host, each in facts.items()}
    former = [node for host, text in found.items() for node in former_nodes(spec, host, text)]
    nodes = tuple(named(node, found.get(node.host, "")) for node in spec.nodes)
    return replace(spec, nodes=nodes, former=tuple(sorted(former, key=lambda node: node.id)))


def _parts(text: str) -> Iterator[tuple[str, str, str]]:
    """(name of the node, base name of its files, the text of its properties)."""
    for part in f"\n{text}".split("\n=")[1:]:
        head, _, rest = part.partition("\n")
        name, _, base = head.partition(" ")
        lines = [line[1:] for line in rest.split("\n") if line.startswith("|")]
        if base and "/" not in base:
            yield name, base, "\n".join(lines)


def named(node: Node, text: str) -> Node:
    """``broker-0`` of a lab was started with ``server.properties`` before it had controllers."""
    folder, _, own = node.properties.rpartition("/")
    bases = [base for name, base, _ in _parts(text) if name == node.name]
    if not node.is_broker or not bases or own.removesuffix(".properties") in bases:
        return node
    return replace(node, properties=f"{folder}/{bases[0]}.properties")


def former_nodes(spec: Spec, host: str, text: str) -> Iterator[Node]:
    """The nodes on a host that a migration leaves behind, as their properties have them."""
    ours = {node.name for node in spec.nodes}
    for name, base, lines in _parts(text):
        role, _, number = name.partition("-")
        if name in ours or not number.isdecimal() or spec.migration:
            continue
        path = f"{spec.home_on(host)}/config/{base}.properties"
        found = properties.parse(lines)
        if role == Role.CONTROLLER and spec.zookeeper:
            node = _controller(host, int(number), path, found)
        elif role == Role.ZOOKEEPER and not spec.zookeeper:
            node = _server(host, int(number), path, found)
        else:
            continue
        if node is not None:
            yield node


def _controller(host: str, number: int, path: str, found: Mapping[str, str]) -> Node | None:
    """One that takes part in a migration; any other is no matter of it."""
    own = listeners_in(found.get("listeners", ""))
    node = Node(Role.CONTROLLER, number, host, path, log_dirs=_dirs(found.get("log.dirs", "")))
    if not own or mode_of(node, found) is not Mode.MIGRATING:
        return None
    return replace(
        node,
        controller_listener=own[0],
        advertised_controller=_reached(number, found.get("controller.quorum.voters", ""), own[0]),
    )


def _reached(number: int, voters: str, own: Listener) -> Listener:
    for voter in voters.split(","):
        id, _, address = voter.strip().partition("@")
        if id == str(number) and address:
            return replace(own, host=address.rpartition(":")[0].strip("[]"))
    return own


def _server(host: str, number: int, path: str, found: Mapping[str, str]) -> Node | None:
    port, dirs = found.get("clientPort", ""), _dirs(found.get("dataDir", ""))
    if not port.isdecimal() or not dirs:
        return None
    return Node(Role.ZOOKEEPER, number, host, path, log_dirs=dirs, client_port=int(port))


def _dirs(text: str) -> tuple[LogDir, ...]:
    return tuple(LogDir(p.strip()) for p in text.split(",") if is_path(p.strip()))


# --- what ZooKeeper says --------------------------------------------------------------------------


def znodes(site: Site) -> tuple[Mapping[str, str | None] | None, str]:
    """What ``NODES`` and ``EPOCH`` hold, by name, None for what is missing; or why nobody tells."""
    from provisioner.kafka import zookeeper
    from provisioner.site.site import zookeeper_address

    why = "no ZooKeeper server can be reached"
    for node in site.spec.zookeeper:
        if node.host not in site.shells or site.is_away(node.host) or not node.client_port:
            continue
        dial, host = site.shells[node.host].connection.dial, zookeeper_address(site.spec, node)
        try:
            return zookeeper.contents(dial, host, node.client_port, SECONDS, (*NODES, EPOCH)), ""
        except (zookeeper.ZooKeeperError, TransportError) as error:
            why = str(error)  # another server may answer
    return None, why


def with_znodes(site: Site, view: ClusterView) -> ClusterView:
    """Kafka's view with ZooKeeper's answer and the controllers', where a migration is under way."""
    if not asks_zookeeper(site.spec):
        return view
    view = with_quorum(site, view)
    found, why = znodes(site)
    errors = {**view.errors, ZNODES: why} if why else view.errors
    return replace(view, znodes=found, errors=errors)


def with_told_beside(spec: Spec, view: ClusterView, before: ClusterView) -> ClusterView:
    """Kafka's view with what ZooKeeper and the controllers told a moment before. A quorum that
    brokers tell is newer."""
    quorum = before.quorum if spec.migration and view.quorum is None else view.quorum
    why = {name: text for name, text in before.errors.items() if name == ZNODES}
    return replace(view, znodes=before.znodes, quorum=quorum, errors={**view.errors, **why})


def without_kafka(site: Site) -> Observed:
    """ZooKeeper's answer where Kafka gives none."""
    from provisioner.kinds.ids import migration_id

    if not asks_zookeeper(site.spec):
        return {}
    found, _ = znodes(site)
    return {} if found is None else {migration_id(n): seen for n, seen in told(found).items()}


# --- what a controller says -----------------------------------------------------------------------


def with_quorum(site: Site, view: ClusterView) -> ClusterView:
    """With the quorum, which brokers in ZooKeeper mode do not know: which of the controllers may
    be stopped follows from it."""
    spec = site.spec
    if not spec.migration or view.quorum is not None:
        return view
    at = {n.host: n for n in spec.controllers if n.host in site.shells and not site.is_away(n.host)}
    found = site.side_by_side(lambda host: _quorum(site, at[host]), list(at))
    return replace(view, quorum=next((each for each in found.values() if each), None))


def _quorum(site: Site, node: Node) -> QuorumView | None:
    """As this controller has it; None where it does not lead, or does not run."""
    from provisioner.kafka import quorum

    own = node.controller_listener
    if own is None:
        return None
    host = "localhost" if not own.host or own.host in WILDCARD else own.host
    try:
        return quorum.told(site.shells[node.host].connection.dial, (host, own.port), SECONDS)
    except (OSError, TransportError):
        return None


# --- for those who look ---------------------------------------------------------------------------


def since(spec: Spec, things: Observed) -> int | None:
    """When the phase began, in seconds since 1970: the first log of KRaft's metadata on a broker
    (``dual-write``), or on a controller (``hybrid``)."""
    moved = phase(spec, things) == "dual-write"
    nodes = spec.brokers if moved else [n for n in spec.known if is_controller(n)]
    seen = [things.get(storage_id(n.host, d.path)) for n in nodes for d in n.log_dirs]
    times = [s.volatile.get("metadata_since") for s in seen if isinstance(s, Present)]
    return min((each for each in times if isinstance(each, int)), default=None)


def looked_at(spec: Spec) -> list[Id]:
    """What has to be read of hosts for that; nothing where no migration is under way."""
    if not asks_zookeeper(spec):
        return []
    nodes = [node for node in spec.known if node.role is not Role.ZOOKEEPER]
    files = [file_id(node.host, node.properties) for node in nodes]
    return files + [storage_id(node.host, d.path) for node in nodes for d in node.log_dirs]


def values(spec: Spec, things: Observed) -> dict[str, Any] | None:
    """``{phase, since, seconds}`` of ``status``; None where no migration is under way."""
    now = phase(spec, things)
    if now is None:
        return None
    began = since(spec, things)
    if began is None:
        return {"phase": now, "since": None, "seconds": None}
    told = datetime.fromtimestamp(began, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"phase": now, "since": told, "seconds": max(int(time.time()) - began, 0)}
