"""Warnings about ports that are open to other machines and have no login.

TLS, users and ACLs are not supported yet, so a cluster that is reached over a network is as safe as
that network; each thing is said once.
"""

from __future__ import annotations

from typing import Any

from provisioner.spec.checks import Review
from provisioner.spec.types import Node
from provisioner.spec.words import WILDCARD, is_loopback
from provisioner.spec.yamlfile import Loc


def check_all(review: Review) -> None:
    for one in (jmx, zookeeper, listeners):
        one(review)


def jmx(review: Review) -> None:
    """JMX can load code: who reaches it without a login is Kafka's user."""
    layers: list[tuple[Any, Loc]] = [(review.built.shape.defaults, ("defaults",))]
    layers += [(item, (part, number)) for part, number, item in review.items()]
    with_port = {node.host for node in review.built.spec.nodes if node.jmx_port}
    for item, where in layers:
        loc: Loc = (*where, "jmx_address")
        given = item.jmx_address
        if given is not None and not with_port:
            review.report("jmx_address without jmx_port", loc, "add jmx_port, or take it out")
        elif given is not None and not is_loopback(given):
            review.warn(
                f"JMX on {given} has no login: anyone who reaches its port can run code "
                "as Kafka's user",
                loc,
            )


def zookeeper(review: Review) -> None:
    spec = review.built.spec
    found = [node for node in spec.zookeeper if _open(review, node)]
    if found:
        review.warn(
            f"ZooKeeper's port {found[0].client_port} is open on all interfaces, and anyone "
            "who reaches it can change Kafka's metadata: allow only the cluster's hosts",
            review.built.loc(found[0]),
        )


def _open(review: Review, node: Node) -> bool:
    bound = node.config.get("clientPortAddress")
    if bound is not None:
        return bound in WILDCARD
    return not is_loopback(review.built.spec.hosts[node.host].kafka_address or "")


def listeners(review: Review) -> None:
    """Of a lab on one machine only what its brokers listen on can be open."""
    for node in review.built.spec.brokers:
        for number, listener in enumerate(node.listeners):
            if listener.name == "PLAINTEXT" and listener.host in WILDCARD:
                review.warn(
                    f"{listener} is open on all interfaces without TLS and login (neither is "
                    "supported yet): allow only clients that may read and write everything",
                    review.built.loc(node, "listeners", number),
                )
                return
