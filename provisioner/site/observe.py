"""One look at everything: hosts side by side, Kafka and ZooKeeper beside them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace

from provisioner.kafka.port import ClusterView, KafkaUnavailable
from provisioner.kinds.cluster_id import cluster_id
from provisioner.kinds.registry import KINDS, asks
from provisioner.plan.model import Id, Observation, Observed, Present
from provisioner.plan.rules import Seen
from provisioner.site.look import look
from provisioner.site.site import Site, zookeeper_address
from provisioner.spec.types import Node, Spec
from provisioner.workers import each, result_of, workers


def observe(site: Site, *, known: Observed | None = None) -> Seen:
    """Everything of the cluster as it is now. With ``known``, which is what was just read of all
    hosts, only Kafka is asked."""
    asked = bool(site.spec.brokers) and bool(site.shells)
    with workers(2) as pool:
        kafka = pool.submit(lambda: site.cluster().view(asks(site.spec))) if asked else None
        # Who leads is asked for where the order of a roll depends on it.
        led = asked and len(site.spec.zookeeper) > 2
        zookeeper = pool.submit(lambda: zookeeper_states(site)) if led else None
        things = _of_hosts(site) if known is None else {i: o for i, o in known.items() if i.host}
        view, why = _answer(kafka)
        states = result_of(zookeeper) if zookeeper is not None else {}
    away = {host: str(error) for host, error in site.unreachable.items()}
    seen = Seen(things, view, why, zookeeper=states, away=away)
    return told(site.spec, believed(site.spec, seen))


def _of_hosts(site: Site) -> dict[Id, Observation]:
    things: dict[Id, Observation] = {}
    for seen in site.side_by_side(lambda host: look(site, host)).values():
        things.update(seen)
    return things


def _answer(asked: Future[ClusterView] | None) -> tuple[ClusterView | None, str]:
    if asked is None:
        return None, ""
    try:
        return result_of(asked), ""
    except KafkaUnavailable as error:
        return None, str(error)


def told(spec: Spec, seen: Seen) -> Seen:
    """With Kafka's answer: observations of cluster kinds, and what it adds to those of hosts."""
    if seen.view is None:
        return seen
    things = dict(seen.things)
    for kind in KINDS.values():
        things.update(_added(things, kind.read(seen.view, spec)))
    return replace(seen, things=things)


def _added(things: Observed, read: Mapping[Id, Observation]) -> dict[Id, Observation]:
    """Of the cluster as it was read; of a host's thing that is known what is volatile of it."""
    found: dict[Id, Observation] = {}
    for id, seen in read.items():
        known = things.get(id)
        if not id.host:
            found[id] = seen
        elif isinstance(known, Present) and isinstance(seen, Present):
            found[id] = replace(known, volatile={**known.volatile, **seen.fields})
    return found


def believed(spec: Spec, seen: Seen) -> Seen:
    """Drops the answer of another cluster's Kafka."""
    why = stranger(spec, seen)
    return replace(seen, view=None, unavailable=why, stranger=True) if why else seen


def stranger(spec: Spec, seen: Seen) -> str:
    """Why the Kafka that answered belongs to another cluster, or empty.

    An answer at the spec's addresses is trusted only where our own storages or our own processes
    confirm the cluster id.
    """
    if seen.view is None:
        return ""
    known = cluster_id(spec, seen.things)
    answered = seen.view.cluster_id
    if known.value and not known.fresh:
        if answered == known.value:
            return ""
        return (
            f"another cluster answers at these addresses: {answered}, and this one is {known.value}"
        )
    ids = [(kind, id) for kind in KINDS.values() for id in kind.answering(spec)]
    if all(kind.runs(seen.things.get(id)) is False for kind, id in ids):
        return (
            f"another cluster answers at these addresses: {answered}, "
            "and no broker of this cluster is running"
        )
    return ""


def zookeeper_states(site: Site) -> dict[int, str]:
    """What each ZooKeeper server says it is: leader, follower, standalone; no entry if silent."""
    from provisioner.kafka import zookeeper

    def state(node: Node) -> str:
        with contextlib.suppress(Exception):
            assert node.client_port is not None
            dial = site.shells[node.host].connection.dial
            host = zookeeper_address(site.spec, node)
            return zookeeper.server_state(dial, host, node.client_port, 3.0) or ""
        return ""

    servers = [n for n in site.spec.zookeeper if n.host in site.shells and n.client_port]
    with workers(max(1, len(servers))) as pool:
        found = zip(servers, each(pool, state, servers), strict=True)
        return {node.id: said for node, said in found if said}
