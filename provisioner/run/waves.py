"""The waves of a round in their order: which is begun, when its gate lets it go, and what goes with
it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Change, Desired, Event, Id, Layer, Observed, Wave
from provisioner.plan.order import ACCEPTED
from provisioner.run.acceptance import ask_kafka
from provisioner.run.gates import wait_recovered
from provisioner.run.results import NotAccepted, Overtaken, Results
from provisioner.run.session import Session
from provisioner.run.waits import NoProgress, WaitInterrupted
from provisioner.site.site import Site

MOST_OVERTAKEN = 20
"""How often the stop of a broker that is to go is put off in one run."""


@dataclass
class Waves:
    """One round of a session: what is wanted, what was last seen, what is still to come.

    ``waited``: seconds that the wave under way has waited for its gate.
    """

    session: Session
    desired: Desired
    seen: Observed
    coming: list[Change] = field(default_factory=list)
    waited: float = 0.0

    @property
    def site(self) -> Site:
        return self.session.site

    @property
    def results(self) -> Results:
        return self.session.results

    def gate(self, wave: Wave, others: Sequence[Change] = ()) -> Sequence[Change]:
        """Waits until a gated wave may begin; which of the ``others`` begin with it. Raises
        NoProgress or NotAccepted."""
        if wave.gate == ACCEPTED:
            ask_kafka(self.session, self.desired, wave)
            return ()
        return self.session.may_stop(wave, others, self.session.roll.most(wave))

    def carry_out(self, waves: Sequence[Wave]) -> Results:
        """The waves in order, nodes that may be down together in one. After a failure the rest is
        not started; after a refusal of Kafka, only what is made from what it refused."""
        left = list(waves)
        while left:
            wave, left = left[0], left[1:]
            try:
                if self._is_over(wave):
                    self.results.not_started += wave.changes
                    continue
                began = time.monotonic()
                if wave.gate:
                    wave, left = self._opened(wave, left)
                    if self._ended(wave):  # it may have waited for long
                        self.results.not_started += wave.changes
                        continue
                else:
                    wait_recovered(self.site, _stops(wave), self.session.emit, self.session.stop)
                self.waited = time.monotonic() - began
                self.coming = [c for later in left for c in later.changes]
                self._wave(wave)
                self.session.roll.done(wave, time.monotonic() - began)
            except WaitInterrupted:
                self.results.not_started += wave.changes
            except Overtaken as late:
                self._overtaken(wave, late.change)
            except NotAccepted as refusal:
                self._gave_up(wave, refusal.reasons)
            except NoProgress as stuck:
                self._gave_up(wave, {wave.changes[0].id: str(stuck)})
        return self.results

    def _opened(self, wave: Wave, left: list[Wave]) -> tuple[Wave, list[Wave]]:
        """The wave once its gate let it go, with the later changes that go with it; the waves that
        are left then."""
        others = self.session.roll.alike(wave, left)
        chosen = tuple(self.gate(wave, others))
        rest = [later for later in left if not any(c in chosen for c in later.changes)]
        return replace(wave, changes=(*wave.changes, *chosen)), rest

    def _is_over(self, wave: Wave) -> bool:
        """Whether nothing is begun any more: something failed, a signal came, the lock is lost, or
        a limit is reached; also after what is between two bounces. Raises WaitInterrupted."""
        if self._ended(wave):
            return True
        self.session.roll.before(wave, self.desired)
        return self._ended(wave)

    def _ended(self, wave: Wave) -> bool:
        over = self.results.broken or self.session.stop.is_set() or self.session.lock.lost
        return bool(over) or self.session.allowance.ends(wave)

    def _overtaken(self, wave: Wave, change: Change) -> None:
        """Left to the next round, a few times."""
        done = self.results.overtaken
        done.append(change)
        if sum(each.id == change.id for each in done) > MOST_OVERTAKEN:
            why = "others put replicas on it as fast as they are moved away"
            self._gave_up(wave, {change.id: why})

    def _gave_up(self, wave: Wave, reasons: Mapping[Id, str]) -> None:
        """The gate did not open: nothing of the wave was started."""
        for change in wave.changes:
            why = reasons.get(change.id)
            if why is None:
                self.results.not_started.append(change)
                continue
            self.results.failed.append((change, why))
            self.session.emit(Event("failed", why, change.id.host, change))
            self.session.records.failed(change.id.host, wave.number, wave.changes, why)

    def _wave(self, wave: Wave) -> None:
        """Carries one out; what became of it is in ``results``."""
        raise NotImplementedError


def _stops(wave: Wave) -> list[Change]:
    """The processes that it ends."""
    nodes = [c for c in wave.changes if KINDS[c.id.kind].layer is Layer.NODE]
    return [change for change in nodes if change.action in ("stop", "restart")]
