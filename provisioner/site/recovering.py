"""Which brokers recover their logs, by what they log themselves: Kafka cannot be asked yet."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from provisioner.hosts.observer import Reading
from provisioner.kinds.service.recovery import SCRIPT, Recovery, recovered
from provisioner.site.site import Site
from provisioner.spec.types import Node


def recovering(site: Site, nodes: Sequence[Node]) -> dict[str, Recovery]:
    """By name, of those of these nodes that are brokers and whose processes run. What cannot be
    read is left out."""
    brokers = [node for node in nodes if node.is_broker and node.host in site.shells]
    hosts = sorted({node.host for node in brokers})

    def look(host: str) -> dict[str, Recovery]:
        return _on(site, host, [node for node in brokers if node.host == host])

    found: dict[str, Recovery] = {}
    for part in site.side_by_side(look, hosts).values():
        found |= part
    return found


def _on(site: Site, host: str, nodes: Sequence[Node]) -> dict[str, Recovery]:
    places = site.places[host]
    readings = [
        Reading(SCRIPT, (log_of(site, node), *(d.path for d in node.log_dirs)), places.kafka_user)
        for node in nodes
    ]
    found: dict[str, Recovery] = {}
    with contextlib.suppress(Exception):
        frames = site.observer(host).read(readings)
        for node, frame in zip(nodes, frames, strict=True):
            counts = recovered(frame.text) if frame is not None else None
            if counts is not None:
                found[node.name] = counts
    return found


def log_of(site: Site, node: Node) -> str:
    """Kafka's own log of a node."""
    return f"{site.places[node.host].logs(node)}/server.log"
