"""One look at everything: hosts side by side, Kafka and ZooKeeper beside them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial

from provisioner.kafka.port import ClusterView, KafkaUnavailable
from provisioner.kinds.cluster_id import cluster_id
from provisioner.kinds.phases import staged
from provisioner.kinds.registry import KINDS, asks, asks_more
from provisioner.plan.model import Id, Observation, Observed, Present
from provisioner.plan.rules import Seen
from provisioner.site.look import look
from provisioner.site.migrating import with_told_beside, with_znodes, without_kafka
from provisioner.site.site import Site, zookeeper_address
from provisioner.spec.types import Node, Spec
from provisioner.workers import each, result_of, workers


def observe(site: Site, *, known: Observed | None = None) -> Seen:
    """Everything of the cluster as it is now. With ``known``, which is what was just read of all
    hosts, only Kafka is asked."""
    asked = bool(site.spec.brokers or site.spec.bootstrap) and bool(site.shells)
    with workers(2) as pool:
        kafka = pool.submit(lambda: kafka_view(site)) if asked else None
        # Who leads is asked for where the order of a roll depends on it.
        led = asked and len(site.spec.zookeeper) > 2
        zookeeper = pool.submit(lambda: zookeeper_states(site)) if led else None
        things = _of_hosts(site) if known is None else {i: o for i, o in known.items() if i.host}
        view, why = _answer(kafka)
        states = result_of(zookeeper) if zookeeper is not None else {}
    away = {host: str(error) for host, error in site.unreachable.items()}
    seen = believed(site.spec, Seen(things, view, why, zookeeper=states, away=away))
    if seen.view is None:
        seen = replace(seen, things={**seen.things, **without_kafka(site)})
    site.spec = staged(site.spec, told(site.spec, seen).things)
    return told(site.spec, seen)


def kafka_view(site: Site) -> ClusterView:
    """What plan, drift and verify compare; where a kind must know more, with the sizes of
    partitions and what the journals have noted. Raises KafkaUnavailable."""
    ask = partial(
        site.cluster().view, asks(site.spec), more=lambda view: asks_more(view, site.spec)
    )
    view = with_znodes(site, replace(ask(), aims=site.aims))
    if not any(kind.deeper(view, site.spec) for kind in KINDS.values()):
        return view
    return with_notes(site, with_told_beside(site.spec, ask(log_dirs=True), view))


def with_notes(site: Site, view: ClusterView) -> ClusterView:
    """With what this tool has noted of its own doing: read once, for nobody else writes it while a
    run holds the lock."""
    if site.noted is None:
        from provisioner.site.journals import gather, merged

        site.noted = {}
        for entry in merged(gather(site).entries):
            site.note(entry.get("noted") or {})
    return replace(view, noted=site.noted, aims=site.aims)


def asked_again(site: Site, ids: Collection[Id]) -> ClusterView:
    """What Kafka tells of some things now. Raises KafkaUnavailable."""
    names = {id.kind for id in ids}
    sizes = any(KINDS[name].sizes for name in names)
    view = site.cluster().view(asks(site.spec, names), log_dirs=sizes, of_topics=_topics(ids))
    view = replace(view, aims=site.aims)
    if any(KINDS[name].of_zookeeper for name in names):
        view = with_znodes(site, view)
    return view if site.noted is None else replace(view, noted=site.noted)


def _topics(ids: Collection[Id]) -> Collection[str] | None:
    """The topics whose configuration must be known; None: all."""
    found: set[str] = set()
    for id in ids:
        of_topics = KINDS[id.kind].of_topics
        if of_topics is None:
            return None
        found.update(of_topics(id))
    return found


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
    if spec.bootstrap:
        other = spec.cluster_id is not None and spec.cluster_id != answered
        return _another(answered, spec.cluster_id) if other else ""
    if known.value and not known.fresh:
        if answered == known.value:
            return ""
        return _another(answered, known.value)
    ids = [(kind, id) for kind in KINDS.values() for id in kind.answering(spec)]
    if all(kind.runs(seen.things.get(id)) is False for kind, id in ids):
        return (
            f"another cluster answers at these addresses: {answered}, "
            "and no broker of this cluster is running"
        )
    return ""


def _another(answered: str, wanted: str | None) -> str:
    return f"another cluster answers at these addresses: {answered}, and this one is {wanted}"


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
