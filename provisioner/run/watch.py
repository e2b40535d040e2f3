"""What those who watch see of a node that is waited for: it starts, recovers logs, registers."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field

from provisioner.hosts.observer import Reading
from provisioner.kinds.registry import KINDS
from provisioner.kinds.service.recovery import SCRIPT, recovered
from provisioner.plan.model import Change, Desired, Id, Layer, Phase, Progress
from provisioner.site.site import Site

EVERY = 2.0
"""Seconds between two looks into a node's log."""


@dataclass
class Watch:
    """``looked``: when each node's log was last read; ``known``: what it told."""

    site: Site
    desired: Desired
    looked: dict[Id, float] = field(default_factory=dict)
    known: dict[Id, tuple[int, int] | None] = field(default_factory=dict)

    def tell(self, change: Change, awaited: Id, now: float) -> None:
        """Tells what the node of ``change`` is doing. Nothing where nobody watches, and of changes
        that are none of a node."""
        options, node = self.site.options, change.id
        if not options.watched or KINDS[node.kind].layer is not Layer.NODE:
            return
        self._look(node, now)
        counts = self.known.get(node)
        if counts is not None:
            options.progress(Progress("recover", node.name, node.host, *counts, "logs"))
            return
        phase: Phase = "start" if awaited == node else "register"
        options.progress(Progress(phase, node.name, node.host))

    def _look(self, node: Id, now: float) -> None:
        """Into the node's log, now and then; what cannot be read is not told."""
        if now - self.looked.setdefault(node, now) < EVERY:
            return
        self.looked[node] = now
        self.known[node] = None
        with contextlib.suppress(Exception):
            log = str(self.desired[node].args["log"])
            reading = Reading(SCRIPT, (log,), self.site.places[node.host].kafka_user)
            frame = self.site.observer(node.host).read([reading])[0]
            self.known[node] = recovered(frame.text) if frame else None
