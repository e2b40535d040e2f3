"""Moves in groups that may run at the same time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter

from provisioner.plan.placement_model import Move


def batches(
    moves: Sequence[Move], per_broker: int, partitions: int = 1000
) -> tuple[tuple[Move, ...], ...]:
    """Groups of at most ``partitions`` moves in which no broker is copied to, and none is copied
    from or given up, by more than ``per_broker``; the largest first.

    Moves that copy nothing count only towards ``partitions``. Near linear: each broker remembers
    the next group in which it has a place. Raises ValueError for a limit below 1.
    """
    if per_broker < 1 or partitions < 1:
        raise ValueError("at least one move at a time")
    groups: list[list[Move]] = []
    places: dict[object, _Places] = {"all": _Places(partitions)}
    for move in _largest_first(moves):
        counted = ["all", *busy(move)]
        limits = [places.setdefault(name, _Places(per_broker)) for name in counted]
        group = _first_common(limits)
        for limit in limits:
            limit.take(group)
        while len(groups) <= group:
            groups.append([])
        groups[group].append(move)
    return tuple(tuple(group) for group in groups)


def first_batch(moves: Sequence[Move], per_broker: int, partitions: int = 1000) -> tuple[Move, ...]:
    """The first group of ``batches``, without the others. Raises ValueError for a limit below 1."""
    if per_broker < 1 or partitions < 1:
        raise ValueError("at least one move at a time")
    found: list[Move] = []
    taken: Counter[object] = Counter()
    full: set[int] = set()
    """Brokers to which no more is copied."""
    for move in _largest_first(moves):
        if not full.isdisjoint(move.after) and not full.isdisjoint(move.adding):
            continue
        places = busy(move)
        if all(taken[place] < per_broker for place in places):
            taken.update(places)
            full |= {b for way, b in places if way == "in" and taken[way, b] == per_broker}
            found.append(move)
            if len(found) == partitions:
                break
    return tuple(found)


def _largest_first(moves: Sequence[Move]) -> list[Move]:
    """Those of one size by their names. A proposal has them in that order already."""
    by_name = sorted(moves, key=attrgetter("topic", "partition"))
    return sorted(by_name, key=lambda move: move.bytes or 0, reverse=True)


def busy(move: Move) -> list[tuple[str, int]]:
    """("in" or "out", broker) for every broker that copying this partition concerns: those that
    get a replica, those that give one up, and the leader, from which is copied."""
    adding = move.adding
    if not adding:
        return []
    out = dict.fromkeys((*move.before[:1], *move.removing))
    return [*(("in", broker) for broker in adding), *(("out", broker) for broker in out)]


class _Places:
    """The free places of one broker in each group; full groups are skipped by a union-find."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken: dict[int, int] = {}
        self._next: dict[int, int] = {}

    def first(self, group: int) -> int:
        """The first group from this one on that has a place."""
        path = []
        while group in self._next:
            path.append(group)
            group = self._next[group]
        for each in path:
            self._next[each] = group
        return group

    def take(self, group: int) -> None:
        taken = self._taken.get(group, 0) + 1
        self._taken[group] = taken
        if taken == self._limit:
            self._next[group] = group + 1


def _first_common(limits: Sequence[_Places]) -> int:
    group, before = 0, -1
    while group != before:
        before = group
        for limit in limits:
            group = limit.first(group)
    return group
