"""What must be so before a run changes anything: artifacts at hand, and Kafka's answer where what
runs is about to give one."""

from __future__ import annotations

from provisioner.errors import ProvisionError, fail
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Change, Event, Layer, Plan
from provisioner.run.converge import below, layer_of
from provisioner.run.session import Session
from provisioner.run.settling import wait_in_sync
from provisioner.site import preflight
from provisioner.site.planning import Planned, make_plan
from provisioner.site.site import Site, ensure_artifacts


def fetched(site: Site) -> Planned:
    """A plan whose artifacts are all here, before anything is changed."""
    if any(prepared.pending for prepared in site.prepared.values()):
        ensure_artifacts(site)
    planned = make_plan(site)
    if _sends(planned.plan) and ensure_artifacts(site):
        planned = make_plan(site)
    return planned


def _sends(plan: Plan) -> bool:
    """Whether it has distributions for hosts."""
    return any(KINDS[change.id.kind].artifact for change in plan.changes)


def awaited(run: Session, planned: Planned) -> Planned:
    """The plan, made again when Kafka answers: with nothing to do to its hosts, a Kafka whose
    processes run is one that starts, and what its topics lack is seen a moment later."""
    if not starting(run.site, planned):
        return planned
    why = planned.seen.unavailable
    run.emit(Event("waiting", why, about="kafka"))
    wait_in_sync(run)
    return planned if run.stop.is_set() else make_plan(run.site)


def starting(site: Site, planned: Planned) -> bool:
    """Whether the plan was made without Kafka's answer, though brokers run as they should."""
    seen = planned.seen
    if seen.view is not None or seen.stranger or below(planned.plan):
        return False
    return any(
        kind.runs(seen.things.get(id))
        for kind in KINDS.values()
        for id in kind.answering(site.spec)
    )


def may_become_whole(site: Site, planned: Planned, applied: list[Change]) -> bool:
    """Whether what runs may come to be whole: for nothing, or for what is held, there is no
    waiting."""
    if any(KINDS[item.id.kind].layer is Layer.NODE for item in planned.plan.refused):
        return False
    if any(layer_of(change) is Layer.NODE for change in applied):
        return True
    things = planned.seen.things
    ids = [(kind, id) for kind in KINDS.values() for id in kind.processes(site.spec)]
    return any(kind.runs(things.get(id)) for kind, id in ids)


def check_before_rebuild(site: Site) -> None:
    """What would stop a rebuild half way is asked before anything is emptied."""
    if site.spec.migration:
        raise fail(
            "refused",
            "--rebuild makes a cluster anew, and a new one is not migrated",
            "write controllers without zookeeper and migration",
        )
    ensure_artifacts(site)
    found = preflight.preflight(site)
    # What runs on the ports is the rebuild's own business; it names who may not be ended.
    problems = [p for p in found.problems if p.code in ("disk-full", "not-permitted")]
    if problems:
        raise ProvisionError(problems)
