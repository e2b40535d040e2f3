"""Who holds what while a proposal is made: loads, racks and space, kept by each change."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence

from provisioner.plan.placement_model import Broker, Partition, Rules

Rack = str | int


class Board:
    """The placement being worked out. Partitions are named by their index in ``partitions``.

    A replica weighs its bytes; an unknown size counts as the mean of the known ones. Where no
    size is known, or all are alike, each replica weighs 1.
    """

    def __init__(
        self, brokers: Sequence[Broker], partitions: Sequence[Partition], rules: Rules
    ) -> None:
        self.partitions = sorted(partitions, key=lambda each: (each.topic, each.id))
        self.rules = rules
        self.brokers = {each.id: each for each in sorted(brokers, key=lambda each: each.id)}
        self._rack: dict[int, Rack] = {
            each.id: each.id if each.rack is None else each.rack for each in brokers
        }
        self.accepting = frozenset(
            id for id, each in self.brokers.items() if each.accepts and id not in rules.leaving
        )
        self._racks = {self._rack[id] for id in self.accepting}
        self._shared: dict[tuple[int, ...], int] = {}
        self.weight = _weights(self.partitions, rules.grain)
        self.held = [each.replicas for each in self.partitions]
        self.load: dict[int, int] = dict.fromkeys(self.brokers, 0)
        self.count: dict[int, int] = dict.fromkeys(self.brokers, 0)
        self.incoming: dict[int, int] = dict.fromkeys(self.brokers, 0)
        self._fill()
        self.empty = frozenset(each for each in self.accepting if not self.count[each])
        mean = sum(self.weight) // max(1, len(self.weight))
        self._unit = max(1, mean // 16)
        self.least_worth = mean / 1000
        """The weight from which on moving a replica helps the balance."""
        self._order = sorted((self._key(id), id) for id in self.accepting)

    def _fill(self) -> None:
        for held, weight in zip(self.held, self.weight, strict=True):
            for broker in held:
                self.load[broker] = self.load.get(broker, 0) + weight
                self.count[broker] = self.count.get(broker, 0) + 1

    def _key(self, broker: int) -> int:
        """What decides who gets a replica: bytes, and a little the number, for empty partitions."""
        return self.load[broker] + self._unit * self.count[broker]

    def by_bytes(self) -> None:
        """From now on bytes alone decide who gets a replica."""
        self._unit = 0
        self._order = sorted((self._key(id), id) for id in self.accepting)

    def of_topic(self, topic: str) -> range:
        """The partitions of a topic, as they are sorted."""
        first = bisect_left(self.partitions, topic, key=lambda each: each.topic)
        end = bisect_right(self.partitions, topic, key=lambda each: each.topic)
        return range(first, end)

    def rack(self, broker: int) -> Rack:
        return self._rack.get(broker, broker)

    def staying(self, p: int) -> tuple[int, ...]:
        """The replicas that no rule drives away."""
        leaving, replicas = self.rules.leaving, self.partitions[p].replicas
        if not leaving:
            return replicas
        return tuple(each for each in replicas if each not in leaving)

    def possible(self, p: int) -> set[int]:
        """The brokers that may hold a replica."""
        return {*self.accepting, *self.staying(p)}

    def racks_suffice(self, p: int, replicas: int) -> bool:
        if len(self._racks) >= replicas:
            return True
        return len(self._racks.union(map(self.rack, self.staying(p)))) >= replicas

    def shared_racks(self, replicas: Sequence[int]) -> int:
        """How many of these replicas are on a rack that another one is on already."""
        key = tuple(replicas)
        known = self._shared.get(key)
        if known is None:
            known = self._shared[key] = len(key) - len(set(map(self.rack, key)))
        return known

    def crowded(self, p: int) -> bool:
        """Replicas share a rack although racks suffice."""
        held = self.held[p]
        return self.shared_racks(held) > 0 and self.racks_suffice(p, len(held))

    def assign(self, p: int, replicas: Sequence[int]) -> None:
        """Sets the replicas of a partition."""
        before, replicas = self.held[p], tuple(replicas)
        if replicas == before:
            return
        self.held[p] = replicas
        for broker in before:
            if broker not in replicas:
                self._change(p, broker, -1)
        for broker in replicas:
            if broker not in before:
                self._change(p, broker, 1)

    def add(self, p: int, broker: int) -> None:
        """One replica more, on a broker that has none of this partition."""
        self.held[p] = (*self.held[p], broker)
        self._change(p, broker, 1)

    def _change(self, p: int, broker: int, sign: int) -> None:
        if broker not in self.brokers:  # one that is not registered any more can only lose
            return
        before = self._key(broker)
        self.load[broker] += sign * self.weight[p]
        self.count[broker] += sign
        if broker in self.accepting:
            order = self._order
            del order[bisect_left(order, (before, broker))]
            insort(order, (self._key(broker), broker))
        partition = self.partitions[p]
        if broker not in partition.replicas:
            self.incoming[broker] += sign * (partition.bytes or 0)

    def has_room(self, p: int, broker: int) -> bool:
        """Free space is at least 1.2 × everything that comes; True where it is not known."""
        partition = self.partitions[p]
        if broker not in self.rules.free or broker in partition.replicas:
            return True
        incoming = self.incoming[broker] + (partition.bytes or 0)
        return self.rules.free[broker] * 5 >= incoming * 6

    def counts(self, p: int, broker: int) -> bool:
        """A replica there is in sync at the end of a move: it is copied, or in sync already."""
        partition = self.partitions[p]
        return partition.isr is None or broker in partition.isr or broker not in partition.replicas

    def lightest(self, p: int, *, own_rack: bool) -> int | None:
        """The least loaded broker with room for one more replica, on the least used rack;
        ``own_rack``: only on a rack that is not used yet."""
        held, rack = self.held[p], self._rack
        racks = [rack.get(each, each) for each in held]
        best: tuple[int, int] | None = None
        for _, broker in self._order:
            if broker in held:
                continue
            used = racks.count(rack[broker])
            if (best is not None and used >= best[0]) or (used and own_rack):
                continue
            if self.has_room(p, broker):
                if not used:
                    return broker
                best = (used, broker)
        return best[1] if best else None

    def heirs(self, held: Sequence[int], giver: int, takers: frozenset[int]) -> list[int]:
        """Those of ``takers`` that could get the giver's replica of a partition held like this,
        racks no worse: the least loaded first."""
        rack = self._rack
        racks = [rack.get(each, each) for each in held if each != giver]
        most = racks.count(rack[giver])
        return [
            broker
            for _, broker in self._order
            if broker in takers
            and broker not in held
            and (rack[broker] not in racks or racks.count(rack[broker]) <= most)
        ]


def replaced(replicas: Sequence[int], old: int, new: int) -> tuple[int, ...]:
    return tuple(new if each == old else each for each in replicas)


def _weights(partitions: Sequence[Partition], grain: int) -> list[int]:
    rounded = [None if p.bytes is None else p.bytes // grain * grain for p in partitions]
    known = [each for each in rounded if each is not None]
    if not known or min(known) == max(known):
        return [1] * len(partitions)
    mean = sum(known) // len(known)
    return [mean if each is None else each for each in rounded]
