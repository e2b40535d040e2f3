"""A run converges: look, plan, do what can be done now, until nothing is left to do.

One loop for all layers. Each round does the lowest layer that has something to do: files and
processes first, then Kafka's own objects. What a plan deferred the plans after it may do; what no
plan of the run named or foresaw is somebody else's doing, and ends it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from provisioner.errors import fail
from provisioner.kafka.port import KafkaRefused, KafkaUnavailable
from provisioner.kinds.ids import refill_id, service_id
from provisioner.kinds.registry import KINDS
from provisioner.plan import basis, pipeline
from provisioner.plan.model import Change, Event, Id, Layer, Plan, Wave
from provisioner.plan.order import NEEDS
from provisioner.run.executor import Executor
from provisioner.run.missed import wait_missed
from provisioner.run.session import Session
from provisioner.run.settling import wait_in_sync
from provisioner.run.sweep import sweep_topics
from provisioner.site.observe import observe
from provisioner.site.planning import Planned, make_plan
from provisioner.spec.types import Spec


@dataclass
class Rounds:
    """``named``: what the plans of this run named or foresaw."""

    run: Session
    planned: Planned
    named: set[Id] = field(default_factory=set)

    def converge(self) -> None:
        """Fills the session's results; what was not come to is in ``not_started``. Raises
        ``stale-plan``."""
        while waves := self._next_round():
            done = self._carry_out(waves)
            if self._ended():
                return self._rest()
            if is_last(waves, self.planned.plan):
                break
            self._look_again(waves, done)
            if self._ended():
                return self._rest()
        if not self.planned.plan.unread:
            sweep_topics(self.run)
        return None

    def _next_round(self) -> list[Wave]:
        """Without what Kafka has refused in this run, and what is made from that."""
        self._named(self.planned.plan)
        if not below(self.planned.plan):
            self._until_missed()
        rest, results = [], self.run.results
        for wave in next_round(self.planned.plan):
            left = results.without(wave.changes, self.planned.wanted)
            if left:
                rest.append(
                    wave if len(left) == len(wave.changes) else replace(wave, changes=tuple(left))
                )
        return rest

    def _until_missed(self) -> None:
        """What a process needs before it starts is done by a Kafka that knows that it is down."""
        view, needing = self.planned.seen.view, _needing(self.planned.plan)
        brokers = {node.id for node in self.run.site.spec.brokers if service_id(node) in needing}
        if view is None or not brokers & view.alive:
            return
        wait_missed(self.run, brokers)
        found = make_plan(self.run.site, observe(self.run.site))
        self.planned = within(found, self.run.bound, self.run.site.spec)
        self._named(self.planned.plan)

    def _named(self, plan: Plan) -> None:
        self.named |= {change.id for change in plan.changes}
        self.named |= {item.id for item in plan.deferred}
        # A Kafka that did not answer is asked again: what it then tells is no surprise.
        self.named |= {item.id for item in plan.unread if not item.id.host}

    def _carry_out(self, waves: Sequence[Wave]) -> Executor:
        executor = Executor(self.run, self.planned.wanted, self.planned.seen.things)
        executor.carry_out(waves)
        return executor

    def _look_again(self, waves: Sequence[Wave], done: Executor) -> None:
        """Another look and another plan. What was done and differs again has failed, so a round
        that changed nothing is the last."""
        changes = [change for wave in waves for change in wave.changes]
        if any(map(bounces, changes)):
            self.run.site.cluster().refresh()
            filled = filled_after(self.planned.plan, self.run.site.spec)
            wait_in_sync(self.run, kept_down(self.planned), filled)
        plan = self.planned.plan
        known = None if _must_look(plan) else done.seen
        found = make_plan(self.run.site, observe(self.run.site, known=known))
        self.planned = within(found, self.run.bound, self.run.site.spec)
        _unexpected(self.planned.plan, self.named, self.run.site.spec)
        self.run.results.undone(self.planned.plan.changes, self.run.emit, self._passes)

    def _passes(self, change: Change) -> int:
        return KINDS[change.id.kind].passes(change.id, self.run.site.spec)

    def _ended(self) -> bool:
        run = self.run
        over = run.results.broken or run.stop.is_set() or run.lock.lost or run.allowance.ended
        return bool(over)

    def _rest(self) -> None:
        """What of the plan was not come to."""
        results = self.run.results
        told = {c.id for c in results.applied} | {c.id for c, _ in results.failed}
        told |= {c.id for c in results.not_started}
        results.not_started += [c for c in self.planned.plan.changes if c.id not in told]


def within(planned: Planned, bound: Collection[Id] | None, spec: Spec) -> Planned:
    """What may be done by a run of a saved plan, which names the things that it is ``bound`` to."""
    if bound is None:
        return planned
    plan = planned.plan
    part = pipeline.only(plan, lambda id: basis.belongs(id, bound, plan, spec, KINDS))
    return replace(planned, plan=part)


def converge(run: Session, planned: Planned) -> None:
    """The rounds of a run; at its end each partition is led by its preferred leader again."""
    Rounds(run, planned).converge()
    if run.stop.is_set() or run.lock.lost or run.results.broken:
        return
    bounced = [c for c in run.results.applied if layer_of(c) is Layer.NODE]
    started = any(c.action in ("start", "restart") for c in bounced)
    if started and run.allowance.ended:
        # The round was broken off: what was bounced last is still catching up.
        run.site.cluster().refresh()
        filled = filled_after(planned.plan, run.site.spec)
        wait_in_sync(run, kept_down(planned), filled)
    if started or any(KINDS[c.id.kind].reorders for c in run.results.applied):
        prefer_leaders(run)


def next_round(plan: Plan) -> list[Wave]:
    """The waves of hosts; where there is nothing to do on hosts what of the cluster a process needs
    before it starts; or else all of the cluster."""
    return below(plan) or _needed(plan) or list(plan.waves)


def _needing(plan: Plan) -> Mapping[Id, Collection[Id]]:
    """What waits for something of the cluster, and for what."""
    states = {item.id: plan.wanted.get(item.id) for item in plan.deferred}
    found = {id: state.args.get(NEEDS, ()) for id, state in states.items() if state is not None}
    return {id: needs for id, needs in found.items() if needs}


def _needed(plan: Plan) -> list[Wave]:
    needs = {id for ids in _needing(plan).values() for id in ids}
    found = [tuple(c for c in wave.changes if c.id in needs) for wave in plan.waves]
    pairs = zip(plan.waves, found, strict=True)
    return [replace(wave, changes=changes) for wave, changes in pairs if changes]


def is_last(waves: Sequence[Wave], plan: Plan) -> bool:
    """Whether nothing can come after this round: it was the cluster's, and nothing waited for it.
    That it took is what verify sees."""
    return layer_of(waves[0].changes[0]) is Layer.CLUSTER and not plan.deferred


def below(plan: Plan) -> list[Wave]:
    """The waves of the hosts' layers."""
    return [w for w in plan.waves if layer_of(w.changes[0]) is not Layer.CLUSTER]


def bounces(change: Change) -> bool:
    """Whether a process comes or goes. What is only noted of one (a hold) changes nothing that
    could be waited for, and what it is in the way of is yet to come."""
    return layer_of(change) is Layer.NODE and change.action != "update"


def layer_of(change: Change) -> Layer:
    return KINDS[change.id.kind].layer


def _must_look(plan: Plan) -> bool:
    """Whether the hosts must be looked at again after this plan: it left something of theirs open.
    Otherwise each unit has read what it did, and verify reads everything."""
    ids = [item.id for item in plan.deferred] + [item.id for item in plan.refused]
    return bool(plan.unread) or any(id.host for id in ids)


def kept_down(planned: Planned) -> set[str]:
    """The nodes that do not run and are not started now: their disk is not mounted, say."""
    later = [d.id for d in planned.plan.deferred if not (d.foreseen and d.action == "restart")]
    left = later + [r.id for r in planned.plan.refused]
    return {id.name for id in left if KINDS[id.kind].layer is Layer.NODE}


def filled_after(plan: Plan, spec: Spec) -> frozenset[int]:
    """The brokers whose replicas are waited for in a later round, while the throttle is kept up."""
    later = {item.id for item in plan.deferred} | {change.id for change in plan.changes}
    return frozenset(node.id for node in spec.brokers if refill_id(node.id) in later)


def prefer_leaders(run: Session) -> None:
    """Gives each partition back to its preferred leader. Kafka does it by itself within minutes:
    that it could not be asked now is worth a line, not a failure."""
    try:
        run.kafka.elect_preferred_leaders()
    except (KafkaUnavailable, KafkaRefused) as error:
        run.emit(Event("note", str(error), about="not-elected"))


def _unexpected(plan: Plan, named: Collection[Id], spec: Spec) -> None:
    """What no plan of this run named or deferred is somebody else's doing: stop, do not guess. What
    a run does again as others undo it, it also does of what they add."""
    strange = [
        change
        for change in plan.changes
        if change.id not in named
        and not KINDS[change.id.kind].by_runs(spec)
        and KINDS[change.id.kind].passes(change.id, spec) == 1
    ]
    if strange:
        listed = ", ".join(str(change.id) for change in strange[:3])
        raise fail(
            "stale-plan",
            f"something else changed during this run: {listed}",
            "run provision apply again; it continues from the current state",
        )
