"""The values that every stage of a run passes on: ids, states, observations, changes, plans.

Everything here is immutable data. ``fields`` maps a field's name to a plain value (str, int, bool,
None or a tuple of these); a field whose value is ``Pending`` cannot be known yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Literal, NamedTuple

PRIVILEGED = ""
"""Who acts where only root can: the login itself, or root where it is or becomes root. Only for
what nobody else can change: ``/proc``, accounts, units, ``/var/lib/provision``, and folders whose
every parent is root's (decision 15). Everything else names its owner."""

Action = Literal["create", "update", "delete", "start", "stop", "restart"]
Effect = Literal["none", "restart", "offline", "move", "loss"]
"""A process is bounced, a partition has no leader meanwhile, data is copied, data is destroyed."""
Phase = Literal[
    "",
    "fetch",
    "send",
    "wait",
    "stop",
    "start",
    "recover",
    "register",
    "catch-up",
]
"""What takes long: a distribution is fetched, or sent to a host; a node waits until it may be
stopped, stops, starts, recovers its logs, registers, and its replicas catch up."""


class Layer(IntEnum):
    """Files before processes before Kafka's own objects."""

    HOST = 1
    NODE = 2
    CLUSTER = 3


class Id(NamedTuple):
    """The stable name of a thing: its host (``""`` for a thing of the cluster), kind and name.

    A tuple: every stage sorts ids and looks them up, by the ten thousand."""

    host: str
    kind: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in (self.host, self.kind, self.name) if part)


@dataclass(frozen=True)
class Pending:
    """A value that only an observation, or a layer that has not run yet, can give."""

    what: str


@dataclass(frozen=True)
class State:
    """What a thing should be.

    ``fields`` are compared; ``inputs`` are the ids it is made from; ``closed`` says that a field
    which is observed but not wanted is a difference too (a properties file); ``args`` is what the
    kind's steps need and no comparison looks at.
    """

    fields: Mapping[str, Any]
    inputs: tuple[Id, ...] = ()
    closed: bool = False
    args: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Gone(State):
    """What should not be there. ``after``: what must be over before it goes."""

    fields: Mapping[str, Any] = field(default_factory=dict)
    after: tuple[Id, ...] = ()


@dataclass(frozen=True)
class Present:
    """The thing is there. ``volatile`` facts (pid, uptime) are not compared; ``text`` is the record
    it was read from: what is checked again before anything is done to it."""

    fields: Mapping[str, Any]
    volatile: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None


@dataclass(frozen=True)
class Absent:
    """The thing was looked for and is not there."""

    text: str | None = None


@dataclass(frozen=True)
class Unknown:
    """It could not be read; never to be taken for absent, nor for in sync.

    ``allow``: the names that, all allowed, permit to take it for ``otherwise`` all the same."""

    reason: str
    allow: tuple[str, ...] = ()
    otherwise: Present | Absent | None = None


Observation = Present | Absent | Unknown
Desired = Mapping[Id, State]
Observed = Mapping[Id, Observation]


@dataclass(frozen=True)
class Loss:
    """What a change destroys, as far as Kafka could tell; None is not known.

    ``bytes`` are those of one replica of each partition; ``share`` of what the thing holds, 0 to 1.
    ``readers``: the groups that read it, each with its type where that is not consumer.
    ``written``: whether a record came within the last minute.
    """

    records: int | None = None
    bytes: int | None = None
    share: float | None = None
    readers: tuple[str, ...] | None = None
    written: bool | None = None


@dataclass(frozen=True)
class Change:
    """One difference and what mends it. ``wave`` is filled in by ``order``; ``asked`` says that it
    is no difference but what the user asked for (start, stop, restart, drill); ``more`` that it is
    one of a chain: what it wants itself is ``after``, and a later round goes on from there."""

    id: Id
    action: Action
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    fields: tuple[str, ...] = ()
    effect: Effect = "none"
    reason: str = ""
    wave: int = 0
    offline: tuple[str, ...] = ()
    asked: bool = False
    more: bool = False
    loss: Loss | None = None


@dataclass(frozen=True)
class Deferred:
    """A change that a later layer cannot know yet; it may turn out to be any harmless action.
    ``foreseen``: a later part of a chain; what is made from the thing does not wait for that."""

    id: Id
    reason: str
    action: Action | None = None
    foreseen: bool = False


@dataclass(frozen=True)
class Refused:
    """A difference that is left alone. ``allow`` is the ``--allow`` word that would permit it;
    ``value`` is what it then has to name, where it takes a value."""

    id: Id
    reason: str
    allow: str | None = None
    change: Change | None = None
    value: str = ""

    @property
    def word(self) -> str:
        """What comes after ``--allow``, or nothing."""
        return f"{self.allow}={self.value}" if self.value else self.allow or ""


@dataclass(frozen=True)
class Unmanaged:
    """Something of a managed kind that is not in the spec; ``fields`` names single keys."""

    id: Id
    fields: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class UnknownState:
    """Something wanted whose state could not be read."""

    id: Id
    reason: str


@dataclass(frozen=True)
class Wave:
    """Changes that go together: hosts side by side; ``gate`` names what is asked before it."""

    number: int
    changes: tuple[Change, ...]
    gate: str = ""


@dataclass(frozen=True)
class Plan:
    """What differs, what would be done, in which order, and what is left alone and why."""

    waves: tuple[Wave, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    refused: tuple[Refused, ...] = ()
    unmanaged: tuple[Unmanaged, ...] = ()
    unread: tuple[UnknownState, ...] = ()
    wanted: Desired = field(default_factory=dict, compare=False, repr=False)
    """What it was made from: the wanted states, with what only observations could tell."""

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(change for wave in self.waves for change in wave.changes)

    @property
    def complete(self) -> bool:
        """Everything wanted could be read."""
        return not self.unread

    @property
    def in_sync(self) -> bool | None:
        """True, False, or None: nothing known differs, but not all could be read."""
        if self.changes or self.refused or self.deferred:
            return False
        return None if self.unread else True


@dataclass(frozen=True)
class Copy:
    """One partition that gets replicas: ``bytes`` of each of them, None where that is not known;
    from the broker ``source`` to the brokers ``to``."""

    bytes: int | None
    source: int
    to: tuple[int, ...]


@dataclass(frozen=True)
class Moves:
    """Replicas that a run copies; ``seconds`` of the whole run with them."""

    partitions: int = 0
    bytes: int | None = 0
    seconds: float | None = 0.0


@dataclass(frozen=True)
class Forecast:
    """What a run is expected to do to those who use the cluster.

    ``restarts``: running nodes that are bounced, by name, in their order; ``together``: the same in
    batches. ``seconds``: what they take, None where one of them was never timed (``untimed``), and
    then ``at_least`` is what is known of the others; ``expected``: of each. ``offline``: partitions
    without a leader meanwhile. ``blocked``: (node that may not be stopped now, on what it waits).
    ``took``: what it took in the end.
    """

    restarts: tuple[str, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    seconds: float | None = 0.0
    at_least: float = 0.0
    untimed: tuple[str, ...] = ()
    expected: Mapping[str, float] = field(default_factory=dict)
    offline: tuple[str, ...] = ()
    blocked: tuple[tuple[str, str], ...] = ()
    moves: Moves = Moves()
    took: float | None = None


# Steps: a closed set of five. No loops or branches in them: what takes long is a chain of
# observable states.


@dataclass(frozen=True)
class Run:
    """A constant shell script of our own with its arguments, on a host. ``separate_exec``: what the
    steps before it did must be over, as others see it, before it begins. ``phase``: what those who
    watch see its node do meanwhile."""

    function: str
    args: tuple[str, ...]
    user: str
    seconds: int = 60
    input: str = ""
    separate_exec: bool = False
    phase: Phase = ""


@dataclass(frozen=True)
class Put:
    """A whole file, written beside itself and renamed; owner and mode from the first byte.
    ``keep``: what stands there and was not made by us is kept once as ``NAME.before-provision``."""

    path: str
    content: str
    mode: str
    user: str
    keep: bool = False


@dataclass(frozen=True)
class Unpack:
    """A distribution from the artifact store, streamed, verified and switched in by rename."""

    artifact: str
    path: str
    user: str


@dataclass(frozen=True)
class Call:
    """An admin request to the cluster: a value that the port can send."""

    request: Any


@dataclass(frozen=True)
class Await:
    """Wait until the observation of ``id`` has settled; the limit is on no progress, in seconds."""

    id: Id
    no_progress: float = 60.0


Step = Run | Put | Unpack | Call | Await


# Events: what a run tells while it runs. ``report`` renders them, nobody else.


@dataclass(frozen=True)
class Event:
    """One thing that happened. ``kind`` is one of done, failed, waiting, note, wave.

    ``about`` says what (see ``report/events.py``), of ``subject``; ``message`` is why, or what a
    host or Kafka said itself. ``counts`` of a wave: (action, how many of what). ``behind``:
    partitions that are not in sync, and by how many bytes (None: not known); then ``seconds`` are
    those that it still takes, 0 where that is not known.
    """

    kind: str
    message: str = ""
    host: str = ""
    change: Change | None = None
    seconds: float = 0.0
    about: str = ""
    subject: str = ""
    counts: tuple[tuple[str, str], ...] = ()
    behind: tuple[int, int | None] | None = None


@dataclass(frozen=True)
class Progress:
    """How far something that takes long has come.

    ``subject``: the node or the distribution, on ``host`` ("" for this machine). ``done`` of
    ``total`` in ``unit``: bytes, logs or partitions; a ``total`` of 0 is not known. ``over``: this
    phase of it has ended; without a phase, whichever it was in.
    """

    phase: Phase
    subject: str
    host: str = ""
    done: int = 0
    total: int = 0
    unit: Literal["", "bytes", "logs", "segments", "partitions"] = ""
    over: bool = False


@dataclass(frozen=True)
class Check:
    """One question of verify; ``ok`` is None where it could not be answered."""

    name: str
    ok: bool | None
    detail: str = ""


@dataclass
class Line:
    """A step of a drill, filled in while it runs. ``shows`` tells a student what it means."""

    name: str
    shows: str = ""
    ok: bool = True
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True)
class HostLock:
    """The lock of one host. ``id`` is the short name of its holder, for ``--break``;
    ``silent_seconds`` is the age of the holder's last beat (a living run beats every 2 s)."""

    host: str
    held: bool
    id: str | None = None
    who: str | None = None
    pid: int | None = None
    silent_seconds: int | None = None


@dataclass
class Report:
    """The result for one cluster: the content of one entry of ``clusters`` in the JSON output."""

    cluster: str
    target: str | None = None
    exit_code: int = 0
    plan: Plan | None = None
    complete: bool = True
    in_sync: bool | None = None
    healthy: bool | None = None
    limited: str | None = None
    checks: list[Check] = field(default_factory=list)
    applied: list[Change] = field(default_factory=list)
    failed: list[tuple[Change, str]] = field(default_factory=list)
    not_started: list[Change] = field(default_factory=list)
    forecast: Forecast | None = None
    ended: str = ""
    """Which limit ended it before all was done: ``max-restarts`` or ``until``."""
    warnings: list[Any] = field(default_factory=list)
    """``errors.Notice``, each once: what was said of this cluster's files and hosts."""
    seconds: float = 0.0
    path: str = ""
    """The spec's file, where a command line can have several or names a saved plan."""
    errors: tuple[str, ...] = ()
    """Why nothing at all was done of this cluster."""
    problems: list[Any] = field(default_factory=list)
    """``errors.Problem``: what ended a run after its first change."""
    verified: Plan | None = None
    """The plan after a run, where ``plan`` is the one before it."""
    kept: tuple[str, ...] | None = None
    """``destroy``: the log dirs that stay, as ``host:path``."""
    locks: tuple[HostLock, ...] | None = None
    log: tuple[Mapping[str, Any], ...] | None = None
    """The merged journals, in the contract's shape; so are the next three."""
    hosts: tuple[Mapping[str, Any], ...] | None = None
    status: Mapping[str, Any] | None = None
    drill: Mapping[str, Any] | None = None
