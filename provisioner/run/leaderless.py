"""Partitions that nobody leads though all of their brokers are up.

The controller of a KRaft cluster looks for a leader when a broker comes up. Of a partition whose
log dir is new it may look before it knows that the broker has it there, finds nobody, and looks
again with its next check, minutes later (``ReplicationControlManager``, seen with 4.3.1). Asked to
elect the preferred leader it looks at once, and by the same rules.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from provisioner.kafka.port import ClusterView, KafkaRefused, KafkaUnavailable
from provisioner.kafka.requests.leaders import ElectPreferredLeaders, Place, in_lists
from provisioner.run.session import Session

AFTER = 3.0
"""Seconds in which Kafka finds a leader by itself, nearly always."""


class Leaderless:
    """Sees each view of a wait, and has leaders looked for where nobody does."""

    def __init__(self, run: Session):
        self._run = run
        self._since: dict[Place, float] = {}

    def __call__(self, view: ClusterView) -> None:
        now = time.monotonic()
        self._since = {place: self._since.get(place, now) for place in leaderless(view)}
        late = sorted(place for place, since in self._since.items() if now - since >= AFTER)
        for some in in_lists(late):
            self._since |= dict.fromkeys(some, now)
            try:
                self._run.kafka.send(ElectPreferredLeaders(some))
            except (KafkaRefused, KafkaUnavailable):
                return  # the wait goes on, and its end says what is not led


def leaderless(view: ClusterView) -> Iterator[Place]:
    for topic in view.topics:
        for partition in topic.partitions:
            if partition.leader is None and set(partition.replicas) <= view.alive:
                yield topic.name, partition.id
