"""Cross-checks of listeners: names, protocols, what is advertised, the ports they take."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from provisioner.spec.build_nodes import INTER_BROKER_PROTOCOL
from provisioner.spec.checks import Review, controller_item, node_item
from provisioner.spec.types import Listener, Node, Role
from provisioner.spec.yamlfile import Loc

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


def check_all(review: Review) -> None:
    for broker in review.built.spec.brokers:
        listeners(review, broker)
    endpoints(review)
    controller_names(review)
    ports(review)


def listeners(review: Review, node: Node) -> None:
    """Names: each once, known to a protocol, and the one that brokers use among themselves."""
    loc = review.built.loc(node)
    names = [listener.name for listener in node.listeners]
    for number, name in enumerate(names):
        if name in names[:number]:
            review.report(
                f"listener {name} of {node.name} is there twice",
                (*loc, "listeners", number),
                "give each its own name",
            )
    advertised = [listener.name for listener in node.advertised_listeners]
    for number, name in enumerate(advertised):
        if name not in names:
            review.report(
                f"{node.name} advertises {name}, which it does not listen on",
                (*loc, "advertised_listeners", number),
                f"its listeners are: {', '.join(names)}",
            )
    inter_broker(review, node, names, advertised)
    protocols(review, node, loc, names)


def inter_broker(review: Review, node: Node, names: list[str], advertised: list[str]) -> None:
    loc = review.built.loc(node)
    name, at = inter_broker_name(review, node)
    if name is None:
        review.report(
            f"{node.name} does not say which listener brokers use among themselves",
            (*loc, "listeners"),
            f"add inter_broker_listener: one of {', '.join(names)}",
            key=True,
        )
        return
    if name not in names:
        review.report(
            f"{node.name} has no listener {name}", at, f"its listeners are: {', '.join(names)}"
        )
        return
    if name not in advertised:
        review.report(
            f"{node.name} does not advertise {name}, which brokers use among themselves",
            (*loc, "advertised_listeners"),
            f"add {name}://HOST:PORT",
        )
    for other in review.built.spec.brokers:
        if name not in [x.name for x in (*other.listeners, *other.advertised_listeners)]:
            review.report(
                f"{node.name} reaches other brokers by {name}, which {other.name} does not have",
                at,
                "use the same inter_broker_listener on all brokers",
            )
            return


def inter_broker_name(review: Review, node: Node) -> tuple[str | None, Loc]:
    """The listener that brokers use among themselves, and where that is said; None where nothing
    says it. By a protocol Kafka means the listener that is called like it."""
    loc = review.built.loc(node)
    given = node_item(review, node).inter_broker_listener is not None
    protocol = node.config.get(INTER_BROKER_PROTOCOL)
    if protocol is not None:
        at = review.config_loc(node, INTER_BROKER_PROTOCOL)
        if node.inter_broker_listener is None:
            return protocol.strip().upper(), at
        review.report(
            f"'{INTER_BROKER_PROTOCOL}' beside inter_broker_listener: Kafka takes one of the two",
            at,
            "take the property out",
            key=True,
        )
    at = (*loc, "inter_broker_listener" if given else "listeners")
    if node.inter_broker_listener is not None:
        return node.inter_broker_listener, at
    plain = any(listener.name == "PLAINTEXT" for listener in node.listeners)
    return ("PLAINTEXT" if plain else None), at


def protocols(review: Review, node: Node, loc: Loc, names: list[str]) -> None:
    """A map in ``config`` replaces ours, so it must have every listener in it."""
    text = node.config.get("listener.security.protocol.map")
    if text is None:
        return
    pairs = dict(part.strip().partition(":")[::2] for part in text.split(","))
    controllers = [
        c.controller_listener.name for c in review.built.spec.controllers if c.controller_listener
    ]
    at: Loc = (*loc, "config", "listener.security.protocol.map")
    for name in dict.fromkeys([*names, *controllers]):
        if name not in {key.upper() for key in pairs}:
            review.report(
                f"listener.security.protocol.map of {node.name} lacks {name}",
                at,
                f"add {name}:PLAINTEXT, or the protocol it has",
            )
    for name, protocol in pairs.items():
        if protocol not in PROTOCOLS:
            review.report(
                f"'{protocol}' is not a security protocol (listener {name})",
                at,
                f"write one of: {', '.join(PROTOCOLS)}",
            )


def endpoints(review: Review) -> None:
    """No two brokers may tell clients the same address."""
    seen: dict[tuple[str, int], Node] = {}
    for node in review.built.spec.brokers:
        for number, listener in enumerate(node.advertised_listeners):
            if not listener.host:
                continue
            other = seen.setdefault((listener.host.lower(), listener.port), node)
            if other is not node and other.host != node.host:
                part = "advertised_listeners"
                if not node_item(review, node).advertised_listeners:
                    part = "listeners"
                review.report(
                    f"{other.name} and {node.name} both advertise {listener}",
                    review.built.loc(node, part, number),
                    "each broker needs an address of its own",
                )


def controller_names(review: Review) -> None:
    """All controllers use one listener name, which no broker's listener has."""
    spec, first = review.built.spec, None
    for node in spec.controllers:
        listener = node.controller_listener
        loc: Loc = (*review.built.controller_locs[node.id], "controller_listener")
        assert isinstance(listener, Listener)
        first = first or listener.name
        if listener.name != first:
            review.report(
                f"the listener of {node.name} is called {listener.name}, that of the first "
                f"controller {first}",
                loc,
                "use one name for all controllers",
            )
    for node in spec.brokers:
        for number, listener in enumerate(node.listeners):
            if first is not None and listener.name == first:
                review.report(
                    f"{node.name} has a listener {first}, which is the controllers' name",
                    review.built.loc(node, "listeners", number),
                    "give one of the two another name",
                )


@dataclass(frozen=True)
class Taken:
    """A port on a host, by what it is taken and where that is written; ``address`` is the one
    that is listened on, empty for all of them."""

    host: str
    address: str
    port: int
    node: str
    what: str
    loc: Loc


def ports(review: Review) -> None:
    seen: dict[tuple[str, int], list[Taken]] = {}
    for one in taken_ports(review):
        others = seen.setdefault((one.host, one.port), [])
        other = next((other for other in others if collide(one, other)), None)
        others.append(one)
        if other is None:
            continue
        pair = "; one broker may listen twice on a port by an IPv4 and an IPv6 address only"
        review.report(
            f"port {one.port} on {one.host} is taken twice: by {other.what} "
            f"({review.where(other.loc)}) and by {one.what}",
            one.loc,
            "give each its own port" + (pair if one.node == other.node else ""),
        )


def collide(one: Taken, other: Taken) -> bool:
    """Whether both cannot listen. Only addresses are known to differ: what two names stand for
    is the host's affair. Within one process Kafka itself wants one IPv4 and one IPv6 (KIP-797)."""
    first, second = literal(one.address), literal(other.address)
    if first is None or second is None:
        return True
    if one.node == other.node:
        return first.version == second.version
    return first == second


def literal(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, if it is one and not all of them (``0.0.0.0``, ``::``)."""
    try:
        found = ipaddress.ip_address(address.strip("[]"))
    except ValueError:
        return None
    return None if found.is_unspecified else found


def taken_ports(review: Review) -> Iterator[Taken]:
    """Every port that something in the cluster takes."""
    built = review.built
    for node in built.spec.known:
        loc, who, host = built.loc(node), node.name, node.host
        if node.role is Role.ZOOKEEPER:
            for word in ("client_port", "peer_port", "election_port"):
                if port := getattr(node, word):
                    yield Taken(host, "", port, who, f"{word} of {who}", (*loc, word))
        for number, listener in enumerate(node.listeners):
            what = f"listener {listener.name} of {who}"
            at: Loc = (*loc, "listeners", number)
            yield Taken(host, listener.host, listener.port, who, what, at)
        if node.controller_listener and node.controller_listener.port:
            at = built.controller_locs[node.id]
            word = "port" if controller_item(review, at).port else "controller_listener"
            own = node.controller_listener
            what = f"the controller of {who}"
            yield Taken(host, own.host, own.port, who, what, (*at, word))
        if node.jmx_port:
            yield Taken(host, "", node.jmx_port, who, f"jmx_port of {who}", (*loc, "jmx_port"))
