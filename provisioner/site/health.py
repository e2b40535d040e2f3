"""Whether a cluster is healthy: what verify checks besides an empty plan."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from provisioner.kafka.port import ClusterView, KafkaUnavailable
from provisioner.patience import Patience
from provisioner.plan import safety
from provisioner.plan.model import Check, Event
from provisioner.site.behind import Furthest, behind, sizes_of_behind
from provisioner.site.catching_up import catching_up, tell_behind
from provisioner.site.site import Site, address_of

PATIENCE = 60.0
LOOK_EVERY, SAY_EVERY = 2.0, 5.0
NONE: frozenset[int] = frozenset()


def checks(site: Site, view: ClusterView | None, why: str) -> list[Check]:
    """Every bootstrap address answers and lists the same; every partition is led and in sync."""
    limit = site.options.limit
    if view is not None and limit is not None:
        # What is of the whole cluster is left out; that the limited hosts' brokers serve is not.
        return [_brokers(site, view)]
    if view is None:
        # That a Kafka of which no broker is the spec's does not answer says nothing of it.
        unknown = site.unreachable or site.lost or not site.spec.brokers
        return [Check("bootstrap", None if unknown else False, why)]
    return [
        _bootstrap(site, view),
        _brokers(site, view),
        _leaders(view),
        _in_sync(view),
        _minimum(view),
        *_quorum(site, view),
    ]


def _bootstrap(site: Site, view: ClusterView, away: frozenset[int] = NONE) -> Check:
    wrong: list[str] = []
    unasked: list[str] = []
    lists = set()
    addresses = [address_of(n) for n in site.spec.brokers if site.is_away(n.host) or n.id in away]
    out_of_reach = {f"{name}:{port}" for name, port in addresses}
    for address, answer in site.cluster().bootstrap_views().items():
        if isinstance(answer, str):
            (unasked if address in out_of_reach else wrong).append(f"{address}: {answer}")
            continue
        lists.add((frozenset(answer.alive), frozenset(t.name for t in answer.topics)))
    if len(lists) > 1:
        wrong.append("the addresses report different brokers or topics")
    if unasked and not wrong:
        # Its host is down for us; its peers may see it all the same.
        return Check("bootstrap", None, "; ".join(unasked))
    return Check("bootstrap", not wrong, "; ".join(wrong) or "every address gives the same answer")


def _out_of_reach(site: Site) -> frozenset[int]:
    """The brokers on hosts that cannot be reached."""
    return frozenset(node.id for node in site.spec.brokers if site.is_away(node.host))


def _brokers(site: Site, view: ClusterView, away: frozenset[int] = NONE) -> Check:
    limit = site.options.limit
    wanted = [n for n in site.spec.brokers if limit is None or n.host in limit]
    missing = [node.name for node in wanted if node.id not in view.alive | away]
    return Check(
        "brokers-registered",
        not missing,
        f"not registered: {', '.join(missing)}" if missing else f"{len(view.alive)} brokers",
    )


def _leaders(view: ClusterView, away: frozenset[int] = NONE) -> Check:
    without = [
        f"{t.name}-{p.id}"
        for t in view.topics
        for p in t.partitions
        if p.leader is None and not away & set(p.replicas)
    ]
    return Check(
        "leaders", not without, _some(without, "no leader: ") or "every partition has a leader"
    )


def _in_sync(view: ClusterView, away: frozenset[int] = NONE) -> Check:
    behind = [
        f"{t.name}-{p.id}: {len(p.replicas) - len(p.isr)} of {len(p.replicas)} out of sync: broker "
        + ", ".join(str(r) for r in p.replicas if r not in p.isr)
        for t in view.topics
        for p in t.partitions
        if not set(p.replicas) <= set(p.isr) | away
    ]
    return Check("replicas-in-sync", not behind, _some(behind, "") or "every replica is in sync")


def _minimum(view: ClusterView) -> Check:
    below = [
        f"{t.name}-{p.id}"
        for t in view.topics
        for p in t.partitions
        if len(p.isr) < min(t.min_isr or 1, len(p.replicas))
    ]
    return Check(
        "min-isr", not below, _some(below, "below the minimum ISR: ") or "no partition is below it"
    )


def _quorum(site: Site, view: ClusterView, away: frozenset[int] = NONE) -> list[Check]:
    """Every controller of the spec votes and has caught up with the leader; nothing where there is
    no quorum. How far one is behind is left out: that changes while nothing moves."""
    if not site.spec.is_kraft:
        return []
    quorum = view.quorum
    if quorum is None and not site.spec.controllers and "quorum" not in view.errors:
        return []  # it has ZooKeeper
    if quorum is None:
        return [Check("quorum", None, view.errors.get("quorum", "it could not be read"))]
    if quorum.leader is None:
        return [Check("quorum", False, "the controllers have no leader")]
    wanted = {n.id: n.name for n in site.spec.controllers if n.id not in away}
    if not site.spec.controllers:
        wanted = {id: f"controller-{id}" for id in quorum.voters}
    strangers = [name for id, name in wanted.items() if id not in quorum.voters]
    behind = [n for id, n in wanted.items() if quorum.voters.get(id, 0) > safety.CAUGHT_UP]
    wrong = [_some(strangers, "not a voter: "), _some(behind, "not caught up: ")]
    detail = "; ".join(text for text in wrong if text)
    return [Check("quorum", not detail, detail or f"{len(wanted)} controllers are caught up")]


def _joining(site: Site, view: ClusterView) -> frozenset[int]:
    """Controllers that read along and do not vote, with this directory at least: they catch up with
    nobody until they are made voters, which is no matter of waiting."""
    quorum = view.quorum
    if quorum is None or not quorum.dynamic:
        return NONE
    controllers = {node.id for node in site.spec.controllers}
    return frozenset(
        id
        for id, directory in quorum.observers
        if id in controllers and directory != quorum.directories.get(id)
    )


def _some(items: list[str], what: str, count: int = 5) -> str:
    if not items:
        return ""
    more = f" and {len(items) - count} more" if len(items) > count else ""
    return what + "; ".join(items[:count]) + more


def healthy(found: list[Check]) -> bool | None:
    """True, False, or None where nothing is known to be wrong but not all could be asked."""
    if any(check.ok is False for check in found):
        return False
    return None if any(check.ok is None for check in found) else True


def settle(
    site: Site,
    emit: Callable[[Event], None],
    stop: threading.Event | None = None,
    down: Collection[str] = (),
    polled: Callable[[ClusterView], None] = lambda view: None,
    filled: frozenset[int] = NONE,
) -> None:
    """Waits until every partition is led and in sync, as long as there is progress and no signal.
    ``polled`` gets each view of Kafka.

    It does not wait for a broker whose host cannot be reached, that the spec holds, or that
    ``down`` names: nothing starts those; nor for the replicas of those that are ``filled`` again.
    """
    with catching_up(site):
        _settle(site, emit, stop, down, polled, filled)


def _settle(
    site: Site,
    emit: Callable[[Event], None],
    stop: threading.Event | None,
    down: Collection[str],
    polled: Callable[[ClusterView], None],
    filled: frozenset[int],
) -> None:
    patience, copying = Patience(PATIENCE, stop, (0.1, 0.5)), Copying(site)
    nodes = (*site.spec.brokers, *site.spec.controllers)
    down = {*down, *(node.name for node in nodes if node.hold)}
    gone = _out_of_reach(site) | {n.id for n in site.spec.brokers if n.name in down}
    known = {n.id for n in site.spec.brokers}
    voters = frozenset(
        n.id for n in site.spec.controllers if site.is_away(n.host) or n.name in down
    )
    while stop is None or not stop.is_set():
        try:
            view = site.cluster().liveness()
        except KafkaUnavailable:
            patience.mark("no answer")  # its words tell of each attempt, not of progress
        else:
            tell_behind(site, view)
            polled(view)
            # Replicas on ids that the spec does not have: nobody starts those.
            strangers = {r for t in view.topics for p in t.partitions for r in p.replicas} - known
            away = (gone | strangers) - view.alive
            found = [_brokers(site, view, away), _leaders(view, away)]
            found += [_in_sync(view, away | filled)]
            found += _quorum(site, view, voters | _joining(site, view))
            if healthy(found):
                # A broker may still hear of what another has already answered.
                found.append(_bootstrap(site, view, away))
            if healthy(found) is not False:
                return
            copying.look(patience.seconds)
            patience.mark((tuple(check.detail for check in found), copying.furthest))
        if patience.is_over:
            return
        if patience.is_news(("replicas", copying.counts), 3.0, SAY_EVERY):
            emit(Event("waiting", about="replicas", behind=copying.counts))
        patience.pause()


@dataclass
class Copying:
    """How many bytes replicas lack, asked now and then of a cluster that is not in sync."""

    site: Site
    counts: tuple[int, int | None] | None = None
    furthest: object = None
    _measure: Furthest = field(default_factory=Furthest)
    _looked: float = 0.0

    def look(self, seconds: float) -> None:
        """``seconds``: since the wait began. What cannot be asked is not known."""
        if seconds - self._looked < LOOK_EVERY:
            return
        self._looked = seconds
        try:
            found = behind(self.site.cluster().liveness(more=sizes_of_behind))
        except KafkaUnavailable:
            return
        self.counts = (found.partitions, found.bytes) if found.partitions else None
        self.furthest = self._measure.mark(found, {}, "")


def wait_whole(site: Site, name: str) -> None:
    """Until a topic that was just made has its leaders and replicas, 30 s at most."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        topic = site.cluster().liveness().topic(name)
        if topic and all(
            p.leader is not None and len(p.isr) == len(p.replicas) for p in topic.partitions
        ):
            return
        time.sleep(0.05)
