"""What a node that is waited for does: it starts, recovers logs, registers."""

from __future__ import annotations

from dataclasses import dataclass, field

from provisioner.kinds.registry import KINDS
from provisioner.kinds.service.recovery import Recovery
from provisioner.plan.model import Change, Id, Layer, Phase, Progress
from provisioner.site.recovering import recovering
from provisioner.site.site import Site

EVERY = 2.0
"""Seconds between two looks into a node's log, and before the first."""


@dataclass
class Watch:
    """``looked``: when each node's log was last read; ``known``: what it told."""

    site: Site
    looked: dict[Id, float] = field(default_factory=dict)
    known: dict[Id, Recovery | None] = field(default_factory=dict)

    def recovery(self, change: Change, now: float) -> Recovery | None:
        """How far the node of ``change`` has come with its logs; None where it recovers none, and
        for changes that are none of a node."""
        node = change.id
        if KINDS[node.kind].layer is not Layer.NODE:
            return None
        if now - self.looked.setdefault(node, now) >= EVERY:
            self.looked[node] = now
            nodes = [self.site.spec.node(node.name)]
            self.known[node] = recovering(self.site, nodes).get(node.name)
        return self.known.get(node)

    def tell(self, change: Change, awaited: Id) -> None:
        """Tells those who watch what the node of ``change`` is doing."""
        options, node = self.site.options, change.id
        if not options.watched or KINDS[node.kind].layer is not Layer.NODE:
            return
        counts = self.known.get(node)
        if counts is not None:
            done, total, what = counts.shown
            options.progress(Progress("recover", node.name, node.host, done, total, what))
            return
        phase: Phase = "start" if awaited == node else "register"
        options.progress(Progress(phase, node.name, node.host))
