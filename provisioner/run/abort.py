"""Takes back what this tool has begun in Kafka and not ended; what somebody else began stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.kinds.ids import throttle_id
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Change, Desired, Gone, Id, Plan, State, UnknownState, Wave
from provisioner.plan.pipeline import NOT_ASKED
from provisioner.plan.rules import Seen
from provisioner.run.executor import Executor
from provisioner.run.session import Session
from provisioner.run.sweep import sweep_topics
from provisioner.site.observe import observe, with_notes


def begun(run: Session) -> tuple[Plan, Seen]:
    """What would be taken back, the kinds one after the other; where Kafka does not answer it is
    not known."""
    site = run.site
    seen = observe(site)
    if seen.view is None:
        why = seen.unavailable or NOT_ASKED
        return Plan(unread=(UnknownState(throttle_id(), why),)), seen
    view = seen.view if seen.view.noted is not None else with_notes(site, seen.view)
    wanted: dict[Id, State] = {}
    waves: list[Wave] = []
    for kind in KINDS.values():
        changes: list[Change] = []
        for id, observation in sorted(kind.read(view, site.spec).items()):
            found = kind.undo(id, observation)
            if found is not None:
                changes.append(found[0])
                wanted[id] = _after(found[1], [c.id for wave in waves for c in wave.changes])
        if changes:
            waves.append(Wave(len(waves) + 1, tuple(changes)))
    return Plan(tuple(waves), wanted=wanted), seen


def _after(state: State, ids: Sequence[Id]) -> State:
    """A throttle stays as long as something moves."""
    return replace(state, after=tuple(ids)) if isinstance(state, Gone) else state


def take_back(run: Session, plan: Plan, seen: Seen) -> None:
    """Carries it out, and removes the temporary topics that killed runs left."""
    desired: Desired = plan.wanted
    Executor(run, desired, seen.things).carry_out(plan.waves)
    if not run.results.failed and not run.stop.is_set():
        sweep_topics(run)
