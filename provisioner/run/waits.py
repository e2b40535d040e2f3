"""Waits for started things until they are ready; limited by lack of progress, not by time."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import constant
from provisioner.kafka.port import KafkaUnavailable
from provisioner.kinds.registry import JUDGES, KINDS
from provisioner.kinds.service.causes import cause
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
)
from provisioner.plan.taken import differs
from provisioner.run.target import Target, zookeeper_address
from provisioner.spec.types import Role

PAUSE = 0.05, 0.2
"""Seconds between two polls, at first and at most: polling takes CPU from what is starting."""
LOOK_EVERY = 2.0
SAY_AFTER = 5.0


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
    moved: float = 0.0
    last: object = None
    said: bool = False
    looked: float = 0.0


def wait_for(
    target: Target,
    desired: Desired,
    items: Sequence[Awaited],
    look: Callable[[str, Sequence[Id]], Mapping[Id, Observation]],
    emit: Callable[[Event], None],
    stop: threading.Event,
) -> dict[Id, Observation]:
    """The observations when all were ready, and nothing in Kafka differed any more.

    Raises NoProgress; WaitInterrupted when ``stop`` is set.
    """
    began = time.monotonic()
    arrived: dict[Id, Observation] = {}
    left = list(items)
    for item in left:
        item.moved = began
    pause, longest = PAUSE
    while left:
        seen = _seen(target, desired, left, look)
        now = time.monotonic()
        for item in list(left):
            observation = seen.get(item.id)
            state = desired.get(item.id, State({}))
            if observation is None:
                _unseen(target, desired, item, look, now)
                continue
            why = missing(item.id, state, observation)
            if not why and not _serves(target, item.id):
                why = "it is not serving yet"
            if not why:
                arrived[item.id] = observation
                left.remove(item)
                continue
            _check(target, state, item, observation, now, why)
        for item in left:
            if now - began > SAY_AFTER and not item.said:
                item.said = True
                emit(Event("waiting", f"waiting for {_named(item.id)}", item.id.host, item.change))
        if left and stop.wait(pause):
            text = f"interrupted while it waited for {_named(left[0].id)}"
            raise WaitInterrupted(text, left[0].change)
        pause = min(pause * 1.3, longest)
    return arrived


def missing(id: Id, state: State, seen: Observation) -> str:
    """What is not ready yet. Brokers report a change a while after Kafka has confirmed it, so
    things of the cluster are compared with the wanted states; those of hosts are read by the
    unit that changed them."""
    kind = KINDS[id.kind]
    left = differs(id, state, seen, JUDGES) if kind.layer is Layer.CLUSTER else ""
    return left or ("" if kind.settled(state, seen) else NOT_SETTLED)


NOT_SETTLED = "not settled"


def _named(id: Id) -> str:
    texts = {
        "broker": f"broker {id.name} to register",
        "topic": f"topic {id.name} to be in sync and configured",
        "voter": f"controller {id.name} to catch up with the quorum's leader",
        "broker-config": f"the brokers to apply the dynamic configuration of {id.name}",
    }
    return texts.get(id.kind, f"{id.name} to open its port")


def _seen(
    target: Target,
    desired: Desired,
    left: Sequence[Awaited],
    look: Callable[[str, Sequence[Id]], Mapping[Id, Observation]],
) -> dict[Id, Observation]:
    """The cheap check first: an open port. A full read only then, and once a second."""
    now = time.monotonic()
    seen: dict[Id, Observation] = {}
    by_host: dict[str, list[Id]] = {}
    for item in left:
        if not item.id.host:
            continue
        if now - item.looked >= LOOK_EVERY or _open(target, item.id):
            item.looked = now
            by_host.setdefault(item.id.host, []).append(item.id)
    for host, ids in by_host.items():
        seen.update(look(host, ids))
    if any(not item.id.host for item in left):
        seen.update(_cluster(target, [item.id for item in left if not item.id.host]))
    return seen


def _open(target: Target, id: Id) -> bool:
    """Whether the first port of a service answers."""
    node = target.spec.node(id.name)
    state_ports = [listener.port for listener in node.listeners]
    port = node.client_port or (state_ports[0] if state_ports else None)
    if port is None:
        port = node.controller_listener.port if node.controller_listener else None
    if port is None:
        return True
    try:
        connection = target.dial_node(node, port, 2.0)
    except Exception:
        return False
    with contextlib.suppress(Exception):
        connection.close()
    return True


WORDS = "4lw.commands.whitelist"


def _serves(target: Target, id: Id) -> bool:
    """A standalone ZooKeeper opens its port before it has read its data, and exits if it cannot:
    it is ready when it reports its mode. One of several may have to wait for the others, and has
    read its data before it opens its port."""
    if id.kind != "service" or not id.host:
        return True
    node = target.spec.node(id.name)
    if node.role is not Role.ZOOKEEPER or len(target.spec.zookeeper) > 1:
        return True
    if not {"srvr", "*"} & set(node.config.get(WORDS, "srvr").replace(" ", "").split(",")):
        return True  # it may not be asked
    from provisioner.kafka import zookeeper

    dial, host = target.shells[node.host].connection.dial, zookeeper_address(target.spec, node)
    try:
        return bool(zookeeper.server_state(dial, host, node.client_port or 0, 2.0))
    except Exception:
        return False


def _cluster(target: Target, ids: Sequence[Id]) -> dict[Id, Observation]:
    """Kafka's current answer; None while it does not answer."""
    try:
        if all(id.kind == "broker" for id in ids):
            view = target.cluster().liveness()
        else:
            view = target.cluster().view()
    except KafkaUnavailable:
        return {}
    seen: dict[Id, Observation] = {}
    for kind in {id.kind for id in ids}:
        seen.update(KINDS[kind].read(view, target.spec))
    return seen


def _check(
    target: Target, state: State, item: Awaited, seen: Observation, now: float, why: str
) -> None:
    """An exited process is a failure at once; lack of progress is one after the limit."""
    if isinstance(seen, Present):
        mark = (dict(seen.fields), dict(seen.volatile))
        if mark != item.last:
            item.last, item.moved = mark, now
        if item.id.kind == "service" and _ended(seen):
            raise NoProgress(_why_dead(target, item.id, state), item.change)
    if now - item.moved > item.limit:
        detail = "" if why == NOT_SETTLED else f": {why}"
        text = f"{_named(item.id)}: no progress for {item.limit:.0f} s{detail}"
        raise NoProgress(text, item.change)


def _unseen(
    target: Target,
    desired: Desired,
    item: Awaited,
    look: Callable[[str, Sequence[Id]], Mapping[Id, Observation]],
    now: float,
) -> None:
    """Kafka does not answer: it may still, as long as the process of the change lives."""
    service = item.change.id
    if not item.id.host and service.kind == "service" and now - item.looked >= LOOK_EVERY:
        item.looked = now
        seen = look(service.host, [service]).get(service)
        if isinstance(seen, Present) and _ended(seen):
            why = _why_dead(target, service, desired.get(service, State({})))
            raise NoProgress(why, item.change)
    if not item.id.host and now - item.moved > max(item.limit, SILENT):
        raise NoProgress(f"{_named(item.id)}: Kafka does not answer", item.change)


RESTARTS = 3
SILENT = 600.0
"""Seconds in which a running process may recover its logs before it answers."""


def _ended(seen: Present) -> bool:
    """It does not run and nothing will start it; systemd does, a few times."""
    if seen.fields["running"]:
        return False
    state = seen.volatile.get("ActiveState")
    if state in ("activating", "active", "reloading"):
        restarts = str(seen.volatile.get("NRestarts", "0"))
        return restarts.isdigit() and int(restarts) >= RESTARTS
    return True


TELLING = re.compile(r" (ERROR|FATAL) |Exception: |^Error|^Caused by: ")
TELLING_LINES = 4
LAST_LINES = 8


def _why_dead(target: Target, id: Id, state: State) -> str:
    """The known cause, if any, and the last lines of the log."""
    unit = str(state.args["unit"]) if state.args["supervisor"] == "systemd" else ""
    text_of_tail = constant("tail.sh", "provisioner.run")
    files = ("", str(state.args["out"]), str(state.args["log"]))
    readings = [Reading(text_of_tail, files, target.places[id.host].kafka_user)]
    if unit:
        readings.insert(0, Reading(text_of_tail, (unit,), PRIVILEGED))
    frames = target.observer(id.host).read(readings)
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
    target: Target, ids: Sequence[Id], emit: Callable[[Event], None], stop: threading.Event
) -> None:
    """Waits until the ZooKeeper sessions of these brokers' previous processes have expired.

    Raises NoProgress after ``SESSIONS`` seconds: another process is then using the broker's id;
    WaitInterrupted when ``stop`` is set.
    """
    spec = target.spec
    if spec.is_kraft:
        return
    wanted = {node.id for node in spec.brokers if Id(node.host, "service", node.name) in set(ids)}
    began = time.monotonic()
    said = False
    while wanted:
        if stop.is_set():
            raise WaitInterrupted("interrupted while it waited for ZooKeeper sessions to end")
        registered = _registered(target)
        if registered is None:
            # It was started a moment ago, and does not let anybody in yet.
            if time.monotonic() - began > ANSWERS:
                return
            stop.wait(0.2)
            continue
        left = wanted & set(registered)
        if not left:
            return
        if time.monotonic() - began > SESSIONS:
            listed = ", ".join(map(str, sorted(left)))
            raise NoProgress(
                f"ZooKeeper still has broker {listed} registered: is it running elsewhere?"
            )
        if not said:
            emit(Event("waiting", "waiting for the killed brokers' ZooKeeper sessions to end"))
            said = True
        stop.wait(0.2)


SESSIONS = 90.0
ANSWERS = 20.0


def _registered(target: Target) -> tuple[int, ...] | None:
    """The broker ids in ZooKeeper; None where ZooKeeper cannot be asked."""
    from provisioner.kafka import zookeeper

    for node in target.spec.zookeeper:
        if node.host not in target.shells or node.client_port is None:
            continue
        connection, spec = target.shells[node.host].connection, target.spec
        try:
            return zookeeper.broker_ids(
                connection.dial, zookeeper_address(spec, node), node.client_port, 5.0
            )
        except Exception:
            continue
    return None
