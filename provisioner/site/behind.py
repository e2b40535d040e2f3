"""How far what a stop waits for has come: replicas behind their leaders, voters behind theirs, logs
that are recovered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from provisioner.kafka.port import ClusterView, PartitionView
from provisioner.kafka.requests.request import Ask
from provisioner.kafka.requests.sizes import Sizes
from provisioner.kinds.service.recovery import Recovery
from provisioner.plan.safety import CAUGHT_UP

MOST = 500
"""Partitions whose sizes are asked; more are behind only for a moment."""

Place = tuple[str, int]


def sizes_of_behind(view: ClusterView) -> list[Ask]:
    """What the brokers are asked about partitions that are not in sync."""
    by_broker: dict[int, list[Place]] = defaultdict(list)
    for place, partition in [*_not_in_sync(view)][:MOST]:
        for broker in {partition.leader, *partition.replicas} & view.alive:
            if broker is not None:
                by_broker[broker].append(place)
    return [Sizes(broker, tuple(places)) for broker, places in sorted(by_broker.items())]


def _not_in_sync(view: ClusterView) -> Iterator[tuple[Place, PartitionView]]:
    for topic in view.topics:
        for each in topic.partitions:
            if not set(each.replicas) <= set(each.isr):
                yield (topic.name, each.id), each


@dataclass(frozen=True)
class Behind:
    """``isr``: partition → its ISR, of those that are not in sync; ``bytes``: what their replicas
    on living brokers lack, None where that was not told. ``lag``: records that voters lack."""

    isr: frozenset[tuple[Place, tuple[int, ...]]] = frozenset()
    bytes: int | None = 0
    voters: frozenset[int] = frozenset()
    lag: int = 0

    @property
    def partitions(self) -> int:
        return len(self.isr)


def behind(view: ClusterView | None) -> Behind:
    """By a view with the answers to ``sizes_of_behind``."""
    if view is None:
        return Behind()
    known: dict[int, Mapping[Place, int]] = {
        ask.broker: sizes for ask, sizes in view.answers.items() if isinstance(ask, Sizes)
    }
    late = dict(_not_in_sync(view))
    lacks = [_lacks(place, each, view, known) for place, each in late.items()]
    total = None if None in lacks else sum(lack or 0 for lack in lacks)
    lags = view.quorum.voters if view.quorum else {}
    slow = {voter: lag for voter, lag in lags.items() if lag > CAUGHT_UP}
    isr = frozenset((place, tuple(sorted(each.isr))) for place, each in late.items())
    return Behind(isr, total, frozenset(slow), sum(slow.values()))


def _lacks(
    place: Place,
    each: PartitionView,
    view: ClusterView,
    known: Mapping[int, Mapping[Place, int]],
) -> int | None:
    """Bytes; a replica whose broker is away copies nothing now, and does not count."""
    if each.leader is None:
        return 0
    whole = known.get(each.leader, {}).get(place)
    late = [id for id in each.replicas if id not in each.isr and id in view.alive]
    if whole is None or not all(id in known for id in late):
        return None if late else 0
    return sum(max(whole - known[id].get(place, 0), 0) for id in late)


@dataclass
class Furthest:
    """The measure of a wait's progress: another set of partitions, or of replicas that are in
    sync, and then fewer bytes than ever. A replica that falls further behind makes none."""

    of: object = None
    least: tuple[int, int] = field(default=(0, 0))

    def mark(self, now: Behind, recoveries: Mapping[str, Recovery], reason: str) -> object:
        """A value that is another one where there was progress."""
        of = (now.isr, now.voters, tuple(sorted(recoveries.items(), key=str)))
        left = (now.bytes or 0, now.lag)
        if of != self.of:
            self.of, self.least = of, left
        self.least = min(self.least[0], left[0]), min(self.least[1], left[1])
        return self.of, self.least, reason
