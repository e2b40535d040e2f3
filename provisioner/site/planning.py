"""A plan of a cluster as it is now: observe, then plan. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from provisioner.kinds.registry import KINDS, desired
from provisioner.plan import pipeline
from provisioner.plan.model import Desired, Plan
from provisioner.plan.rules import Rules, Seen
from provisioner.site.observe import observe
from provisioner.site.site import Site


@dataclass(frozen=True)
class Planned:
    """A plan with what it was made from: what was ``looked`` at, and that again with what is
    unknown taken for what it is allowed to be."""

    plan: Plan
    seen: Seen
    looked: Seen

    @property
    def wanted(self) -> Desired:
        """What the spec wants, with what only observations could tell."""
        return self.plan.wanted


def make_plan(site: Site, seen: Seen | None = None) -> Planned:
    """observe → plan → what of it is of ``--limit``'s hosts."""
    looked = seen if seen is not None else observe(site)
    things = pipeline.allowed(looked.things, site.options.allow)
    return Planned(plan_of(site, looked, rules(site)), replace(looked, things=things), looked)


def rules(site: Site) -> Rules:
    return Rules(KINDS, site.options.allow, site.rebuild)


def plan_of(site: Site, seen: Seen, by: Rules) -> Plan:
    """The plan of what was seen, by these rules."""
    wanted = desired(site.spec, site.places.values())
    plan = pipeline.plan(site.spec, wanted, seen, by)
    limit = site.options.limit
    return plan if limit is None else pipeline.limited(plan, limit)
