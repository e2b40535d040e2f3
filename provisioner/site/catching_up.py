"""How far the replicas of each broker have caught up, for those who watch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from provisioner.kafka.port import ClusterView
from provisioner.plan.model import Progress
from provisioner.site.site import Site


def tell_behind(site: Site, view: ClusterView) -> None:
    """Tells of each broker that runs how many of its partitions it is in sync with."""
    if not site.options.watched:
        return
    partitions = [p for topic in view.topics for p in topic.partitions]
    kept = Counter(id for p in partitions for id in p.replicas)
    in_sync = Counter(id for p in partitions for id in p.isr)
    for node in site.spec.brokers:
        done, total = in_sync[node.id], kept[node.id]
        over = done >= total or node.id not in view.alive
        site.options.progress(
            Progress("catch-up", node.name, node.host, done, total, "partitions", over)
        )


@contextmanager
def catching_up(site: Site) -> Iterator[None]:
    """However the waiting ends, nobody is shown as catching up after it."""
    try:
        yield
    finally:
        if site.options.watched:
            for node in site.spec.brokers:
                site.options.progress(Progress("catch-up", node.name, node.host, over=True))
