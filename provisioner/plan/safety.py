"""When a node may be stopped: a pure function of an observed view, asked again before each stop.

Source of the rules: Strimzi's KafkaRoller, KafkaAvailability and KafkaQuorumCheck.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Partition:
    """One partition as observed; ``min_isr`` None means Kafka's default of 1."""

    topic: str
    id: int
    leader: int | None
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    min_isr: int = 1

    def __str__(self) -> str:
        return f"{self.topic}-{self.id}"


@dataclass(frozen=True)
class View:
    """What a decision about a stop is made from. ``lag``: voter → records behind the leader."""

    alive: frozenset[int] = frozenset()
    partitions: tuple[Partition, ...] = ()
    lag: Mapping[int, int] = field(default_factory=dict)
    quorum_leader: int | None = None


@dataclass(frozen=True)
class Verdict:
    """``allowed`` now, or why not; ``offline`` are partitions that will be without a leader.
    ``behind``, where a broker may be stopped, are those that are not whole now."""

    allowed: bool
    reason: str = ""
    offline: tuple[str, ...] = ()
    behind: frozenset[str] | None = None


def may_stop_broker(
    view: View,
    broker: int,
    *,
    refuse_offline: bool = False,
    require_all_in_sync: bool = True,
    already_behind: frozenset[str] | None = None,
) -> Verdict:
    """No partition with a replica on the broker may be, or fall, below its minimum ISR.

    One whose replication factor is not above its minimum does not gate for ever: it is named as
    offline, and refused only where the policy says so. ``require_all_in_sync`` asks for more: that
    every other replica is in sync, and that none is behind anywhere that was not when the node
    before was stopped (``already_behind``; None: none was). The caller waits for that as long as
    there is progress, then asks without.
    """
    behind = under_replicated(view)
    if broker not in view.alive:
        return Verdict(True, behind=behind)
    more = []
    if require_all_in_sync and already_behind is not None:
        more = sorted(behind - already_behind)
    if more:
        count = f"{len(more)} partitions are" if len(more) > 1 else "1 partition is"
        return Verdict(False, f"{count} still behind since the last stop: {', '.join(more[:3])}")
    offline = []
    for partition in view.partitions:
        if broker not in partition.replicas:
            continue
        minimum = min(partition.min_isr, len(partition.replicas))
        if len(partition.replicas) <= minimum:
            if broker in partition.isr:
                offline.append(str(partition))
            continue
        if len(partition.isr) < minimum:
            return Verdict(False, f"{partition} is below its minimum ISR of {minimum}")
        without = [replica for replica in partition.isr if replica != broker]
        if len(without) < minimum:
            return Verdict(
                False,
                f"{partition} would fall below its minimum ISR of {minimum} "
                f"(in sync: {', '.join(map(str, partition.isr)) or 'none'})",
            )
        missing = [r for r in partition.replicas if r not in partition.isr and r != broker]
        if missing and require_all_in_sync:
            listed = ", ".join(map(str, missing))
            return Verdict(False, f"{partition}: broker {listed} is not in sync")
    if offline and refuse_offline:
        listed = ", ".join(offline[:5])
        return Verdict(
            False, f"{listed} would be offline and the policy refuses it", tuple(offline)
        )
    return Verdict(True, offline=tuple(offline), behind=behind)


def may_stop_controller(view: View, controller: int, voters: Sequence[int]) -> Verdict:
    """Of n >= 3 voters, n // 2 + 1 others must be caught up with the leader."""
    count = len(voters)
    if count < 3:
        return Verdict(True)
    if view.quorum_leader is None:
        return Verdict(False, "the controller quorum has no leader")
    caught_up = _caught_up(view, voters, {controller})
    needed = count // 2 + 1
    if len(caught_up) < needed:
        missing = [str(v) for v in voters if v != controller and v not in caught_up]
        return Verdict(
            False,
            f"{len(caught_up)} other controllers are caught up, {needed} are needed; "
            f"not caught up: {', '.join(missing)}",
        )
    return Verdict(True)


def may_lose_controllers(view: View, controllers: Collection[int]) -> Verdict:
    """A majority of all voters must be caught up without these: what they had, the others have."""
    caught_up = _caught_up(view, view.lag, controllers)
    if len(caught_up) < len(view.lag) // 2 + 1:
        return Verdict(False, f"{len(caught_up)} of {len(view.lag)} are")
    return Verdict(True)


def _caught_up(view: View, voters: Iterable[int], without: Collection[int]) -> list[int]:
    return [v for v in voters if v not in without and view.lag.get(v, CAUGHT_UP + 1) <= CAUGHT_UP]


def may_stop_zookeeper(states: Mapping[int, str], server: int, servers: Sequence[int]) -> Verdict:
    """Of n >= 3 servers a majority must go on serving; one or two have none to keep.

    ``states`` maps a server to what it says it is (``leader``, ``follower``)."""
    count = len(servers)
    if count < 3 or server not in states:
        return Verdict(True)
    others = [s for s in servers if s != server and states.get(s) in ("leader", "follower")]
    needed = count // 2 + 1
    if len(others) < needed:
        return Verdict(
            False, f"{len(others)} other ZooKeeper servers serve, {needed} are needed for a quorum"
        )
    return Verdict(True)


CAUGHT_UP = 100
"""Records a voter may be behind and still count: the log moves on while it is read."""


def under_replicated(view: View) -> frozenset[str]:
    """Partitions whose ISR is not full."""
    return frozenset(str(p) for p in view.partitions if len(p.isr) < len(p.replicas))


def may_lose_disk(view: View, broker: int) -> Verdict:
    """A broker may be formatted anew only if each of its partitions is in sync elsewhere."""
    lost = [
        str(p)
        for p in view.partitions
        if broker in p.replicas and not [r for r in p.isr if r != broker]
    ]
    if lost:
        return Verdict(False, f"{', '.join(lost[:5])}: no other replica is in sync", tuple(lost))
    return Verdict(True)
