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
from provisioner.kafka.port import KafkaReader, KafkaWriter
from provisioner.plan.model import Event, Wave
from provisioner.run.gates import gate
from provisioner.run.journal import Journal, whoami
from provisioner.run.lock import Lock, LockFile
from provisioner.run.records import Records
from provisioner.run.results import Results
from provisioner.site.site import Site
from provisioner.site.stopping import Stop, stopping

Emit = Callable[[Event], None]


def _over_its_connections(reader: KafkaReader) -> KafkaWriter:
    from provisioner.kafka.client import KafkaClient
    from provisioner.kafka.writer import Writer

    assert isinstance(reader, KafkaClient)
    return Writer(reader)


@dataclass
class Session:
    """One run. ``stop`` is set by a signal: no further unit is begun. ``results``: what became of
    its changes, over all rounds. ``may_stop(wave)`` waits until the nodes of a wave may be stopped
    (``gates.gate``)."""

    site: Site
    lock: Lock
    journal: Journal
    emit: Emit
    stop: threading.Event = field(default_factory=threading.Event)
    results: Results = field(default_factory=Results)
    writes: Callable[[KafkaReader], KafkaWriter] = _over_its_connections
    may_stop: Callable[[Wave], None] = field(init=False)

    def __post_init__(self) -> None:
        self.may_stop = gate(self.site, self.emit, self.stop)

    def actor(self, host: str) -> Actor:
        """What may change that host, for as long as the lock is held."""
        places = self.site.places[host]
        token = LockToken(places.state, self.lock.token, places.state_user)
        return Actor(self.site.shells[host], token)

    @property
    def kafka(self) -> KafkaWriter:
        """What may change Kafka, over the connections that look at it."""
        return self.writes(self.site.cluster())

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
    if len(site.shells) * 2 > hosts:
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
