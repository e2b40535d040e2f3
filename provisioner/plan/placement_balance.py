"""Moving replicas so that brokers hold their share: near linear, exact for small clusters."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import comb

from provisioner.plan.placement_board import Board, replaced

EXACT = 20_000
"""Up to so many placements all of them are compared."""

Fits = Callable[[int, int], Callable[[int], bool]]
"""(load of a broker, load of another) → whether a replica of some weight may move to the other.
What depends on the loads alone is worked out once for all replicas that are tried."""


def no_weight(weight: int) -> bool:
    """None may move, whatever its weight."""
    return False


def up_to(most: float) -> Callable[[int], bool]:
    """Replicas that weigh no more; each weighs something."""
    return (lambda weight: weight <= most) if most > 0 else no_weight


def add_brokers(board: Board, may: Sequence[int]) -> None:
    """Brokers that hold nothing get their share: the mean of all that accept replicas.

    Nothing: before, or without what the rules took from them.
    """
    emptied = {each for each in board.accepting if not board.count[each]}
    takers = board.empty | emptied | (board.rules.filling & board.accepting)
    if not takers:
        return
    mean = sum(board.load[each] for each in board.accepting) / len(board.accepting)

    def shares(giver: int, taker: int) -> Callable[[int], bool]:
        return up_to(min(giver - mean, mean - taker))

    def evens(giver: int, taker: int) -> Callable[[int], bool]:
        lacking, apart = mean - taker, giver - taker
        return lambda weight: weight <= lacking and weight < apart

    def completes(giver: int, taker: int) -> Callable[[int], bool]:
        lacking = mean - taker
        most = min(2 * lacking, giver - taker) if lacking > mean / 10 else 0
        return lambda weight: weight < most

    order = _Order(board, may)
    for fits, largest_first in ((shares, True), (evens, True), (completes, False)):
        _shift(board, order, takers, fits, above=mean, largest_first=largest_first)


def balance(board: Board, may: Sequence[int]) -> None:
    """Loads within ±10 % of the mean, or as near to it as can be, with few bytes moved."""
    if not board.accepting:
        return
    band = _Band.of(board)
    if not band.outside(board.load[each] for each in board.accepting):
        return
    if _placements(board, may) <= EXACT:
        _Search(board, may, band).best()
        return

    def twice(giver: int, taker: int) -> Callable[[int], bool]:
        return up_to(min(giver - band.high, band.low - taker))

    def useful(giver: int, taker: int) -> Callable[[int], bool]:
        gains, most = band.gains(giver, taker), max(giver - band.high, band.low - taker)
        return lambda weight: weight <= most and gains(weight)

    order = _Order(board, may)
    for fits in (twice, useful):
        _shift(board, order, board.accepting, fits, above=band.low, largest_first=True)
    while _shift(board, order, board.accepting, band.gains, above=band.low, largest_first=False):
        pass


@dataclass(frozen=True)
class _Band:
    low: float
    high: float

    @classmethod
    def of(cls, board: Board) -> _Band:
        mean = sum(board.load[each] for each in board.accepting) / len(board.accepting)
        return cls(0.9 * mean, 1.1 * mean)

    def distance(self, load: float) -> float:
        return max(0.0, load - self.high, self.low - load)

    def outside(self, loads: Iterable[int]) -> float:
        return sum(map(self.distance, loads))

    def gains(self, giver: int, taker: int) -> Callable[[int], bool]:
        """Whether a move of some weight brings the two loads nearer to the band; noise of floats is
        none."""
        low, high, noise = self.low, self.high, 1e-9 * self.high
        before = self.distance(giver) + self.distance(taker)

        def gains(weight: int) -> bool:
            less, more = giver - weight, taker + weight
            left = less - high if less > high else low - less if less < low else 0.0
            right = more - high if more > high else low - more if more < low else 0.0
            return before - left - right > noise

        return gains if before else no_weight


class _Order:
    """The replicas that may move, sorted by weight, once for every pass over them."""

    def __init__(self, board: Board, may: Sequence[int]) -> None:
        worth = sorted(p for p in may if board.weight[p] >= board.least_worth)
        self.lightest_first = sorted(worth, key=board.weight.__getitem__)
        self.largest_first = sorted(worth, key=board.weight.__getitem__, reverse=True)


def _shift(
    board: Board,
    order: _Order,
    takers: frozenset[int],
    fits: Fits,
    *,
    above: float,
    largest_first: bool,
) -> bool:
    """Moves replicas from the fullest brokers to the emptiest of ``takers`` while one fits.
    Brokers with a load not ``above`` this give nothing.

    A replica that does not fit once is not tried again, since loads only come nearer to each other:
    each is looked at once. Returns whether anything was moved.
    """
    moved = False
    sorted_ = order.largest_first if largest_first else order.lightest_first
    replicas = _replicas(board, sorted_, above)
    givers = [(-board.load[each], each) for each in sorted(replicas)]
    heapq.heapify(givers)
    while givers:
        load, giver = heapq.heappop(givers)
        if -load != board.load[giver]:
            heapq.heappush(givers, (-board.load[giver], giver))
            continue
        if _give(board, giver, replicas[giver], takers, fits):
            moved = True
            heapq.heappush(givers, (-board.load[giver], giver))
    return moved


def _give(
    board: Board, giver: int, replicas: Iterator[int], takers: frozenset[int], fits: Fits
) -> bool:
    """Moves the first of these replicas that fits. False: none does."""
    load, weights, held = board.load[giver], board.weight, board.held
    to = {each: fits(load, board.load[each]) for each in takers}
    to_least = to[min(takers, key=board.load.__getitem__)]
    if to_least is no_weight:
        return False
    heirs: dict[tuple[int, ...], list[int]] = {}
    for p in replicas:
        weight, now = weights[p], held[p]
        if not to_least(weight) or giver not in now:
            continue
        if now not in heirs:
            heirs[now] = board.heirs(now, giver, takers)
        for taker in heirs[now]:
            if board.has_room(p, taker) and board.counts(p, taker):
                if to[taker](weight):
                    board.assign(p, replaced(now, giver, taker))
                    return True
                break
    return False


def _replicas(board: Board, order: Sequence[int], above: float) -> dict[int, Iterator[int]]:
    """{broker: what it holds}, in this order. First what is copied there anyway: to copy it
    somewhere else costs nothing more."""
    full = {each for each in board.accepting if board.load[each] > above}
    copied: dict[int, list[int]] = {each: [] for each in full}
    had: dict[int, list[int]] = {each: [] for each in full}
    for p in order:
        held, before = board.held[p], board.partitions[p].replicas
        for broker in held:
            if broker in full:
                (had if broker in before else copied)[broker].append(p)
    return {broker: chain(copied[broker], had[broker]) for broker in full}


def _placements(board: Board, may: Sequence[int]) -> int:
    """How many placements there are at most; any number above EXACT if there are more."""
    found = 1
    for p in may:
        found *= comb(len(board.possible(p)), len(board.held[p]))
        if found > EXACT:
            break
    return found


class _Search:
    """All placements of a small cluster: the one nearest to the band, with the fewest bytes."""

    def __init__(self, board: Board, may: Sequence[int], band: _Band) -> None:
        self.board, self.band = board, band
        self.order = sorted(may, key=lambda p: (-board.weight[p], p))
        self.sets = [self._sets(p) for p in self.order]
        self.found: tuple[float, int, int] = (float("inf"), 0, 0)
        self.chosen: tuple[tuple[int, ...], ...] = ()
        self.load = dict(board.load)
        for p in may:
            self._add(p, board.held[p], -1)
        self.incoming = {
            each: sum(
                partition.bytes or 0
                for p, partition in enumerate(board.partitions)
                if p not in may and each in board.held[p] and each not in partition.replicas
            )
            for each in board.accepting
        }

    def _sets(self, p: int) -> list[tuple[int, tuple[int, ...]]]:
        """(bytes copied, replicas), the cheapest first."""
        board = self.board
        before, held = board.partitions[p].replicas, board.held[p]
        most = board.shared_racks(held)
        fixed = set(held) - board.accepting
        found: list[tuple[int, int, tuple[int, ...]]] = []
        for replicas in combinations(sorted(board.accepting | fixed), len(held)):
            new = set(replicas) - set(held)
            if not all(board.counts(p, each) for each in new):
                continue
            if board.shared_racks(replicas) <= most and fixed <= set(replicas):
                moved = sum(each not in before for each in replicas)
                found.append((moved, len(new), replicas))
        return [(moved * board.weight[p], replicas) for moved, _, replicas in sorted(found)]

    def _add(self, p: int, replicas: Iterable[int], sign: int) -> None:
        for broker in replicas:
            self.load[broker] += sign * self.board.weight[p]

    def best(self) -> None:
        """Puts the best placement on the board."""
        self._try(0, 0, ())
        for p, wanted in zip(self.order, self.chosen, strict=True):
            self.board.assign(p, _in_place(self.board.held[p], wanted))

    def _try(self, at: int, cost: int, chosen: tuple[tuple[int, ...], ...]) -> None:
        if self.found[0] == 0 and cost > self.found[1]:
            return
        if at == len(self.order):
            self._compare(cost, chosen)
            return
        p = self.order[at]
        for more, replicas in self.sets[at]:
            if self._has_room(p, replicas):
                self._enter(p, replicas, 1)
                self._try(at + 1, cost + more, (*chosen, replicas))
                self._enter(p, replicas, -1)

    def _compare(self, cost: int, chosen: tuple[tuple[int, ...], ...]) -> None:
        outside = self.band.outside(self.load[each] for each in self.board.accepting)
        outside = round(outside / max(1.0, self.band.high), 9)
        moved = sum(
            len(set(replicas) - set(self.board.held[p]))
            for p, replicas in zip(self.order, chosen, strict=True)
        )
        if (outside, cost, moved) < self.found:
            self.found, self.chosen = (outside, cost, moved), chosen

    def _enter(self, p: int, replicas: Iterable[int], sign: int) -> None:
        self._add(p, replicas, sign)
        partition = self.board.partitions[p]
        for broker in replicas:
            if broker not in partition.replicas:
                self.incoming[broker] += sign * (partition.bytes or 0)

    def _has_room(self, p: int, replicas: Iterable[int]) -> bool:
        partition, free = self.board.partitions[p], self.board.rules.free
        return all(
            broker in partition.replicas
            or broker not in free
            or free[broker] * 5 >= (self.incoming[broker] + (partition.bytes or 0)) * 6
            for broker in replicas
        )


def _in_place(held: Sequence[int], wanted: Sequence[int]) -> tuple[int, ...]:
    """The wanted replicas; those that stay keep their places, the new ones get the free places."""
    new = iter([each for each in wanted if each not in held])
    return tuple(each if each in wanted else next(new) for each in held)
