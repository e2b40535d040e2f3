"""Journal lines that are not written by a unit's own exec."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from provisioner.hosts.actor import Actor, Batch
from provisioner.hosts.transport import TransportError
from provisioner.plan.model import Change
from provisioner.run.journal import Journal


@dataclass(frozen=True)
class Records:
    """Writes them where they belong; what is of the cluster (host ``""``) and of no host, on the
    first of the ``hosts``, which are those that can be reached."""

    actor: Callable[[str], Actor]
    hosts: Sequence[str]
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
        where = host or min(self.hosts, default="")
        if where in self.hosts:
            line = self.journal.line(outcome, wave, changes, note)
            self.actor(where).act(Batch(done=line))

    def failed(self, host: str, wave: int, changes: Sequence[Change], why: str) -> None:
        """What failed and why. A failure to write it hides nothing."""
        first = why.strip().partition("\n")[0]
        with contextlib.suppress(TransportError):
            self.write("failed", host, wave, changes, first)

    def host_keys(self, notes: Mapping[str, Sequence[str]]) -> None:
        """Host keys that this run accepted or replaced, by host."""
        for host, said in sorted(notes.items()):
            for note in said:
                with contextlib.suppress(TransportError):
                    self.write("done", host, note=note)
