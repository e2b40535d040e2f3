"""A plan of a cluster as it is now: observe, then plan. Nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from provisioner.kinds.registry import KINDS, desired
from provisioner.plan import pipeline
from provisioner.plan.model import Desired, Plan
from provisioner.plan.rules import Rules, Seen
from provisioner.run.observe import observe
from provisioner.run.target import Target


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


def make_plan(target: Target, seen: Seen | None = None) -> Planned:
    """observe → plan → what of it is of ``--limit``'s hosts."""
    looked = seen if seen is not None else observe(target)
    things = pipeline.allowed(looked.things, target.options.allow)
    return Planned(plan_of(target, looked, rules(target)), replace(looked, things=things), looked)


def rules(target: Target) -> Rules:
    return Rules(KINDS, target.options.allow, target.rebuild)


def plan_of(target: Target, seen: Seen, by: Rules) -> Plan:
    """The plan of what was seen, by these rules."""
    wanted = desired(target.spec, target.places.values())
    plan = pipeline.plan(target.spec, wanted, seen, by)
    limit = target.options.limit
    return plan if limit is None else pipeline.limited(plan, limit)
