"""A run converges: look, plan, do what can be done now, until nothing is left to do.

One loop for all layers. Each round does the lowest layer that has something to do: files and
processes first, then Kafka's own objects. What a plan deferred the plans after it may do; what no
plan of the run named or foresaw is somebody else's doing, and ends it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from provisioner.errors import fail
from provisioner.kafka.port import KafkaRefused, KafkaUnavailable
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Change, Event, Id, Layer, Plan, Wave
from provisioner.run.executor import Executor
from provisioner.run.session import Session
from provisioner.run.sweep import sweep_topics
from provisioner.site.health import settle
from provisioner.site.observe import observe
from provisioner.site.planning import Planned, make_plan


@dataclass
class Rounds:
    """``named``: what the plans of this run named or foresaw."""

    run: Session
    planned: Planned
    named: set[Id] = field(default_factory=set)

    def converge(self) -> None:
        """Fills the session's results; what was not come to is in ``not_started``. Raises
        ``stale-plan``."""
        while waves := next_round(self.planned.plan):
            self._named(self.planned.plan)
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
        if any(layer_of(change) is Layer.NODE for change in changes):
            self.run.site.cluster().refresh()
            settle(self.run.site, self.run.emit, self.run.stop, kept_down(self.planned))
        plan = self.planned.plan
        known = None if _must_look(plan) else done.seen
        self.planned = make_plan(self.run.site, observe(self.run.site, known=known))
        _unexpected(self.planned.plan, self.named)
        for change in self.planned.plan.changes:
            self.run.results.undone(change, self.run.emit)

    def _ended(self) -> bool:
        return bool(self.run.results.failed) or self.run.stop.is_set() or bool(self.run.lock.lost)

    def _rest(self) -> None:
        """What of the plan was not come to."""
        results = self.run.results
        told = {c.id for c in results.applied} | {c.id for c, _ in results.failed}
        told |= {c.id for c in results.not_started}
        results.not_started += [c for c in self.planned.plan.changes if c.id not in told]


def converge(run: Session, planned: Planned) -> None:
    """The rounds of a run; at its end each partition is led by its preferred leader again."""
    Rounds(run, planned).converge()
    if run.stop.is_set() or run.lock.lost:
        return
    bounced = [c for c in run.results.applied if layer_of(c) is Layer.NODE]
    if any(c.action in ("start", "restart") for c in bounced) and not run.results.failed:
        prefer_leaders(run)


def next_round(plan: Plan) -> list[Wave]:
    """The waves of hosts, or where there is nothing to do on hosts those of the cluster."""
    return below(plan) or list(plan.waves)


def is_last(waves: Sequence[Wave], plan: Plan) -> bool:
    """Whether nothing can come after this round: it was the cluster's, and nothing waited for it.
    That it took is what verify sees."""
    return layer_of(waves[0].changes[0]) is Layer.CLUSTER and not plan.deferred


def below(plan: Plan) -> list[Wave]:
    """The waves of the hosts' layers."""
    return [w for w in plan.waves if layer_of(w.changes[0]) is not Layer.CLUSTER]


def layer_of(change: Change) -> Layer:
    return KINDS[change.id.kind].layer


def _must_look(plan: Plan) -> bool:
    """Whether the hosts must be looked at again after this plan: it left something of theirs open.
    Otherwise each unit has read what it did, and verify reads everything."""
    ids = [item.id for item in plan.deferred] + [item.id for item in plan.refused]
    return bool(plan.unread) or any(id.host for id in ids)


def kept_down(planned: Planned) -> set[str]:
    """The nodes that do not run and are not started now: their disk is not mounted, say."""
    left = [d.id for d in planned.plan.deferred] + [r.id for r in planned.plan.refused]
    return {id.name for id in left if KINDS[id.kind].layer is Layer.NODE}


def prefer_leaders(run: Session) -> None:
    """Gives each partition back to its preferred leader. Kafka does it by itself within minutes:
    that it could not be asked now is worth a line, not a failure."""
    try:
        run.kafka.elect_preferred_leaders()
    except (KafkaUnavailable, KafkaRefused) as error:
        run.emit(Event("note", str(error), about="not-elected"))


def _unexpected(plan: Plan, named: Collection[Id]) -> None:
    """What no plan of this run named or deferred is somebody else's doing: stop, do not guess."""
    strange = [change for change in plan.changes if change.id not in named]
    if strange:
        listed = ", ".join(str(change.id) for change in strange[:3])
        raise fail(
            "stale-plan",
            f"something else changed during this run: {listed}",
            "run provision apply again; it continues from the current state",
        )
