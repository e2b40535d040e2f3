"""Journal lines that are not written by a unit's own exec."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from provisioner.hosts.actor import Batch
from provisioner.hosts.transport import TransportError
from provisioner.plan.model import Change
from provisioner.run.actors import actor_on
from provisioner.run.journal import Journal
from provisioner.run.lock import Lock
from provisioner.run.target import Target


def journal_host_keys(target: Target, lock: Lock, command: str) -> None:
    """Host keys that this run accepted or replaced, in the journals of their hosts."""
    journal = Journal(secrets.token_hex(4), command, target.spec.digest)
    records = Records(target, lock, journal)
    for host, shell in sorted(target.shells.items()):
        for note in shell.connection.notes:
            with contextlib.suppress(TransportError):
                records.write("done", host, note=note)


@dataclass(frozen=True)
class Records:
    """Writes them on their host; lines of the cluster (host ``""``), or of no host, on the first
    host that has the lock."""

    target: Target
    lock: Lock
    journal: Journal

    def write(
        self,
        outcome: str,
        host: str = "",
        wave: int = 0,
        changes: Sequence[Change] = (),
        note: str = "",
    ) -> None:
        """Raises TransportError."""
        where = host or min(self.target.shells, default="")
        if where in self.target.shells:
            line = self.journal.line(outcome, wave, changes, note)
            actor_on(self.target, where, self.lock.token).act(Batch(done=line))

    def failed(self, host: str, wave: int, changes: Sequence[Change], why: str) -> None:
        """What failed and why. A failure to write it hides nothing."""
        first = why.strip().partition("\n")[0]
        with contextlib.suppress(TransportError):
            self.write("failed", host, wave, changes, first)
