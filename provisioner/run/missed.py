"""Until Kafka has noticed that brokers are gone whose processes have ended. Before that nobody can
ask them, and what Kafka tells of them is old."""

from __future__ import annotations

from collections.abc import Collection

from provisioner.kafka.port import KafkaUnavailable
from provisioner.patience import Patience
from provisioner.plan.model import Event
from provisioner.run.session import Session

LIMIT = 60.0
"""Seconds; a session lasts 9 in KRaft, and 18 with ZooKeeper."""


def wait_missed(run: Session, brokers: Collection[int]) -> None:
    """As long as ``LIMIT``: then the next look tells how it is."""
    patience, cluster = Patience(LIMIT, run.stop), run.site.cluster()
    named = ", ".join(f"broker-{id}" for id in sorted(brokers))
    while not run.stop.is_set() and patience.seconds < LIMIT:
        try:
            if cluster.liveness().alive.isdisjoint(brokers):
                return
        except KafkaUnavailable:
            pass
        if patience.is_news("missed", 0.0):
            run.emit(
                Event("waiting", about="thing", subject=f"Kafka to notice that {named} is gone")
            )
        patience.pause()
