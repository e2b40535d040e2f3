"""The class-data archive of a cluster that was started without: made last, for later starts.

It costs as much as the start of a broker, so nothing waits for it: what is to be up comes first.
"""

from __future__ import annotations

from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Event
from provisioner.run.converge import converge
from provisioner.run.session import Session
from provisioner.site.planning import make_plan
from provisioner.site.site import awaited_archives, make_archives


def bring_archives(run: Session) -> None:
    """Makes and sends what a run that sent Kafka to hosts had no archive for.

    Only once everything else is done. What the next plan has besides is left to the next run, for
    this one has named everything that it would do.
    """
    sent = any(KINDS[change.id.kind].artifact for change in run.results.applied)
    if not sent or run.stop.is_set() or not awaited_archives(run.site):
        return
    run.emit(Event("note", about="archive"))
    if not make_archives(run.site) or run.stop.is_set() or run.lock.lost:
        return
    planned = make_plan(run.site)
    if all(KINDS[change.id.kind].artifact for change in planned.plan.changes):
        converge(run, planned)
