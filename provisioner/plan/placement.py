"""Which broker holds which replica: pure functions of assignments, racks, sizes and free space.

``propose`` changes what the rules demand and nothing else, in this order of importance: fewest
bytes copied, fewest replicas moved, bytes spread evenly, leaders spread evenly. A topic is changed
as a whole or, with a reason, not at all. The same input gives the same output in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from provisioner.plan.placement_balance import add_brokers, balance
from provisioner.plan.placement_batches import batches, first_batch
from provisioner.plan.placement_board import Board
from provisioner.plan.placement_leaders import even_out, within_ten_percent
from provisioner.plan.placement_model import Broker, Move, Partition, Proposal, Remark, Rules

__all__ = [
    "Broker",
    "Move",
    "Partition",
    "Proposal",
    "Rules",
    "batches",
    "first_batch",
    "initial",
    "propose",
]


def propose(brokers: Sequence[Broker], partitions: Sequence[Partition], rules: Rules) -> Proposal:
    """The moves after which the rules hold; nothing where they hold already."""
    board = Board(brokers, partitions, rules)
    demands = _Demands(board)
    demands.meet()
    _rebalance(board, demands)
    return Proposal(
        moves=tuple(_moves(board)),
        refused=tuple(demands.refused),
        findings=tuple(_findings(board)),
        unproven=tuple(_unproven(board)),
    )


class _Demands:
    """What the rules demand of each partition: pins, replication, nothing on a leaving broker."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.rules = board.rules
        self.refused: list[Remark] = []
        self.topics: set[str] = set()
        """The refused ones."""
        pinned, factors, partitions = self.rules.pinned, self.rules.replication, board.partitions
        self._pins = [pinned.get((p.topic, p.id)) if pinned else None for p in partitions]
        self._wanted = [factors.get(p.topic, len(p.replicas)) for p in partitions]

    def meet(self) -> None:
        board = self.board
        changing = [p for p in range(len(board.partitions)) if self._to_change(p)]
        for p in changing:
            self._refuse_impossible(p)
        changing = self._accepted(changing)
        changing.sort(key=lambda p: -(board.partitions[p].bytes or 0))
        pinned = [p for p in changing if self.pin(p) is not None]
        others = [p for p in changing if self.pin(p) is None]
        for p in pinned:
            self._pin(p)
        others = self._accepted(others)
        for p in others:
            if self._loses_one(p):
                board.assign(p, self._kept(p, repair=True))
        for p in others:
            if board.partitions[p].topic not in self.topics:
                self._complete(p)
        for p in self._accepted(changing):
            self._refuse_unsynced(p)
        self.refused.sort(key=lambda each: (each[0], -1 if each[1] is None else each[1]))

    def pin(self, p: int) -> tuple[int, ...] | None:
        return self._pins[p]

    def wanted(self, p: int) -> int:
        return self._wanted[p]

    def _to_change(self, p: int) -> bool:
        partition = self.board.partitions[p]
        pin = self.pin(p)
        if pin is not None and pin == partition.replicas and self.rules.leaving.isdisjoint(pin):
            return False
        if pin is not None or self.wanted(p) != len(partition.replicas):
            return True
        if not self.rules.leaving.isdisjoint(partition.replicas):
            return True
        return self.rules.rebalance == "balance" and self.board.crowded(p)

    def _refuse(self, p: int, why: str, *, whole: bool = False) -> None:
        """The topic stays as it was."""
        board = self.board
        topic = board.partitions[p].topic
        if not (whole and topic in self.topics):
            self.refused.append((topic, None if whole else board.partitions[p].id, why))
        if topic not in self.topics:
            self.topics.add(topic)
            for each in board.of_topic(topic):
                board.assign(each, board.partitions[each].replicas)

    def _accepted(self, of: list[int]) -> list[int]:
        return [p for p in of if self.board.partitions[p].topic not in self.topics]

    def _refuse_impossible(self, p: int) -> None:
        partition = self.board.partitions[p]
        pin = self.pin(p)
        why = _impossible_pin(self.board, p, pin) if pin is not None else None
        if why:
            self._refuse(p, why)
        elif pin is None and self.wanted(p) < 1:
            self._refuse(p, "a replication factor is at least 1", whole=True)
        elif pin is None and self._lacks_brokers(p):
            self._refuse(p, self._too_few(p), whole=True)
        elif partition.isr == ():
            self._refuse(p, "no replica is in sync, so nothing can be copied")

    def _lacks_brokers(self, p: int) -> bool:
        board, most = self.board, self.wanted(p)
        return most > len(board.accepting) and most > len(board.possible(p))

    def _too_few(self, p: int) -> str:
        possible = sorted(self.board.possible(p))
        named = _brokers(possible) if possible else "no broker"
        return (
            f"needs {self.wanted(p)} replicas, and only {named} can hold one "
            f"({len(possible)} of the {self.wanted(p)} that are needed)"
        )

    def _pin(self, p: int) -> None:
        board = self.board
        if board.partitions[p].topic in self.topics:
            return
        pin = self.rules.pinned[board.partitions[p].topic, board.partitions[p].id]
        full = [broker for broker in pin if not board.has_room(p, broker)]
        if full:
            self._refuse(p, _no_room(board, p, full))
        else:
            board.assign(p, pin)

    def _loses_one(self, p: int) -> bool:
        """Whether ``_kept`` leaves out one of its replicas."""
        board, replicas = self.board, self.board.partitions[p].replicas
        staying = board.staying(p)
        return (
            len(staying) != len(replicas)
            or len(staying) > self._wanted[p]
            or (board.shared_racks(staying) > 0 and board.racks_suffice(p, self._wanted[p]))
        )

    def _kept(self, p: int, *, repair: bool) -> list[int]:
        """The replicas that stay, in their order. ``repair``: a rack that racks do not force
        to be shared keeps one replica only."""
        kept = list(self.board.staying(p))
        most = self.wanted(p)
        while len(kept) > most:
            kept.remove(self._dropped(p, kept))
        while repair and self.board.shared_racks(kept) and self.board.racks_suffice(p, most):
            kept.remove(self._dropped(p, kept))
        return kept

    def _dropped(self, p: int, kept: list[int]) -> int:
        """The replica that is missed least: one that shares its rack, is out of sync, is on the
        fullest broker, stands last. The leader, or the first in-sync one, is the last to go."""
        board, isr = self.board, self.board.partitions[p].isr
        synced = [broker for broker in kept if isr is None or broker in isr]
        keeper = synced[0] if synced else kept[0]
        racks = Counter(map(board.rack, kept))

        def least_missed(broker: int) -> tuple[bool, bool, bool, int, int]:
            return (
                broker != keeper,
                racks[board.rack(broker)] > 1,
                broker not in synced,
                board.load.get(broker, 0),
                kept.index(broker),
            )

        return max(kept, key=least_missed)

    def _complete(self, p: int) -> None:
        """Adds the replicas that are missing."""
        if self._filled(p):
            return
        self.board.assign(p, self._kept(p, repair=False))
        if not self._filled(p):
            self._refuse(p, _no_room(self.board, p, sorted(self.board.accepting)))

    def _filled(self, p: int) -> bool:
        board, most = self.board, self._wanted[p]
        own_rack = board.racks_suffice(p, most)
        while len(board.held[p]) < most:
            broker = board.lightest(p, own_rack=own_rack)
            if broker is None:
                return False
            board.add(p, broker)
        return True

    def _refuse_unsynced(self, p: int) -> None:
        """Where nothing is copied, one replica that stays must be in sync."""
        partition, held = self.board.partitions[p], self.board.held[p]
        if partition.isr is None or len(held) > len(partition.replicas):
            return
        if not set(held) <= set(partition.replicas):
            return
        if held != partition.replicas and set(held).isdisjoint(partition.isr):
            self._refuse(p, f"of the replicas that would stay ({_list(held)}) none is in sync")


def _impossible_pin(board: Board, p: int, pin: tuple[int, ...]) -> str | None:
    if not pin or len(set(pin)) < len(pin):
        return f"its placement [{_list(pin)}] has to name one broker or more, each once"
    going = [broker for broker in pin if broker in board.rules.leaving]
    if going:
        return f"its placement names {_brokers(going)}, to be emptied"
    closed = [broker for broker in pin if broker not in board.possible(p)]
    if closed:
        return f"its placement names {_brokers(closed)}, where no new replica can be placed now"
    return None


def _no_room(board: Board, p: int, brokers: Sequence[int]) -> str:
    size = board.partitions[p].bytes or 0
    free = ", ".join(
        f"broker {broker}: {board.rules.free[broker]:,}, {board.incoming[broker]:,} come already"
        for broker in brokers
        if broker in board.rules.free and broker not in board.held[p]
    )
    return f"no room for its {size:,} bytes: free must be 1.2 × all that comes ({free})"


def _list(brokers: Sequence[int]) -> str:
    return ", ".join(map(str, brokers))


def _brokers(brokers: Sequence[int]) -> str:
    return f"broker{'s' if len(brokers) > 1 else ''} {_list(brokers)}"


def _rebalance(board: Board, demands: _Demands) -> None:
    """What may be moved or reordered beyond the demands; never what is pinned or refused."""
    partitions = board.partitions
    may = [
        p
        for p in range(len(partitions))
        if partitions[p].topic not in demands.topics
        and demands.pin(p) is None
        and partitions[p].isr != ()
    ]
    mode = board.rules.rebalance
    met, held = list(board.held), board.held
    board.by_bytes()
    if mode == "add-brokers":
        add_brokers(board, may)
    elif mode == "balance":
        balance(board, may)
    led = [
        p
        for p in may
        if _is_led_anew(board, p) or (held[p] is not met[p] and set(held[p]) != set(met[p]))
    ]
    even_out(board, led)
    if mode == "balance":
        within_ten_percent(board, may)


def _is_led_anew(board: Board, p: int) -> bool:
    before = board.partitions[p].replicas
    return bool(before) and before[0] not in board.held[p]


def _moves(board: Board) -> Iterator[Move]:
    for p, partition in enumerate(board.partitions):
        before, after = partition.replicas, board.held[p]
        if after != before:
            copies = sum(broker not in before for broker in after)
            size = partition.bytes if copies else 0
            copied = None if size is None else copies * size
            yield Move(partition.topic, partition.id, before, after, copied)


def _findings(board: Board) -> Iterator[Remark]:
    for p, partition in enumerate(board.partitions):
        if board.crowded(p):
            held = board.held[p]
            racks = Counter(map(board.rack, held))
            shared = [broker for broker in held if racks[board.rack(broker)] > 1]
            why = (
                f"{_brokers(shared)} share a rack, though there are racks for {len(held)} replicas"
            )
            yield partition.topic, partition.id, why


def _unproven(board: Board) -> list[int]:
    found = set()
    for p, partition in enumerate(board.partitions):
        if board.held[p] is not partition.replicas:
            for broker in set(board.held[p]) - set(partition.replicas):
                if partition.bytes is None or broker not in board.rules.free:
                    found.add(broker)
    return sorted(found)


def initial(
    brokers: Sequence[Broker], partitions: int, replication: int, existing: Sequence[Partition]
) -> tuple[tuple[int, ...], ...]:
    """Replicas for the partitions of a new topic, on brokers that accept some: spread evenly over
    brokers, racks and leaders within the topic, then by what the brokers hold already.

    Raises ValueError where fewer brokers accept replicas than are needed.
    """
    accepting = sorted(each.id for each in brokers if each.accepts)
    if not 1 <= replication <= len(accepting):
        raise ValueError(
            f"{replication} replicas need as many brokers that accept replicas, "
            f"and there are {len(accepting)}"
        )
    racks = {each.id: each.id if each.rack is None else each.rack for each in brokers}
    held = Counter(broker for each in existing for broker in each.replicas)
    led = Counter(each.replicas[0] for each in existing if each.replicas)
    mine: Counter[int] = Counter()
    leads: Counter[int] = Counter()
    found = []
    for _ in range(partitions):
        chosen: list[int] = []
        while len(chosen) < replication:
            used = Counter(racks[broker] for broker in chosen)
            rest = [broker for broker in accepting if broker not in chosen]
            first = not chosen
            chosen.append(
                min(
                    rest,
                    key=lambda b: (
                        used[racks[b]],
                        leads[b] if first else mine[b],
                        mine[b],
                        led[b] if first else held[b],
                        held[b],
                        b,
                    ),
                )
            )
        leads[chosen[0]] += 1
        mine.update(chosen)
        found.append(tuple(chosen))
    return tuple(found)
