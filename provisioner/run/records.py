"""Journal lines that are not written by a unit's own exec."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provisioner.hosts.actor import Actor, Batch
from provisioner.hosts.transport import TransportError
from provisioner.plan.model import Change
from provisioner.run.journal import Journal

MOST = 60_000
"""Characters of what changed, and of what is noted, in one line: a line is one argument of a
command, which Linux lets have 131,072 bytes."""
LABEL = 12
"""Characters around each of them: the action, quotes, a comma."""

Noted = Mapping[str, Mapping[str, object]]


def pieces(changes: Sequence[Change], noted: Noted) -> Iterator[tuple[list[Change], Noted]]:
    """What goes into one line each: changes, and what is noted of things, by id. At least one."""
    some: list[Change] = []
    known: dict[str, dict[str, object]] = {}
    size = 0
    for change in changes:
        if size > MOST:
            yield some, known
            some, known, size = [], {}, 0
        some.append(change)
        size += len(str(change.id)) + LABEL
        for name, value in noted.get(str(change.id), {}).items():
            if size > MOST:
                yield some, known
                some, known, size = [], {}, 0
            known.setdefault(str(change.id), {})[name] = value
            size += len(name) + len(str(value)) + LABEL
    yield some, known


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
        noted: Noted | None = None,
    ) -> None:
        """Raises TransportError."""
        where = host or min(self.hosts, default="")
        if where in self.hosts:
            for some, known in pieces(changes, noted or {}):
                line = self.journal.line(outcome, wave, some, note, noted=known)
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
