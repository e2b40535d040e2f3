"""When a node may be stopped: a pure function of an observed view, asked again before each stop.

Source of the rules: Strimzi's KafkaRoller, KafkaAvailability and KafkaQuorumCheck.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


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

    @property
    def minimum(self) -> int:
        """Its minimum ISR; one above the replication factor counts as that."""
        return min(self.min_isr, len(self.replicas))


@dataclass(frozen=True)
class View:
    """What a decision about a stop is made from. ``lag``: voter → records behind the leader."""

    alive: frozenset[int] = frozenset()
    partitions: tuple[Partition, ...] = ()
    lag: Mapping[int, int] = field(default_factory=dict)
    quorum_leader: int | None = None


@dataclass(frozen=True)
class Verdict:
    """``allowed`` now, or why not. ``offline`` are partitions that will be without a leader,
    ``unwritable`` those that are led and refuse acks=all. ``behind``, where a broker may be
    stopped, are those that are not whole now."""

    allowed: bool
    reason: str = ""
    offline: tuple[str, ...] = ()
    behind: frozenset[str] | None = None
    unwritable: tuple[str, ...] = ()


def may_stop_broker(
    view: View,
    broker: int,
    *,
    refuse_offline: bool = False,
    require_all_in_sync: bool = True,
    already_behind: frozenset[str] | None = None,
    bounced: Collection[int] = (),
) -> Verdict:
    """``may_stop_brokers`` of one."""
    return may_stop_brokers(
        view,
        {broker},
        refuse_offline=refuse_offline,
        require_all_in_sync=require_all_in_sync,
        already_behind=already_behind,
        bounced=bounced,
    )


def may_stop_brokers(
    view: View,
    brokers: Collection[int],
    *,
    refuse_offline: bool = False,
    require_all_in_sync: bool = True,
    already_behind: frozenset[str] | None = None,
    bounced: Collection[int] = (),
) -> Verdict:
    """No partition with a replica on these may be, or fall, below its minimum ISR while they are
    all down.

    One whose replication factor is not above its minimum does not gate for ever: what becomes of it
    is named, a partition without a leader is refused where the policy says so, and no two of its
    replicas are stopped together. ``require_all_in_sync`` asks for more: that every other replica
    is in sync, and that none is behind anywhere that was not when the node before was stopped
    (``already_behind``; None: none was). The caller waits for that as long as there is progress,
    then asks without. What was ``bounced`` before has to be in sync again in any case, but where it
    was not before.
    """
    behind, down = under_replicated(view), view.alive & frozenset(brokers)
    if not down:
        return Verdict(True, behind=behind)
    if bounced and already_behind is not None and (why := _not_back(view, bounced, already_behind)):
        return Verdict(False, why)
    if require_all_in_sync and already_behind is not None and (more := behind - already_behind):
        count = f"{len(more)} partitions are" if len(more) > 1 else "1 partition is"
        named = ", ".join(sorted(more)[:3])
        return Verdict(False, f"{count} still behind since the last stop: {named}")
    offline: list[str] = []
    unwritable: list[str] = []
    for partition in view.partitions:
        mine = down.intersection(partition.replicas)
        if not mine:
            continue
        if len(partition.replicas) > partition.minimum:
            if why := _falls(partition, mine, require_all_in_sync):
                return Verdict(False, why)
        elif len(mine) > 1:
            return Verdict(False, f"{partition} would lose {len(mine)} replicas at once")
        elif mine <= set(partition.isr):
            (unwritable if len(partition.isr) > 1 else offline).append(str(partition))
    if offline and refuse_offline:
        listed = ", ".join(offline[:5])
        why = f"{listed} would be offline and the policy refuses it"
        return Verdict(False, why, tuple(offline))
    return Verdict(True, "", tuple(offline), behind, tuple(unwritable))


def _not_back(view: View, bounced: Collection[int], already_behind: Collection[str]) -> str:
    """Why the last stop is not made good yet."""
    late = [
        (str(p), broker)
        for p in view.partitions
        for broker in p.replicas
        if broker in bounced and broker not in p.isr and str(p) not in already_behind
    ]
    if not late:
        return ""
    count = f"{len(late)} partitions" if len(late) > 1 else "1 partition"
    brokers = ", ".join(map(str, sorted({broker for _, broker in late})))
    named = ", ".join(sorted(name for name, _ in late)[:3])
    return f"broker {brokers} is not in sync again with {count} since its restart: {named}"


def _falls(partition: Partition, down: Collection[int], require_all_in_sync: bool) -> str:
    """Why a partition that can spare a replica cannot spare these now."""
    minimum, isr = partition.minimum, partition.isr
    if len(isr) < minimum:
        return f"{partition} is below its minimum ISR of {minimum}"
    if len([replica for replica in isr if replica not in down]) < minimum:
        return (
            f"{partition} would fall below its minimum ISR of {minimum} "
            f"(in sync: {', '.join(map(str, isr)) or 'none'})"
        )
    missing = [r for r in partition.replicas if r not in isr and r not in down]
    if missing and require_all_in_sync:
        return f"{partition}: broker {', '.join(map(str, missing))} is not in sync"
    return ""


def may_stop_controller(view: View, controller: int, voters: Sequence[int]) -> Verdict:
    """``may_stop_controllers`` of one."""
    return may_stop_controllers(view, {controller}, voters)


def may_stop_controllers(
    view: View, controllers: Collection[int], voters: Sequence[int]
) -> Verdict:
    """Of n >= 3 voters, n // 2 + 1 others must be caught up with the leader. Of fewer only one at a
    time is stopped."""
    count = len(voters)
    if count < 3:
        return _one_of_few(controllers, "controllers")
    if view.quorum_leader is None:
        return Verdict(False, "the controller quorum has no leader")
    caught_up = _caught_up(view, voters, controllers)
    needed = count // 2 + 1
    if len(caught_up) < needed:
        missing = [str(v) for v in voters if v not in controllers and v not in caught_up]
        return Verdict(
            False,
            f"{len(caught_up)} other controllers are caught up, {needed} are needed; "
            f"not caught up: {', '.join(missing) or 'none'}",
        )
    return Verdict(True)


def _one_of_few(stopped: Collection[int], what: str) -> Verdict:
    if len(stopped) > 1:
        return Verdict(False, f"of fewer than three {what} one is stopped at a time")
    return Verdict(True)


def may_lose_controllers(view: View, controllers: Collection[int]) -> Verdict:
    """A majority of all voters must be caught up without these: what they had, the others have."""
    caught_up = _caught_up(view, view.lag, controllers)
    if len(caught_up) < len(view.lag) // 2 + 1:
        return Verdict(False, f"{len(caught_up)} of {len(view.lag)} are")
    return Verdict(True)


def may_remove_voter(view: View, voter: int) -> Verdict:
    """Kafka commits that a voter goes with a majority of those that stay: they must be caught up.
    The last one stays."""
    others = [v for v in view.lag if v != voter]
    if view.quorum_leader is None:
        return Verdict(False, "the controller quorum has no leader")
    if not others:
        return Verdict(False, f"controller {voter} is the only voter")
    caught_up, needed = _caught_up(view, others, ()), len(others) // 2 + 1
    if len(caught_up) < needed:
        why = f"of the {len(others)} voters that stay {len(caught_up)} are caught up"
        return Verdict(False, f"{why}, and {needed} are needed")
    return Verdict(True)


def _caught_up(view: View, voters: Iterable[int], without: Collection[int]) -> list[int]:
    return [v for v in voters if v not in without and view.lag.get(v, CAUGHT_UP + 1) <= CAUGHT_UP]


def may_stop_zookeeper(states: Mapping[int, str], server: int, servers: Sequence[int]) -> Verdict:
    """``may_stop_zookeepers`` of one."""
    return may_stop_zookeepers(states, {server}, servers)


def may_stop_zookeepers(
    states: Mapping[int, str], stopped: Collection[int], servers: Sequence[int]
) -> Verdict:
    """Of n >= 3 servers a majority must go on serving; one or two have none to keep, and are
    stopped one at a time.

    ``states`` maps a server to what it says it is (``leader``, ``follower``)."""
    count = len(servers)
    if count < 3:
        return _one_of_few(stopped, "ZooKeeper servers")
    if not set(stopped) & set(states):
        return Verdict(True)
    others = [s for s in servers if s not in stopped and states.get(s) in ("leader", "follower")]
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
    """A broker may be formatted anew only if each of its partitions is in sync on another that
    lives."""
    lost = [
        str(p)
        for p in view.partitions
        if broker in p.replicas and not [r for r in p.isr if r != broker and r in view.alive]
    ]
    if lost:
        return Verdict(False, f"{', '.join(lost[:5])}: no other replica is in sync", tuple(lost))
    return Verdict(True)


def together(
    candidates: Sequence[T], most: int, may_stop: Callable[[Sequence[T]], bool]
) -> list[T]:
    """Which of the candidates are stopped at the same time as the first: in their order, at most
    ``most``, each that may be stopped while those before it are down. The first may be stopped
    alone."""
    chosen = list(candidates[:1])
    for candidate in candidates[1:]:
        if len(chosen) < most and may_stop([*chosen, candidate]):
            chosen.append(candidate)
    return chosen
