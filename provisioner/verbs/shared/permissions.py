"""``--allow``: a warning for each permission that has no effect."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from provisioner.plan.model import Plan
from provisioner.plan.rules import ALL
from provisioner.site.planning import Planned, plan_of, rules
from provisioner.site.site import Site


def warn_unused(site: Site, planned: Planned, useful: Collection[str] = ()) -> None:
    """A warning for each name, and each value of one, without which the plan would be the same.
    ``useful``: names that matter later than the plan (a gate checks ``offline``)."""
    for name in sorted(set(site.options.allow) - set(useful)):
        values = site.options.allow[name]
        if not permits(site, planned, name, frozenset()):
            _useless(site, name, values)
            continue
        for value in sorted(values - {ALL}):
            if not permits(site, planned, name, values - {value}):
                _useless(site, name, frozenset({value}))


def _useless(site: Site, name: str, values: Collection[str]) -> None:
    named = ",".join(sorted(value for value in values if value))
    site.options.warn(f"--allow {name}{'=' if named else ''}{named} permits nothing in this plan")


def permits(site: Site, planned: Planned, name: str, rest: frozenset[str]) -> bool:
    """Whether the plan would differ if of this permission only ``rest`` were given."""
    by = rules(site)
    fewer = {other: values for other, values in by.allow.items() if other != name}
    fewer |= {name: rest} if rest else {}
    other = plan_of(site, planned.looked, replace(by, allow=fewer))
    return _decided(other) != _decided(planned.plan)


def _decided(plan: Plan) -> set[tuple[str, str]]:
    """What would be done, and what would not."""
    found = {(str(change.id), str(change.action)) for change in plan.changes}
    found |= {(str(item.id), "deferred") for item in plan.deferred}
    found |= {(str(item.id), "refused") for item in plan.refused}
    return found | {(str(item.id), "unknown") for item in plan.unread}


def of_gates(site: Site) -> Collection[str]:
    """What the gates check before a stop."""
    return ("offline",) if site.spec.policy.offline_partitions == "refuse" else ()


def warn_of_paths(site: Site) -> None:
    """``destroy``: a named log dir that is not in this cluster, and names that ``destroy`` never
    uses."""
    allow = site.options.allow
    known = {log_dir.path for node in site.spec.known for log_dir in node.log_dirs}
    for path in sorted(allow.get("wipe-log-dir", frozenset()) - known):
        site.options.warn(
            f"--allow wipe-log-dir={path} permits nothing: no node of the spec has that folder"
        )
    for name in sorted(set(allow) - {"wipe-log-dir"}):
        site.options.warn(f"--allow {name} permits nothing: destroy asks only for wipe-log-dir")
