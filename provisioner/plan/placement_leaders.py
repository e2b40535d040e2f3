"""Spreading preferred leaders by the order of replicas: nothing is copied for it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from math import ceil, floor

from provisioner.plan.placement_board import Board

Path = list[tuple[int, int]]
"""Brokers that hand a partition on: (giver, taker), one after the other."""


def even_out(board: Board, may: Sequence[int]) -> None:
    """Reorders these partitions so that all brokers lead about as many."""
    if not may:
        return
    leaders = _Leaders(board, may)
    leaders.within(floor(leaders.mean), ceil(leaders.mean))


def within_ten_percent(board: Board, may: Sequence[int]) -> None:
    """Reorders no more of these partitions than ±10 % of the mean need, or the next number."""
    leaders = _Leaders(board, may)
    low = min(floor(leaders.mean), ceil(0.9 * leaders.mean))
    high = max(ceil(leaders.mean), floor(1.1 * leaders.mean))
    leaders.within(low, high)


class _Leaders:
    """Who leads how many, and which partitions could be handed from one broker to another."""

    def __init__(self, board: Board, may: Iterable[int]) -> None:
        self.board = board
        self.leads: Counter[int] = Counter(dict.fromkeys(board.accepting, 0))
        self.leads.update(held[0] for held in board.held if held and held[0] in board.accepting)
        self.mean = self.leads.total() / max(1, len(board.accepting))
        self.could: dict[int, dict[int, dict[int, None]]] = {
            each: {} for each in sorted(board.accepting)
        }
        for p in may:
            if board.held[p] and board.held[p][0] in board.accepting:
                self._list(p)

    def _list(self, p: int) -> None:
        leader, *others = self.board.held[p]
        for other in others:
            if other in self.board.accepting:
                self.could[leader].setdefault(other, {})[p] = None

    def _unlist(self, p: int) -> None:
        leader, *others = self.board.held[p]
        for other in others:
            if other in self.board.accepting:
                self.could[leader][other].pop(p, None)

    def within(self, low: int, high: int) -> None:
        """Brings every broker between the two, as far as the replicas allow it.

        Each step makes the numbers more alike, so this ends.
        """
        moved = True
        while moved:
            moved = False
            for broker in self.could:
                while self.leads[broker] > high and self._pass_on(broker, high):
                    moved = True
                while self.leads[broker] < low and self._fetch(broker, low):
                    moved = True

    def _pass_on(self, giver: int, high: int) -> bool:
        """To a broker that stays within the limit, else to one that leads at least two fewer."""
        most = self.leads[giver] - 2
        for limit in sorted({min(high - 1, most), most}):
            path = self._path(giver, {each for each in self.could if self.leads[each] <= limit})
            if path is not None:
                return self._hand(path)
        return False

    def _fetch(self, taker: int, low: int) -> bool:
        """From the broker that leads most of those that can spare one."""
        for giver in sorted(self.could, key=lambda each: (-self.leads[each], each)):
            if self.leads[giver] <= max(low, self.leads[taker] + 1):
                return False
            path = self._path(giver, {taker})
            if path is not None:
                return self._hand(path)
        return False

    def _path(self, giver: int, takers: set[int]) -> Path | None:
        """The shortest way to one of ``takers``; of the nearest, the one that leads least."""
        came: dict[int, Path] = {giver: []}
        queue = deque([giver])
        while queue:
            at = queue.popleft()
            near = [each for each, partitions in self.could[at].items() if partitions]
            for other in near:
                if other not in came:
                    came[other] = [*came[at], (at, other)]
                    queue.append(other)
            good = [each for each in near if each in takers]
            if good:
                return came[min(good, key=lambda each: (self.leads[each], each))]
        return None

    def _hand(self, path: Path) -> bool:
        for giver, taker in path:
            p, _ = self.could[giver][taker].popitem()
            held = self.board.held[p]
            self._unlist(p)
            self.board.held[p] = (taker, *(each for each in held if each != taker))
            self._list(p)
        self.leads[path[0][0]] -= 1
        self.leads[path[-1][1]] += 1
        return True
