"""The rounds of an apply: do what can be done now, then plan again."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from provisioner.errors import fail
from provisioner.kafka.port import KafkaRefused, KafkaUnavailable
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Change, Event, Id, Layer, Plan, Wave
from provisioner.run import planning
from provisioner.run.executor import Executor
from provisioner.run.health import settle, sweep
from provisioner.run.observe import observe
from provisioner.run.planning import Planned
from provisioner.run.results import Results
from provisioner.run.target import Target


def carry_out(
    target: Target, runner: Executor, planned: Planned, emit: Callable[[Event], None]
) -> Results:
    """The hosts' layers, then a new answer from Kafka, then the cluster's layer. If changes that
    the first plan deferred turn out to be on hosts, there is another round."""
    results = runner.results
    named: set[Id] = set()
    for _ in range(ROUNDS):
        waves = below(planned.plan)
        if not waves:
            break
        named |= {change.id for change in planned.plan.changes}
        named |= {item.id for item in planned.plan.deferred}
        runner.desired, runner.seen = planned.wanted, planned.seen.things
        runner.carry_out(waves)
        if results.failed or runner.stop.is_set():
            return _rest_not_started(results, planned.plan.changes)
        if any(c.id.kind == "service" for c in results.applied):
            target.cluster().refresh()
            settle(target, emit, runner.stop, kept_down(planned))
        known = None if _open(planned.plan) else runner.seen
        planned = planning.make_plan(target, observe(target, known=known))
        _unexpected(planned.plan, named)
        for change in planned.plan.changes:
            results.undone(change, emit)
        if results.failed:
            return _rest_not_started(results, planned.plan.changes)
    if below(planned.plan):
        return _rest_not_started(results, planned.plan.changes)
    if not planned.plan.unread:
        sweep(target, emit)
    runner.desired, runner.seen = planned.wanted, planned.seen.things
    runner.carry_out(planned.plan.waves)
    bounced = [c for c in results.applied if c.id.kind == "service"]
    if any(c.action in ("start", "restart") for c in bounced) and not results.failed:
        prefer_leaders(target, emit)
    return results


def _rest_not_started(results: Results, changes: Sequence[Change]) -> Results:
    """The part of a plan that was not reached."""
    told = {c.id for c in results.applied} | {c.id for c, _ in results.failed}
    told |= {c.id for c in results.not_started}
    results.not_started += [c for c in changes if c.id not in told]
    return results


ROUNDS = 3
"""At most the hosts' layers: host changes that a later plan still has are not started."""


def below(plan: Plan) -> list[Wave]:
    """The waves of the hosts' layers."""
    return [w for w in plan.waves if _layer(w.changes[0]) is not Layer.CLUSTER]


def _open(plan: Plan) -> bool:
    """Whether the hosts must be read again after this plan: it left something on them open.
    Otherwise each unit has read its own results, and verify reads everything."""
    ids = [item.id for item in plan.deferred] + [item.id for item in plan.refused]
    return bool(plan.unread) or any(id.host for id in ids)


def kept_down(planned: Planned) -> set[str]:
    """The nodes that are down and are not started now, for example because a disk is not
    mounted."""
    left = [d.id for d in planned.plan.deferred] + [r.id for r in planned.plan.refused]
    return {id.name for id in left if id.kind == "service"}


def prefer_leaders(target: Target, emit: Callable[[Event], None]) -> None:
    """Gives each partition back to its preferred leader. Kafka does this itself within minutes,
    so a refusal is only a note."""
    try:
        target.cluster().elect_preferred_leaders()
    except (KafkaUnavailable, KafkaRefused) as error:
        emit(Event("note", f"the preferred leaders were not elected: {error}"))


def _layer(change: Change) -> Layer:
    return KINDS[change.id.kind].layer


def _unexpected(plan: Plan, named: set[Id]) -> None:
    """A change that no plan of this run named or deferred was caused by somebody else: stop, do
    not guess."""
    strange = [c for c in plan.changes if _layer(c) is not Layer.CLUSTER and c.id not in named]
    if strange:
        listed = ", ".join(str(c.id) for c in strange[:3])
        raise fail(
            "stale-plan",
            f"something else changed during this run: {listed}",
            "run provision apply again; it continues from the current state",
        )
