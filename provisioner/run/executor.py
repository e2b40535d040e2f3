"""Carries waves out: the only caller of an Actor, and of what changes Kafka.

The unit is host × wave: check, do, read again, and what was read goes through the plan's own diff.
A failed unit ends what depends on it; the other hosts of the wave end their own units, and later
waves are not started.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from provisioner.hosts.actor import Actor, Batch, Outcome
from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import fingerprint
from provisioner.hosts.transport import TransportError
from provisioner.kafka.port import KafkaRefused, KafkaUnavailable
from provisioner.kafka.requests.joining import FEW, in_requests
from provisioner.kafka.requests.request import MOST
from provisioner.kinds.kind import Probe
from provisioner.kinds.registry import KINDS
from provisioner.plan.diff import diff
from provisioner.plan.model import (
    Await,
    Call,
    Change,
    Event,
    Id,
    Layer,
    Observation,
    Observed,
    Present,
    Progress,
    Put,
    Run,
    Step,
    Unknown,
    Unpack,
    Wave,
)
from provisioner.plan.pipeline import allowed, judges
from provisioner.run.phrases import explained, tally
from provisioner.run.readback import NotTaken, left_over, read_again, still_told
from provisioner.run.results import StepFailed
from provisioner.run.steps import sequence, shell_step
from provisioner.run.unpacking import unpack_all
from provisioner.run.upkeep import Upkeep
from provisioner.run.waits import Awaited, NoProgress, wait_for, wait_for_sessions
from provisioner.run.waves import Waves
from provisioner.site.look import look, printed, probes_of, reading, together

DOUBLES = 500
"""So many things are waited for twice as long without progress: a broker makes the logs of one
request's topics before it hears of the next, and shows nothing of it meanwhile."""
LOST = "this run no longer has the lock: another run took over, or `lock --break` ended it"
UNREAD = "its state could not be read just now; nothing was done"
STALE = "it changed after it was read; nothing was done: run it again"


@dataclass
class Executor(Waves):
    """The units of a wave. ``begun``: what has had a step done of the unit that it is in;
    ``refusals``: what Kafka said no to, and its words."""

    begun: set[Id] = field(default_factory=set)
    refusals: dict[Id, str] = field(default_factory=dict)
    mutex: threading.Lock = field(default_factory=threading.Lock)

    def look(self, host: str, ids: Sequence[Id]) -> Mapping[Id, Observation]:
        """Reads things of a host again."""
        return look(self.site, host, ids)

    def probes(self, host: str) -> Sequence[Probe]:
        return probes_of(self.site.places[host])

    def _wave(self, wave: Wave) -> None:
        by_host: dict[str, list[Change]] = {}
        for change in wave.changes:
            by_host.setdefault(change.id.host, []).append(change)
        hosts = [host for host in by_host if host]
        self.site.side_by_side(lambda host: self._guarded(host, by_host[host], wave), hosts)
        mine = by_host.get("", [])
        left = [] if self.results.broken else self.results.without(mine, self.desired)
        self.results.not_started += [change for change in mine if change not in left]
        if left:
            self._guarded("", left, wave)

    def _guarded(self, host: str, changes: list[Change], wave: Wave) -> None:
        started = time.monotonic()
        with self.mutex:
            self.begun -= {change.id for change in changes}
        try:
            if host:
                self._host_unit(host, changes, wave)
            else:
                self._cluster_unit(changes, wave)
        except NotTaken as found:
            self.session.records.failed(host, wave.number, changes, str(found))
            self._settled(host, changes, {**found.left, **self.refusals}, started)
        except StepFailed as failure:
            if not failure.written:
                self.session.records.failed(host, wave.number, changes, str(failure))
            self._broken(failure.change, str(failure), changes)
        except (TransportError, KafkaUnavailable, KafkaRefused) as error:
            # The connection went; what was done is read again by the next run, never assumed.
            self._broken(changes[0], str(error), changes)
        else:
            self._settled(host, changes, self.refusals, started)
        finally:
            nodes = [c.id for c in changes if KINDS[c.id.kind].layer is Layer.NODE]
            self._tell([Progress("", id.name, id.host, over=True) for id in nodes])

    def _tell(self, items: Sequence[Progress]) -> None:
        for item in items:
            self.site.options.progress(item)

    def _settled(
        self, host: str, changes: list[Change], left: Mapping[Id, str], started: float
    ) -> None:
        """All steps were done; ``left`` names the changes that did not take effect, or that Kafka
        refused."""
        seconds = time.monotonic() - started
        taken = [change for change in changes if change.id not in left]
        for change in taken:
            if KINDS[change.id.kind].makes_user and change.action == "create":
                self.site.account_made(host)
            self.results.applied.append(change)
            if KINDS[change.id.kind].layer is not Layer.HOST:  # those are told by their wave
                self.session.emit(Event("done", host=host, change=change, seconds=seconds))
        for change in changes:
            if change.id in left:
                self._failed(change, left[change.id])
        made = [c for c in taken if KINDS[c.id.kind].layer is Layer.HOST]
        if made:
            self.session.emit(Event("wave", host=host, seconds=seconds, counts=tally(made)))

    def _failed(self, change: Change, message: str) -> None:
        self.results.failed.append((change, message))
        self.session.emit(Event("failed", message, change.id.host, change))

    def _broken(self, change: Change, message: str, changes: list[Change]) -> None:
        """A step failed: reads again to find out what happened to the other changes of the unit."""
        self._failed(change, message)
        refused = [other for other in changes if other.id in self.refusals and other is not change]
        for other in refused:
            self._failed(other, self.refusals[other.id])
        rest = [other for other in changes if other is not change and other not in refused]
        if not rest:
            return
        fresh = read_again(self.site, self.look, [c.id for c in rest])
        left = left_over(self.site, self.desired, rest, self.seen, fresh)
        for other in rest:
            if other.id not in left:
                self.results.applied.append(other)
            elif other.id in self.begun:
                self._failed(other, left[other.id])
            else:
                self.results.not_started.append(other)

    def _chains(self, changes: Sequence[Change]) -> list[Sequence[Step]]:
        return [KINDS[c.id.kind].steps(c, self.desired[c.id]) for c in changes]

    # -- hosts

    def _host_unit(self, host: str, planned: list[Change], wave: Wave) -> None:
        changes = self._still(planned)
        if not changes:
            return
        actor = self.session.actor(host)
        together = all(KINDS[c.id.kind].layer is Layer.NODE for c in changes)
        groups = sequence(self._chains(changes), together=together)
        first, last = self._frame(host, changes, wave)
        broken = self.session.journal.line("failed", wave.number, changes)
        for number, group in enumerate(groups):
            final = last if number == len(groups) - 1 else Batch()
            self._group(actor, group, changes, broken, first, final)
            first = Batch()
        if not all(isinstance(step, Run | Put) for _, step in groups[-1]):
            self._read_back(host, changes, self._act(actor, last, changes))

    def _frame(self, host: str, changes: list[Change], wave: Wave) -> tuple[Batch, Batch]:
        """What goes before the first step of a unit and what comes after its last."""
        line = self.session.journal.line
        before = Batch(
            checks=self._checks(host, changes),
            own=tuple(f"{c.id.kind}\t{c.id.name}" for c in changes if c.action == "create"),
            intent=line("intent", wave.number, changes, waited=self.waited),
        )
        after = Batch(
            reread=[reading(p) for p in self._only(host, self._to_read(host, changes))],
            disown=tuple(f"{c.id.kind}\t{c.id.name}" for c in changes if c.action == "delete"),
            done=line("done", wave.number, changes),
        )
        return before, after

    def _to_read(self, host: str, changes: list[Change]) -> list[Id]:
        """The changed things, and those that later waves will change on this host: they may look
        different now."""
        ids = [change.id for change in changes]
        return ids + [c.id for c in self.coming if c.id.host == host and c.id not in ids]

    def _still(self, planned: list[Change]) -> list[Change]:
        """The planned changes that are still needed, by the last observation.

        Earlier waves of this run change observations (a folder that now exists); any other
        difference was caused by somebody else. Raises StepFailed.
        """
        wanted = {c.id: self.desired[c.id] for c in planned if c.id in self.desired}
        found = diff(wanted, self.seen, judges(KINDS))
        now = {change.id: change for change in found.changes}
        still = []
        for change in planned:
            other = now.get(change.id)
            # What is asked for is no difference, and is done all the same.
            asked = change.asked or change.id not in wanted or change.action == "stop"
            if asked or (other and other.action == change.action):
                still.append(change)
            elif isinstance(now_seen := self.seen.get(change.id), Unknown):
                raise StepFailed(change, f"{UNREAD}: {now_seen.reason}")
            elif other is not None or not isinstance(now_seen, Present):
                raise StepFailed(change, STALE)
        return still

    def _group(
        self,
        actor: Actor,
        group: list[tuple[int, Step]],
        changes: list[Change],
        broken: str,
        first: Batch,
        last: Batch,
    ) -> None:
        step = group[0][1]
        if isinstance(step, Run | Put):
            self._shell(actor, group, changes, broken, first, last)
            return
        if first.intent and self._act(actor, first, changes).failed is not None:
            raise StepFailed(changes[0], "the manifest cannot be written")
        if isinstance(step, Unpack):
            self._begun(changes, group)
            items = [(changes[n], s) for n, s in group if isinstance(s, Unpack)]
            unpack_all(self.site, actor, items, self.session.stop)
        elif isinstance(step, Call):
            self._calls(group, changes)
        else:
            self._await([(changes[n], s) for n, s in group if isinstance(s, Await)])

    def _shell(
        self,
        actor: Actor,
        group: list[tuple[int, Step]],
        changes: list[Change],
        broken: str,
        first: Batch,
        last: Batch,
    ) -> None:
        """One exec: checks, steps, and reading back."""
        self._sessions(changes, group)
        steps = [shell_step(s) for _, s in group if isinstance(s, Run | Put)]
        unit = replace(
            last,
            checks=first.checks,
            own=first.own,
            intent=first.intent,
            steps=steps,
            broken=broken,
        )
        phases = [(changes[n].id.name, s.phase) for n, s in group if isinstance(s, Run) and s.phase]
        self._tell([Progress(phase, name, actor.name) for name, phase in phases])
        outcome = self._act(actor, unit, changes)
        done = group if outcome.failed is None else group[: outcome.failed + 1]
        self._begun(changes, done)
        if outcome.failed is not None:
            why = explained(outcome.texts[-1])
            raise StepFailed(changes[group[outcome.failed][0]], why, written=True)
        for text in outcome.texts:
            if text.strip():
                self.session.emit(Event("note", text.strip(), actor.name))
        if last.done:
            self._read_back(actor.name, changes, outcome)

    def _sessions(self, changes: list[Change], group: list[tuple[int, Step]]) -> None:
        """ZooKeeper refuses a killed broker until its old session has expired."""
        starting = [
            changes[number].id
            for number, step in group
            if isinstance(step, Run) and step.separate_exec
        ]
        if starting:
            try:
                wait_for_sessions(self.site, starting, self.session.emit, self.session.stop)
            except NoProgress as stuck:
                raise StepFailed(changes[group[0][0]], str(stuck)) from stuck

    def _act(self, actor: Actor, unit: Batch, changes: list[Change]) -> Outcome:
        outcome = actor.act(unit)
        if outcome.lost:
            raise StepFailed(changes[0], LOST)
        if outcome.stale is not None:
            raise StepFailed(changes[0], STALE)
        return outcome

    def _only(self, host: str, ids: Sequence[Id]) -> list[Probe]:
        wanted = set(ids)
        return [p.only(wanted) for p in self.probes(host) if wanted & set(p.ids)]

    def _checks(self, host: str, changes: Sequence[Change]) -> list[tuple[Reading, str]]:
        """The probes of the wave's things, with the digest of the text the plan was made from."""
        checks = []
        probes = self._only(host, [change.id for change in changes])
        for number, probe in enumerate(probes):
            text = printed(probes, number, self.seen)
            if text is not None:
                checks.append((reading(probe), fingerprint(text)))
        return checks

    def _begun(self, changes: Sequence[Change], group: Sequence[tuple[int, Step]]) -> None:
        with self.mutex:
            self.begun |= {changes[number].id for number, _ in group}

    def _read_back(self, host: str, changes: list[Change], outcome: Outcome) -> None:
        """Stores what was read again. Raises NotTaken."""
        probes = self._only(host, self._to_read(host, changes))
        fresh = allowed(together(probes, outcome.reread), self.site.options.allow)
        self._judge(changes, fresh)

    def _judge(self, changes: Sequence[Change], fresh: Observed) -> None:
        with self.mutex:
            before = self.seen
            self.seen = {**before, **fresh, **still_told(before, fresh, changes)}
        left = left_over(self.site, self.desired, changes, before, fresh)
        if left:
            raise NotTaken(left)

    # -- the cluster

    def _cluster_unit(self, changes: list[Change], wave: Wave) -> None:
        noted = self._noted(changes)
        self.session.records.write("intent", "", wave.number, changes, noted=noted)
        self.site.note(noted)
        fresh: dict[Id, Observation] = {}
        for group in sequence(self._chains(changes), together=True):
            if isinstance(group[0][1], Call):
                self._calls(group, changes)
            else:
                waits = [(changes[n], s) for n, s in group if isinstance(s, Await)]
                fresh.update(self._await([w for w in waits if w[0].id not in self.refusals]))
        for change in [change for change in changes if change.id in self.refusals]:
            self.session.records.failed("", wave.number, [change], self.refusals[change.id])
        taken = [change for change in changes if change.id not in self.refusals]
        if taken:
            unseen = [change.id for change in taken if change.id not in fresh]
            self._judge(taken, {**fresh, **read_again(self.site, self.look, unseen)})
            self.session.records.write("done", "", wave.number, taken)

    def _noted(self, changes: Sequence[Change]) -> dict[str, Mapping[str, object]]:
        """What a later run must know of these, before they are done: by id."""
        known = {c.id: KINDS[c.id.kind].noted(c, self.desired[c.id]) for c in changes}
        return {str(id): values for id, values in known.items() if values}

    def _calls(self, group: list[tuple[int, Step]], changes: list[Change]) -> None:
        """One exchange with Kafka after another, each while the lock is held. What Kafka refuses is
        done no further; the others of the unit go on."""
        requests = [step.request for _, step in group if isinstance(step, Call)]
        most = MOST if self.site.spec.is_kraft else FEW
        for numbers in in_requests(requests, most):
            some = [group[number] for number in numbers]
            some = [(n, step) for n, step in some if changes[n].id not in self.refusals]
            if not some:
                continue
            first = changes[some[0][0]]
            # A run that was frozen and woken must not act on a lock that another has by now.
            if self.session.lock.lost or not self.session.holds_lock():
                raise StepFailed(first, LOST)
            self._begun(changes, some)
            try:
                said = self._sent([step for _, step in some])
            except KafkaUnavailable as error:
                raise StepFailed(first, str(error)) from error
            refused = {changes[n].id: r for (n, _), r in zip(some, said, strict=True) if r}
            self.refusals |= {id: str(refusal) for id, refusal in refused.items()}
            self.results.refused |= refused.keys()

    def _sent(self, steps: Sequence[Step]) -> Sequence[KafkaRefused | None]:
        requests = [step.request for step in steps if isinstance(step, Call)]
        return self.session.kafka.send_all(requests)

    def _await(self, items: Sequence[tuple[Change, Await]]) -> Observed:
        times = 1 + len(items) / DOUBLES
        awaited = [Awaited(change, step.id, step.no_progress * times) for change, step in items]
        kept = Upkeep.of(self.session, self.desired, [each.id for each in awaited])
        run = self.session
        signals = (run.emit, run.stop, kept.look, run.lock.loss)
        try:
            return wait_for(self.site, self.desired, awaited, self.look, *signals)
        except NoProgress as stuck:
            raise StepFailed(stuck.change or items[0][0], str(stuck)) from stuck
