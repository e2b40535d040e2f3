"""What changes a cluster: an opened one whose lock is held, its journal, and who is told.

The only maker of an Actor and of a KafkaWriter. What only looks has no session, and so no way to
write.
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from provisioner.errors import Exit, ProvisionError, fail
from provisioner.hosts.actor import Actor, Batch, LockToken, ShellStep
from provisioner.hosts.observer import Become, Shell
from provisioner.kafka.port import KafkaReader, KafkaWriter
from provisioner.plan.model import Event, Id
from provisioner.run.gates import Gate, gate
from provisioner.run.journal import Journal, whoami
from provisioner.run.limits import Allowance
from provisioner.run.lock import Lock, LockFile
from provisioner.run.records import Records
from provisioner.run.results import Results
from provisioner.run.roll import Roll
from provisioner.site.site import Site
from provisioner.site.stopping import Stop, stopping

Emit = Callable[[Event], None]


Pause = Callable[[float, str], bool]


def _over_its_connections(reader: KafkaReader, pause: Pause) -> KafkaWriter:
    from provisioner.kafka.client import KafkaClient
    from provisioner.kafka.writer import Writer

    assert isinstance(reader, KafkaClient)
    return Writer(reader, pause)


@dataclass
class Session:
    """One run. ``stop`` is set by a signal: no further unit is begun. ``results``: what became of
    its changes, over all rounds. ``allowance``: how far it may go. ``roll``: how it bounces nodes.
    ``bound``: the things that the saved plan has which it carries out; None: it carries out none.
    ``may_stop`` waits until the nodes of a wave may be stopped (``gates.gate``)."""

    site: Site
    lock: Lock
    journal: Journal
    emit: Emit
    stop: threading.Event = field(default_factory=threading.Event)
    results: Results = field(default_factory=Results)
    allowance: Allowance = field(default_factory=Allowance)
    bound: frozenset[Id] | None = None
    writes: Callable[[KafkaReader, Pause], KafkaWriter] = _over_its_connections
    may_stop: Gate = field(init=False)
    roll: Roll = field(init=False)

    def __post_init__(self) -> None:
        self.may_stop = gate(self.site, self.emit, self.stop, self.lock.loss)
        self.roll = Roll(self.site, self.emit, self.stop, self.allowance, self.results)

    def actor(self, host: str) -> Actor:
        """What may change that host, for as long as the lock is held."""
        places = self.site.places[host]
        token = LockToken(places.state, self.lock.token, places.state_user)
        return Actor(self.site.shells[host], token)

    def as_login(self, host: str) -> Actor:
        """What runs a user's command there: as the login, as root where the inventory says become,
        whatever Kafka's own steps need."""
        shell, known = self.site.shells[host], self.site.spec.hosts[host]
        root = shell.become.needed or self.site.facts[host].uid == 0
        if known.may_become(self.site.options.become) and not root:
            password = known.become_password or self.site.options.become_password
            shell = Shell(shell.connection, Become(True, known.become_user, password))
            shell.prove()
        places = self.site.places[host]
        return Actor(shell, LockToken(places.state, self.lock.token, places.state_user))

    @property
    def kafka(self) -> KafkaWriter:
        """What may change Kafka, over the connections that look at it."""
        return self.writes(self.site.cluster(), self._held_up)

    def _held_up(self, seconds: float, what: str) -> bool:
        """Waits where a quota of Kafka holds a change up; True when a signal came."""
        self.emit(Event("waiting", f"{seconds:.0f}", about="quota", subject=what))
        return self.stop.wait(seconds)

    def act(self, host: str, steps: Sequence[ShellStep]) -> list[str]:
        """Steps on one host outside any wave; what each printed. Raises ``step-failed``."""
        outcome = self.actor(host).act(Batch(steps=steps))
        if outcome.lost:
            raise fail("lock-lost", "another run took the lock", host=host)
        if outcome.failed is not None:
            raise fail("step-failed", outcome.texts[-1].strip(), host=host)
        return outcome.texts

    def holds_lock(self) -> bool:
        """Whether the lock is still ours, asked of the first host."""
        return not self.actor(min(self.site.shells)).act(Batch()).lost

    @property
    def records(self) -> Records:
        return Records(self.actor, sorted(self.site.shells), self.journal)

    def check(self) -> None:
        """Raises ProvisionError ``interrupted`` once a signal has come."""
        if isinstance(self.stop, Stop):
            self.stop.check()

    @property
    def signal(self) -> int:
        """The number of the signal that came, or 0."""
        return self.stop.number if isinstance(self.stop, Stop) else 0


@contextmanager
def session(site: Site, command: str, emit: Emit) -> Iterator[Session]:
    """From here on a signal ends the step under way and nothing begins after it. Raises
    ProvisionError: ``lock-held``, and where half of the hosts or more cannot be reached."""
    with stopping(site.options.stop) as stop, _locked(site, command) as lock:
        journal = Journal(secrets.token_hex(4), command, site.spec.digest)
        run = Session(site, lock, journal, emit, stop)
        notes = {host: shell.connection.notes for host, shell in site.shells.items()}
        run.records.host_keys(notes)
        yield run


@contextmanager
def _locked(site: Site, command: str) -> Iterator[Lock]:
    """The lock of every host that can be reached, for more than half of all."""
    _reached(site)
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    who = f"{whoami()} pid {os.getpid()} {command} since {since}"
    lock = Lock(who, site.options.say, site.options.stop)
    lock.acquire({host: lock_file(site, host) for host in site.shells})
    try:
        yield lock
    finally:
        lock.release()


def lock_file(site: Site, host: str) -> LockFile:
    """Where the lock of that host is."""
    places = site.places[host]
    return LockFile(site.shells[host], places.state, places.state_user)


def _reached(site: Site) -> None:
    """Raises ProvisionError where not more than half of the hosts can be reached."""
    hosts, away = len(site.used_hosts), site.unreachable
    # Of a host from which everything goes nothing is needed.
    spare = away.keys() - {node.host for node in site.spec.nodes}
    if len(site.shells) * 2 > hosts - len(spare):
        return
    why = "; ".join(f"{host}: {error}" for host, error in away.items())
    error: ProvisionError = fail(
        next(iter(away.values())).code,
        f"{len(away)} of {hosts} hosts cannot be reached: {why}",
        "more than half of the hosts are needed to change anything",
        host=next(iter(away)) if hosts == 1 else None,
    )
    error.exit_code = Exit.CANNOT_TELL
    raise error
