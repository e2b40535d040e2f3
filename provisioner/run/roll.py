"""How running nodes are bounced, by ``policy.roll``: how many together, what is proved after the
first of them, and how long is waited between two batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from provisioner.plan.model import Change, Desired, Event, Wave
from provisioner.plan.order import MAY_STOP
from provisioner.run.canary import complaints
from provisioner.run.limits import Allowance, bounced_by
from provisioner.run.results import Results
from provisioner.run.waits import WaitInterrupted
from provisioner.site.site import Site
from provisioner.spec.types import Rolling


@dataclass
class Roll:
    """The bounces of one run, over all its rounds. ``bounced``: those that were done, in their
    order; ``proved``: the first of them, the canary, was looked at. ``took``: seconds of all, with
    what they waited for and what was between them."""

    site: Site
    emit: Callable[[Event], None]
    stop: threading.Event
    allowance: Allowance
    results: Results
    bounced: list[Change] = field(default_factory=list)
    proved: bool = False
    took: float = 0.0

    @property
    def policy(self) -> Rolling:
        return self.site.spec.policy.roll

    def most(self, wave: Wave) -> int:
        """How many nodes may be bounced together now, where their replicas allow it."""
        if not _is_bounce(wave):
            return 1
        most = self.policy.parallel
        if len(self.bounced) < self.policy.canary:
            most = min(most, self.policy.canary - len(self.bounced))
        if self.allowance.left is not None:
            most = min(most, self.allowance.left)
        return max(1, most)

    def alike(self, wave: Wave, left: Sequence[Wave]) -> list[Change]:
        """The bounces right after this one: what may go with it."""
        found: list[Change] = []
        if self.most(wave) == 1:
            return found
        for later in left:
            if not _is_bounce(later):
                break
            if self.allowance.in_time(later.changes):
                found += later.changes
        return found

    def before(self, wave: Wave, desired: Desired) -> None:
        """Between two batches: the canary is looked at, then the pause. A canary that is not well
        has failed. Raises WaitInterrupted."""
        if not self.bounced or not _is_bounce(wave):
            return
        began = time.monotonic()
        try:
            self._between(desired)
        finally:
            self.took += time.monotonic() - began

    def _between(self, desired: Desired) -> None:
        canary = self.policy.canary
        if 0 < canary <= len(self.bounced) and not self.proved:
            self.proved = True
            first = self.bounced[:canary]
            self.emit(Event("note", about="canary", subject=", ".join(c.id.name for c in first)))
            self._failed(complaints(self.site, first, desired, self.emit, self.stop))
        if self.policy.pause and not self.results.failed:
            self.emit(Event("waiting", f"{self.policy.pause:g}", about="pause"))
            if self.stop.wait(self.policy.pause):
                raise WaitInterrupted("interrupted in the pause between two batches")

    def _failed(self, found: Sequence[tuple[Change, str]]) -> None:
        for change, why in found:
            if change in self.results.applied:
                self.results.applied.remove(change)
            self.results.failed.append((change, why))
            self.emit(Event("failed", why, change.id.host, change))

    def done(self, wave: Wave, seconds: float) -> None:
        """A wave is over, one way or the other."""
        self.allowance.took(wave.changes, seconds)
        bounces = bounced_by(wave.changes)
        if bounces:
            self.took += seconds
        self.bounced += [change for change in bounces if change in self.results.applied]


def _is_bounce(wave: Wave) -> bool:
    """Whether it is the restart of one running node."""
    return wave.gate == MAY_STOP and len(wave.changes) == 1 == len(bounced_by(wave.changes))
