"""Waits for started things until they are ready; limited by lack of progress, not by time."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import constant
from provisioner.kafka.port import ClusterView, KafkaUnavailable
from provisioner.kinds.ids import service_id
from provisioner.kinds.registry import KINDS, not_told
from provisioner.kinds.service.causes import cause
from provisioner.kinds.service.recovery import Recovery
from provisioner.patience import Patience
from provisioner.plan.model import (
    PRIVILEGED,
    Change,
    Desired,
    Event,
    Id,
    Layer,
    Observation,
    Present,
    State,
    Unknown,
)
from provisioner.plan.pipeline import judges
from provisioner.plan.taken import differs, of_change
from provisioner.run.watch import Watch
from provisioner.site.observe import asked_again
from provisioner.site.site import Site, zookeeper_address
from provisioner.spec.types import Role

PAUSE = 0.05, 0.2
"""Seconds between two polls, at first and at most: polling takes CPU from what is starting."""
LONGEST = 2.0
LOOK_EVERY = 2.0
SAY_AFTER = 5.0
SAY_EVERY = 5.0
"""Seconds between two lines about the same thing, of which something moves."""


class NoProgress(Exception):
    """The wait ended without success; the message has the last observation."""

    def __init__(self, message: str, change: Change | None = None):
        self.change = change
        super().__init__(message)


class WaitInterrupted(NoProgress):
    """A signal came during the wait; what was started continues by itself."""


@dataclass
class Awaited:
    """One thing to wait for, because of ``change``; ``limit`` is seconds without progress."""

    change: Change
    id: Id
    limit: float
    looked: float = 0.0
    known: object = None
    """What was seen of it last, as far as it shows that something goes on."""
    left: tuple[int, int | None] | None = None
    """The partitions and bytes that are still to come, where that is known."""
    first: tuple[float, int] | None = None
    """When the bytes were known first, and how many they were."""
    patience: Patience = field(init=False)

    def __post_init__(self) -> None:
        self.patience = Patience(self.limit)

    def count(self, left: tuple[int, int | None] | None) -> None:
        self.left = left
        if left is not None and left[1] is not None and self.first is None:
            self.first = self.patience.seconds, left[1]

    @property
    def eta(self) -> float:
        """Seconds that the rest takes if it goes on as it did; 0 where that is not known."""
        if self.first is None or self.left is None or self.left[1] is None:
            return 0.0
        since, at_first = self.first
        done, passed = at_first - self.left[1], self.patience.seconds - since
        return self.left[1] / done * passed if done > 0 else 0.0


def wait_for(
    site: Site,
    desired: Desired,
    items: Sequence[Awaited],
    look: Callable[[str, Sequence[Id]], Mapping[Id, Observation]],
    emit: Callable[[Event], None],
    stop: threading.Event,
    polled: Callable[[ClusterView], None] = lambda view: None,
    lost: Callable[[], str] = lambda: "",
) -> dict[Id, Observation]:
    """The observations when all were ready, and nothing in Kafka differed any more. ``polled`` gets
    each view of Kafka; ``lost`` says why the run may begin nothing more.

    Raises NoProgress; WaitInterrupted when ``stop`` is set.
    """
    arrived: dict[Id, Observation] = {}
    left, watch = list(items), Watch(site)
    together = Patience(0.0, stop, PAUSE)
    while left:
        began = time.monotonic()
        seen = _seen(site, desired, left, look, polled)
        others = Others(site)
        now = time.monotonic()
        still: list[Awaited] = []
        late: list[tuple[Awaited, State, Observation, str]] = []
        before = len(arrived)
        for item in left:
            observation = seen.get(item.id)
            state = desired.get(item.id, State({}))
            if observation is None:
                item.patience.mark((item.known, watch.recovery(item.change, now)))
                _lives(site, desired, item, look, now)
                _unseen(item)
                still.append(item)
                continue
            why = missing(item.change, item.id, state, observation)
            if not why and not _serves(site, item.id):
                why = "it is not serving yet"
            if not why and not others.agree(item.id, state):
                why = "another broker has not heard of it yet"
            if not why:
                arrived[item.id] = observation
                continue
            late.append((item, state, observation, why))
            still.append(item)
        if len(arrived) > before:
            _renew(still)
        for item, state, observation, why in late:
            _check(site, state, item, observation, watch.recovery(item.change, now), why)
            _lives(site, desired, item, look, now)
        left = still
        _abandon(left, lost())
        for item in left:
            watch.tell(item.change, item.id)
            _say(item, watch.recovery(item.change, now), emit)
        # A look at thousands of topics costs its Kafka, too: at most half of the time.
        if left and together.pause(min(now - began, LONGEST)):
            text = f"interrupted while it waited for {_named(left[0].id)}"
            raise WaitInterrupted(text, left[0].change)
    return arrived


def _abandon(left: Sequence[Awaited], why: str) -> None:
    """A run that may begin nothing more does not wait for what Kafka does by itself, and of a
    process only as long as it gets on."""
    for item in left if why else ():
        if KINDS[item.change.id.kind].layer is Layer.CLUSTER:
            goes_on = "what Kafka was told goes on by itself"
            text = f"{_named(item.id)}: not waited for any longer: {why}; {goes_on}"
            raise NoProgress(text, item.change)
        if item.patience.idle > UNREAD:
            text = f"{_named(item.id)}: no progress for {UNREAD:.0f} s: {why}"
            raise NoProgress(text, item.change)


def _say(item: Awaited, recovery: Recovery | None, emit: Callable[[Event], None]) -> None:
    """What is waited for, and how far it is where that keeps changing."""
    if not item.patience.is_news((item.id, recovery, item.left), SAY_AFTER, SAY_EVERY):
        return
    told = Event("waiting", str(recovery or ""), item.id.host, item.change)
    if recovery:
        emit(replace(told, about="recovery", subject=item.change.id.name))
    else:
        emit(
            replace(
                told,
                about="thing",
                subject=_named(item.id),
                behind=item.left,
                seconds=item.eta if item.left else 0.0,
            )
        )


def _renew(items: Sequence[Awaited]) -> None:
    """Kafka does what it was told of many topics one after another: that one arrived is progress
    for those that wait behind it."""
    for item in items:
        if not item.id.host:
            item.patience.moved()


def missing(change: Change, id: Id, state: State, seen: Observation) -> str:
    """What has not come about yet. Brokers tell of a change a while after Kafka has confirmed it,
    so things of the cluster are held against what is wanted; those of hosts are read by whoever
    changed them."""
    kind = KINDS[id.kind]
    left = ""
    if kind.layer is Layer.CLUSTER:
        left = _left(change, id, state, seen)
    return left or ("" if kind.settled(state, seen) else NOT_SETTLED)


def _left(change: Change, id: Id, state: State, seen: Observation) -> str:
    if change.more and change.id == id and not isinstance(seen, Unknown):
        return of_change(change, seen)
    return differs(id, state, seen, judges(KINDS))


NOT_SETTLED = "not settled"


def _named(id: Id) -> str:
    return KINDS[id.kind].awaiting(id)


def _seen(
    site: Site,
    desired: Desired,
    left: Sequence[Awaited],
    look: Callable[[str, Sequence[Id]], Mapping[Id, Observation]],
    polled: Callable[[ClusterView], None],
) -> dict[Id, Observation]:
    """The cheap check first: an open port. A full read only then, and once a second."""
    now = time.monotonic()
    seen: dict[Id, Observation] = {}
    by_host: dict[str, list[Id]] = {}
    for item in left:
        if not item.id.host:
            continue
        if now - item.looked >= LOOK_EVERY or _open(site, item.id):
            item.looked = now
            by_host.setdefault(item.id.host, []).append(item.id)
    for host, ids in by_host.items():
        seen.update(look(host, ids))
    if any(not item.id.host for item in left):
        seen.update(_cluster(site, [item.id for item in left if not item.id.host], polled))
    return seen


def _open(site: Site, id: Id) -> bool:
    """Whether the first port of a service answers."""
    node = site.spec.node(id.name)
    state_ports = [listener.port for listener in node.listeners]
    port = node.client_port or (state_ports[0] if state_ports else None)
    if port is None:
        port = node.controller_listener.port if node.controller_listener else None
    if port is None:
        return True
    try:
        connection = site.dial_node(node, port, 2.0)
    except Exception:
        return False
    with contextlib.suppress(Exception):
        connection.close()
    return True


WORDS = "4lw.commands.whitelist"


def _serves(site: Site, id: Id) -> bool:
    """A ZooKeeper that stands alone opens its port before it has read its data, and ends again if
    it cannot: it is there when it says what it is. One of several may have to wait for the others,
    and has read its data before it opens its port."""
    if KINDS[id.kind].layer is not Layer.NODE:
        return True
    node = site.spec.node(id.name)
    if node.role is not Role.ZOOKEEPER or len(site.spec.zookeeper) > 1:
        return True
    if not {"srvr", "*"} & set(node.config.get(WORDS, "srvr").replace(" ", "").split(",")):
        return True  # it may not be asked
    from provisioner.kafka import zookeeper

    dial, host = site.shells[node.host].connection.dial, zookeeper_address(site.spec, node)
    try:
        return bool(zookeeper.server_state(dial, host, node.client_port or 0, 2.0))
    except Exception:
        return False


@dataclass
class Others:
    """What each address by itself tells in one poll, asked where a kind needs it."""

    site: Site
    told: list[ClusterView] | None = None

    def agree(self, id: Id, state: State) -> bool:
        """Whether two brokers say that it has arrived, or the only one that answers."""
        agreed = KINDS[id.kind].agreed
        if agreed is None:
            return True
        if self.told is None:
            answers = self.site.cluster().bootstrap_views().values()
            self.told = [each for each in answers if isinstance(each, ClusterView)]
        number = sum(agreed(id, state, view) for view in self.told)
        return number >= max(min(AGREED, len(self.told)), 1)


AGREED = 2


def _cluster(
    site: Site, ids: Sequence[Id], polled: Callable[[ClusterView], None]
) -> dict[Id, Observation]:
    """What Kafka says now; nothing while it does not answer."""
    try:
        if all(KINDS[id.kind].liveness for id in ids):
            view = site.cluster().liveness()
        else:
            view = asked_again(site, ids)
    except KafkaUnavailable:
        return {}
    polled(view)
    seen: dict[Id, Observation] = {}
    for kind in {id.kind for id in ids}:
        seen.update(KINDS[kind].read(view, site.spec))
    return seen | {id: not_told(id) for id in ids if id not in seen and KINDS[id.kind].listed}


def _check(
    site: Site,
    state: State,
    item: Awaited,
    seen: Observation,
    recovery: Recovery | None,
    why: str,
) -> None:
    """An exited process is a failure at once; lack of progress is one after the limit."""
    kind = KINDS[item.id.kind]
    item.known = kind.progress(seen) if isinstance(seen, Present) else None
    item.count(kind.left(seen))
    item.patience.mark((item.known, recovery))
    if isinstance(seen, Present) and kind.ended(seen):
        raise NoProgress(_why_dead(site, item.id, state), item.change)
    away = kind.held_up(state, seen)
    limit = min(item.limit, AWAY) if away else item.limit
    if item.id.host and isinstance(seen, Unknown):
        limit = min(limit, UNREAD)
        away = seen.reason
    if item.patience.idle > limit:
        reason = away or ("" if why == NOT_SETTLED else why)
        detail = f": {reason}" if reason else ""
        text = f"{_named(item.id)}: no progress for {limit:.0f} s{detail}"
        raise NoProgress(text, item.change)


def _lives(
    site: Site,
    desired: Desired,
    item: Awaited,
    look: Callable[[str, Sequence[Id]], Mapping[Id, Observation]],
    now: float,
) -> None:
    """What is waited for in Kafka may come, as long as the process of the change lives."""
    service = item.change.id
    mine = KINDS[service.kind].layer is Layer.NODE
    if not item.id.host and mine and now - item.looked >= LOOK_EVERY:
        item.looked = now
        seen = look(service.host, [service]).get(service)
        if seen is not None and KINDS[service.kind].ended(seen):
            why = _why_dead(site, service, desired.get(service, State({})))
            raise NoProgress(why, item.change)


def _unseen(item: Awaited) -> None:
    """Kafka does not answer."""
    if not item.id.host and item.patience.idle > max(item.limit, SILENT):
        raise NoProgress(f"{_named(item.id)}: Kafka does not answer", item.change)


UNREAD = 60.0
"""Seconds in which a host that was just read cannot be: its connection went, or it restarts."""
AWAY = 20.0
"""Seconds without progress where something is away that it needs."""
SILENT = 600.0
"""Seconds in which a running process may recover its logs before it answers."""


TELLING = re.compile(r" (ERROR|FATAL) |Exception: |^Error|^Caused by: ")
TELLING_LINES = 4
LAST_LINES = 8


def _why_dead(site: Site, id: Id, state: State) -> str:
    """The cause in words where it is a known one, and the last lines of the log."""
    unit = str(state.args["unit"]) if state.args["supervisor"] == "systemd" else ""
    text_of_tail = constant("tail.sh", "provisioner.run")
    files = ("", str(state.args["out"]), str(state.args["log"]))
    readings = [Reading(text_of_tail, files, site.places[id.host].kafka_user)]
    if unit:
        readings.insert(0, Reading(text_of_tail, (unit,), PRIVILEGED))
    frames = site.observer(id.host).read(readings)
    text = "\n".join(frame.text for frame in frames if frame)
    words = cause(text)
    lines = list(dict.fromkeys(line for line in text.splitlines() if line.strip()))
    # The end of a log is often how it shut down; what it ended of stands further up.
    telling = [line for line in lines if TELLING.search(line)]
    telling = sorted(telling, key=lambda line: not cause(line))[:TELLING_LINES]
    rest = [line for line in lines[-LAST_LINES:] if line not in telling]
    tail = "\n".join("    " + line for line in [*telling, *rest])
    return f"{id.name} exited while starting" + (f": {words}" if words else "") + f"\n{tail}"


def wait_for_sessions(
    site: Site, ids: Sequence[Id], emit: Callable[[Event], None], stop: threading.Event
) -> None:
    """Waits until the ZooKeeper sessions of these brokers' previous processes have expired.

    Raises NoProgress after ``SESSIONS`` seconds: another process is then using the broker's id;
    WaitInterrupted when ``stop`` is set.
    """
    spec = site.spec
    if spec.is_kraft:
        return
    wanted = {n.id for n in spec.known if n.is_broker and service_id(n) in set(ids)}
    patience = Patience(SESSIONS, stop)
    while wanted:
        if stop.is_set():
            raise WaitInterrupted("interrupted while it waited for ZooKeeper sessions to end")
        registered = _registered(site)
        if registered is None:
            # It was started a moment ago, and does not let anybody in yet.
            if patience.seconds > ANSWERS:
                return
            patience.pause()
            continue
        left = wanted & set(registered)
        if not left:
            return
        if patience.seconds > SESSIONS:
            listed = ", ".join(map(str, sorted(left)))
            raise NoProgress(
                f"ZooKeeper still has broker {listed} registered: is it running elsewhere?"
            )
        if patience.is_news("sessions", 0.0):
            emit(Event("waiting", about="sessions"))
        patience.pause()


SESSIONS = 90.0
ANSWERS = 20.0


def _registered(site: Site) -> tuple[int, ...] | None:
    """The broker ids in ZooKeeper; None where ZooKeeper cannot be asked."""
    from provisioner.kafka import zookeeper

    for node in site.spec.zookeeper:
        if node.host not in site.shells or node.client_port is None:
            continue
        connection, spec = site.shells[node.host].connection, site.spec
        try:
            return zookeeper.broker_ids(
                connection.dial, zookeeper_address(spec, node), node.client_port, 5.0
            )
        except Exception:
            continue
    return None
