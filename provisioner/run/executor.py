"""Carries waves out: the only caller of an Actor, and of what changes Kafka.

The unit is host × wave: check, do, read again, and what was read goes through the plan's own diff.
A failed unit ends what depends on it; the other hosts of the wave end their own units, and later
waves are not started.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from provisioner.hosts.actor import Actor, Batch, Outcome
from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import fingerprint
from provisioner.hosts.transport import TransportError
from provisioner.kafka.port import KafkaRefused, KafkaUnavailable
from provisioner.kinds.kind import Probe
from provisioner.kinds.registry import JUDGES, KINDS
from provisioner.plan.diff import diff
from provisioner.plan.model import (
    Await,
    Call,
    Change,
    Desired,
    Event,
    Id,
    Layer,
    Observation,
    Observed,
    Present,
    Put,
    Run,
    Step,
    Unknown,
    Unpack,
    Wave,
)
from provisioner.plan.pipeline import allowed
from provisioner.run.actors import actor_on
from provisioner.run.journal import Journal
from provisioner.run.lock import Lock
from provisioner.run.look import printed, reading, together
from provisioner.run.phrases import explained, tally
from provisioner.run.readback import NotTaken, left_over, read_again
from provisioner.run.records import Records
from provisioner.run.results import NotAccepted, Results, StepFailed
from provisioner.run.steps import sequence, shell_step
from provisioner.run.target import Target
from provisioner.run.unpacking import unpack_all
from provisioner.run.waits import Awaited, NoProgress, WaitInterrupted, wait_for, wait_for_sessions

Emit = Callable[[Event], None]
LOST = "this run no longer has the lock: another run took over, or `lock --break` ended it"
UNREAD = "its state could not be read just now; nothing was done"
STALE = "it changed after it was read; nothing was done: run it again"


@dataclass
class Executor:
    """One run over one target. ``stop`` is set by a signal: no further unit is begun.

    ``look(host, ids)`` reads ids of a host again; ``probes(host)`` gives its probes.
    ``gate(wave)`` waits until a gated wave may begin; raises NoProgress or NotAccepted. ``begun``:
    what has had a step done of the unit that it is in.
    """

    target: Target
    desired: Desired
    seen: Observed
    lock: Lock
    journal: Journal
    emit: Emit
    look: Callable[[str, Sequence[Id]], Mapping[Id, Observation]]
    probes: Callable[[str], Sequence[Probe]]
    gate: Callable[[Wave], None]
    stop: threading.Event = field(default_factory=threading.Event)
    coming: list[Change] = field(default_factory=list)
    begun: set[Id] = field(default_factory=set)
    mutex: threading.Lock = field(default_factory=threading.Lock)
    results: Results = field(default_factory=Results)

    @property
    def records(self) -> Records:
        return Records(self.target, self.lock, self.journal)

    def carry_out(self, waves: Sequence[Wave]) -> Results:
        """The waves in order; after a failure the rest is not started."""
        for number, wave in enumerate(waves):
            self.coming = [c for later in waves[number + 1 :] for c in later.changes]
            if self.results.failed or self.stop.is_set() or self.lock.lost:
                self.results.not_started += wave.changes
                continue
            try:
                if wave.gate:
                    self.gate(wave)
                self._wave(wave)
            except WaitInterrupted:
                self.results.not_started += wave.changes
            except NotAccepted as refusal:
                self._gave_up(wave, refusal.reasons)
            except NoProgress as stuck:
                self._gave_up(wave, {wave.changes[0].id: str(stuck)})
        return self.results

    def _gave_up(self, wave: Wave, reasons: Mapping[Id, str]) -> None:
        """The gate did not open: nothing of the wave was started."""
        for change in wave.changes:
            why = reasons.get(change.id)
            if why is None:
                self.results.not_started.append(change)
                continue
            self.results.failed.append((change, why))
            self.emit(Event("failed", why, change.id.host, change))
            self.records.failed(change.id.host, wave.number, wave.changes, why)

    def _wave(self, wave: Wave) -> None:
        by_host: dict[str, list[Change]] = {}
        for change in wave.changes:
            by_host.setdefault(change.id.host, []).append(change)
        hosts = [host for host in by_host if host]
        self.target.side_by_side(lambda host: self._guarded(host, by_host[host], wave), hosts)
        if "" in by_host and not self.results.failed:
            self._guarded("", by_host[""], wave)

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
            self.records.failed(host, wave.number, changes, str(found))
            self._settled(host, changes, found.left, started)
        except StepFailed as failure:
            if not failure.written:
                self.records.failed(host, wave.number, changes, str(failure))
            self._broken(failure.change, str(failure), changes)
        except (TransportError, KafkaUnavailable, KafkaRefused) as error:
            # The connection went; what was done is read again by the next run, never assumed.
            self._broken(changes[0], str(error), changes)
        else:
            self._settled(host, changes, {}, started)

    def _settled(
        self, host: str, changes: list[Change], left: Mapping[Id, str], started: float
    ) -> None:
        """All steps were done; ``left`` names the changes that did not take effect."""
        seconds = time.monotonic() - started
        taken = [change for change in changes if change.id not in left]
        for change in taken:
            if change.id.kind == "account" and change.action == "create":
                self.target.account_made(host)
            self.results.applied.append(change)
            self.emit(Event("done", host=host, change=change, seconds=seconds))
        for change in changes:
            if change.id in left:
                self._failed(change, left[change.id])
        made = [c for c in taken if KINDS[c.id.kind].layer is Layer.HOST]
        if made:
            self.emit(Event("wave", tally(made), host, seconds=seconds))

    def _failed(self, change: Change, message: str) -> None:
        self.results.failed.append((change, message))
        self.emit(Event("failed", message, change.id.host, change))

    def _broken(self, change: Change, message: str, changes: list[Change]) -> None:
        """A step failed: reads again to find out what happened to the other changes of the unit."""
        self._failed(change, message)
        rest = [other for other in changes if other is not change]
        if not rest:
            return
        fresh = read_again(self.target, self.look, [c.id for c in rest])
        left = left_over(self.target, self.desired, rest, self.seen, fresh)
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
        actor = actor_on(self.target, host, self.lock.token)
        together = all(KINDS[c.id.kind].layer is Layer.NODE for c in changes)
        groups = sequence(self._chains(changes), together=together)
        first, last = self._frame(host, changes, wave)
        broken = self.journal.line("failed", wave.number, changes)
        for number, group in enumerate(groups):
            final = last if number == len(groups) - 1 else Batch()
            self._group(actor, group, changes, broken, first, final)
            first = Batch()
        if not all(isinstance(step, Run | Put) for _, step in groups[-1]):
            self._read_back(host, changes, self._act(actor, last, changes))

    def _frame(self, host: str, changes: list[Change], wave: Wave) -> tuple[Batch, Batch]:
        """The script parts before the first step of a unit and after its last."""
        line = self.journal.line
        before = Batch(
            checks=self._checks(host, changes),
            own=tuple(f"{c.id.kind}\t{c.id.name}" for c in changes if c.action == "create"),
            intent=line("intent", wave.number, changes),
        )
        after = Batch(
            reread=[reading(p) for p in self._only(host, self._to_read(host, changes))],
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
        found = diff(wanted, self.seen, JUDGES)
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
            unpack_all(self.target, actor, items, self.stop)
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
        outcome = self._act(actor, unit, changes)
        done = group if outcome.failed is None else group[: outcome.failed + 1]
        self._begun(changes, done)
        if outcome.failed is not None:
            why = explained(outcome.texts[-1])
            raise StepFailed(changes[group[outcome.failed][0]], why, written=True)
        for text in outcome.texts:
            if text.strip():
                self.emit(Event("note", text.strip(), actor.name))
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
                wait_for_sessions(self.target, starting, self.emit, self.stop)
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
        fresh = allowed(together(probes, outcome.reread), self.target.options.allow)
        self._judge(changes, fresh)

    def _judge(self, changes: Sequence[Change], fresh: Observed) -> None:
        with self.mutex:
            before = self.seen
            self.seen = {**before, **fresh}
        left = left_over(self.target, self.desired, changes, before, fresh)
        if left:
            raise NotTaken(left)

    # -- the cluster

    def _cluster_unit(self, changes: list[Change], wave: Wave) -> None:
        self.records.write("intent", "", wave.number, changes)
        fresh: dict[Id, Observation] = {}
        for group in sequence(self._chains(changes), together=True):
            if isinstance(group[0][1], Call):
                self._calls(group, changes)
            else:
                waits = [(changes[n], s) for n, s in group if isinstance(s, Await)]
                fresh.update(self._await(waits))
        unseen = [change.id for change in changes if change.id not in fresh]
        self._judge(changes, {**fresh, **read_again(self.target, self.look, unseen)})
        self.records.write("done", "", wave.number, changes)

    def _calls(self, group: list[tuple[int, Step]], changes: list[Change]) -> None:
        cluster = self.target.cluster()
        for number, step in group:
            assert isinstance(step, Call)
            # A run that was frozen and woken must not act on a lock that another has by now.
            if self.lock.lost or not self._held():
                raise StepFailed(changes[number], LOST)
            self._begun(changes, [(number, step)])
            try:
                cluster.send(step.request)
            except (KafkaRefused, KafkaUnavailable) as error:
                raise StepFailed(changes[number], str(error)) from error

    def _held(self) -> bool:
        """Whether the lock is still ours, asked of the first host."""
        host = min(self.target.shells)
        return not actor_on(self.target, host, self.lock.token).act(Batch()).lost

    def _await(self, items: Sequence[tuple[Change, Await]]) -> Observed:
        awaited = [Awaited(change, step.id, step.no_progress) for change, step in items]
        try:
            return wait_for(self.target, self.desired, awaited, self.look, self.emit, self.stop)
        except NoProgress as stuck:
            raise StepFailed(stuck.change or items[0][0], str(stuck)) from stuck
