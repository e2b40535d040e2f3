"""What must stay as it was set for as long as something is waited for."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from provisioner.kafka.port import ClusterView, KafkaRefused, KafkaUnavailable
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Call, Change, Desired, Event, Gone, Id, State
from provisioner.run.session import Session

EVERY = 1.0
"""Seconds between two mendings of the same thing: brokers tell of one a moment later."""


@dataclass
class Upkeep:
    """Called with each view of a wait. ``states``: the things that are kept up, as they should be;
    ``first``: the view since which is measured, and when that was."""

    session: Session
    states: dict[Id, State]
    first: tuple[ClusterView, float] | None = None
    mended: dict[Id, float] = field(default_factory=dict)

    @classmethod
    def of(cls, session: Session, desired: Desired, awaited: Iterable[Id]) -> Upkeep:
        """Of what the awaited things are made from."""
        ids = {id for each in awaited if each in desired for id in desired[each].inputs}
        kept = {
            id: desired[id]
            for id in ids
            if KINDS[id.kind].upkeep is not None
            and id in desired
            and not isinstance(desired[id], Gone)
        }
        return cls(session, kept)

    def look(self, view: ClusterView) -> None:
        now = time.monotonic()
        first, since = self.first = self.first or (view, now)
        for id, state in self.states.items():
            mend = KINDS[id.kind].upkeep
            if mend is None or now - self.mended.get(id, now - EVERY) < EVERY:
                continue
            seen = KINDS[id.kind].read(view, self.session.site.spec)
            change = mend(id, state, seen, view, first, now - since)
            if change is not None:
                self.mended[id] = now
                self._mend(change, state)
                self.first = None

    def _mend(self, change: Change, state: State) -> None:
        """In the journal first, as any change; what cannot be done now is tried again later."""
        run, kind = self.session, KINDS[change.id.kind]
        if run.lock.lost or not run.holds_lock():
            return
        state = State({**state.fields, **(change.after or {})}, state.inputs, args=state.args)
        self.states[change.id] = state
        noted = {str(change.id): kind.noted(change, state)}
        run.records.write("intent", changes=[change], noted=noted)
        run.site.note(noted)
        for step in kind.steps(change, state):
            if isinstance(step, Call):
                with contextlib.suppress(KafkaRefused, KafkaUnavailable):
                    run.kafka.send(step.request)
        run.emit(Event("note", change.reason, change=change))
