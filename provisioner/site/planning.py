"""A plan of a cluster as it is now: observe, then plan. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from provisioner.errors import Notice
from provisioner.kinds.phases import staged
from provisioner.kinds.registry import KINDS, desired
from provisioner.notices import few
from provisioner.plan import pipeline
from provisioner.plan.model import Desired, Plan
from provisioner.plan.rules import Rules, Seen
from provisioner.site.observe import observe
from provisioner.site.site import Site
from provisioner.spec.types import Spec


@dataclass(frozen=True)
class Planned:
    """A plan with what it was made from: what was ``looked`` at, and that again with what is
    unknown taken for what it is allowed to be."""

    plan: Plan
    seen: Seen
    looked: Seen

    def warnings(self, spec: Spec) -> list[Notice]:
        """What a person should know of the cluster as it is and no difference says."""
        view = self.seen.view
        found = [each for kind in KINDS.values() if view for each in kind.warnings(view, spec)]
        return few(found, lambda notice: notice)

    @property
    def wanted(self) -> Desired:
        """What the spec wants, with what only observations could tell."""
        return self.plan.wanted


def make_plan(site: Site, seen: Seen | None = None) -> Planned:
    """observe → plan → what of it is of ``--limit``'s hosts."""
    looked = seen if seen is not None else observe(site)
    site.spec = staged(site.spec, looked.things)
    things = pipeline.allowed(looked.things, site.options.allow)
    return Planned(plan_of(site, looked, rules(site)), replace(looked, things=things), looked)


def rules(site: Site) -> Rules:
    return Rules(KINDS, site.options.allow, site.rebuild)


def plan_of(site: Site, seen: Seen, by: Rules) -> Plan:
    """The plan of what was seen, by these rules."""
    wanted = desired(site.spec, [] if site.spec.bootstrap else site.places.values())
    plan = pipeline.plan(site.spec, wanted, seen, by)
    limit = site.options.limit
    return plan if limit is None else pipeline.limited(plan, limit)
