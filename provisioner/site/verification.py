"""What verify says: the plan that must be empty, and whether the cluster is healthy."""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.plan.model import Check, Plan, Report
from provisioner.site.health import checks, healthy
from provisioner.site.planning import make_plan
from provisioner.site.round_trip import round_trip
from provisioner.site.site import Site


@dataclass(frozen=True)
class Verified:
    plan: Plan
    checks: tuple[Check, ...]

    def into(self, report: Report) -> None:
        """What is said of it all; the plan that was shown before stays."""
        report.plan = report.plan or self.plan
        report.verified = self.plan
        report.in_sync, report.complete = self.plan.in_sync, self.plan.complete
        report.checks, report.healthy = list(self.checks), healthy(list(self.checks))


def verify(site: Site, *, trip: str = "") -> Verified:
    """``trip``: the id of a run; records then go through a temporary topic of that name."""
    planned = make_plan(site)
    found = checks(site, planned.seen.view, planned.seen.unavailable)
    if trip and healthy(found):
        found.append(round_trip(site, trip))
    return Verified(planned.plan, tuple(found))
