"""The fault-tolerance drill: stop a broker under traffic, observe, heal, prove that nothing was
lost.

Whatever happens after the stop (a failed step, SIGINT, SIGTERM), the broker is started again, the
preferred leaders are elected and the topic is removed. A killed drill leaves a stopped broker and a
topic ``__provision-drill-RUN``: the next ``provision apply`` repairs both.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from provisioner.drill import account as accounts
from provisioner.drill import phrases as drill_phrases
from provisioner.drill.heal import DrillFailed, Healing, first
from provisioner.drill.story import Outcome, Story
from provisioner.drill.watch import Watch
from provisioner.errors import ProvisionError
from provisioner.hosts.transport import TransportError
from provisioner.kafka.port import (
    ClusterView,
    KafkaRefused,
    KafkaUnavailable,
    PartitionView,
    Record,
    Sent,
    Traffic,
)
from provisioner.kafka.requests.topics import CreateTopic
from provisioner.kinds.ids import service_id
from provisioner.plan.model import Change, Id, Wave
from provisioner.plan.order import MAY_STOP
from provisioner.run.executor import Executor
from provisioner.run.results import Interrupted, Results
from provisioner.run.session import Session
from provisioner.site.health import wait_whole
from provisioner.site.site import Site
from provisioner.spec.types import Node

PREFIX = "__provision-drill-"
ENOUGH = 25
"""Records acknowledged on each partition before the stop, and again after it."""
PATIENCE = 60.0
READING = 60.0


HANDLED = (
    DrillFailed,
    Interrupted,
    KafkaRefused,
    KafkaUnavailable,
    ProvisionError,
    TransportError,
)


@dataclass
class Drill:
    """One exercise. ``runner`` stops the broker and is ended by signals; healing is not.

    ``topic`` None: one of its own, removed at the end. ``stalled`` names the partitions
    (``atu-0``) that the gate said cannot be written while the broker is away. ``earlier`` is what
    an existing topic held before. ``mended`` is what healing did, beside the runner's results.
    """

    node: Node
    runner: Executor
    story: Story
    topic: str | None = None
    stalled: tuple[str, ...] = ()
    earlier: list[Record] = field(default_factory=list)
    outcome: Outcome = field(default_factory=Outcome)
    mended: Results = field(default_factory=Results)
    _own: bool = False
    _before: ClusterView | None = None
    _traffic: Traffic | None = None
    _stop_began: float = 0.0

    @property
    def site(self) -> Site:
        return self.runner.site

    @property
    def session(self) -> Session:
        return self.runner.session

    def run(self) -> Outcome:
        """Experiment, heal, prove. Errors become steps that are not ok."""
        try:
            with Watch(self.site.another_cluster) as watch:
                try:
                    self._experiment()
                except HANDLED:
                    pass  # told by its step; what follows mends and says so
                finally:
                    self._carefully(self._heal)
                spans = accounts.total(watch.end())
            own = self.topic if self._own else None
            self.outcome.leaderless = {p: s for p, s in spans.items() if p[0] != own}
            self._carefully(self._unavailable)
            self._carefully(self._proof)
        finally:
            self._carefully(self._clean)
        return self.outcome

    def _carefully(self, part: Callable[[], None]) -> None:
        """One part's failure, which its step has told, does not keep the next from its work."""
        try:
            part()
        except HANDLED:
            return

    # --- the experiment --------------------------------------------------------------------------

    def _experiment(self) -> None:
        self._make_topic()
        self._produce()
        self._stop()
        self._leaders()
        self._goes_on()
        self._read()

    def _make_topic(self) -> None:
        shows = "the leader of a partition serves reads and writes; its followers replicate them"
        with self.story.step("topic", shows) as line:
            if self.topic is None:
                self.topic = f"{PREFIX}{self.session.journal.run}"
                self._own = True
                self._create(self.topic, len(self.site.spec.brokers))
            self._before = self.site.cluster().liveness()
            line.detail = f"{self.topic}: {drill_phrases.layout(self._partitions(self._before))}"

    def _create(self, topic: str, brokers: int) -> None:
        """As many partitions as brokers; one replica may be away without stopping writes."""
        copies = min(3, brokers)
        minimum = {"min.insync.replicas": str(max(copies - 1, 1))}
        self.session.kafka.send(CreateTopic(topic, brokers, copies, minimum))
        wait_whole(self.site, topic)

    def _partitions(self, view: ClusterView) -> dict[int, PartitionView]:
        found = view.topic(self.topic or "")
        if found is None:
            raise DrillFailed(f"{self.topic} does not exist")
        return {p.id: p for p in found.partitions}

    def _produce(self) -> None:
        shows = "acknowledged with acks=all: every in-sync replica has the record"
        with self.story.step("produce", shows) as line:
            self._traffic = self.session.kafka.producer(self.topic or "")
            assert self._before is not None
            self._wait_acks(set(self._partitions(self._before)), 0.0)
            line.detail = f"{len(self._traffic.acked())} records acknowledged, still producing"

    def _wait_acks(self, wanted: set[int], since: float) -> None:
        """Until each of these partitions has acknowledged ``ENOUGH`` records sent since then."""

        def enough() -> bool:
            count = dict.fromkeys(wanted, 0)
            for each in self._acked():
                if each.sent >= since and each.partition in count:
                    count[each.partition] += 1
            return all(number >= ENOUGH for number in count.values())

        self._until(enough, lambda: f"no acknowledgements{self._complaint()}")

    def _acked(self) -> list[Sent]:
        return self._traffic.acked() if self._traffic else []

    def _complaint(self) -> str:
        failed = self._traffic.failed() if self._traffic else []
        return f": {failed[-1]}" if failed else ""

    def _until(self, done: Callable[[], bool], what: Callable[[], str]) -> None:
        """Waits for ``done``; raises Interrupted for a signal, DrillFailed after ``PATIENCE``."""
        end = time.monotonic() + PATIENCE
        while not done():
            self._go_on()
            if self.session.lock.lost:
                raise DrillFailed("the lock was lost")
            if time.monotonic() > end:
                raise DrillFailed(f"{what()} for {PATIENCE:.0f} s")
            time.sleep(0.05)

    def _stop(self) -> None:
        shows = f"controlled shutdown: {self.node.name} hands over leadership before it stops"
        with self.story.step("stop", shows) as line:
            self.outcome.acked_before = len(self._acked())
            self._stop_began = time.monotonic()
            self.outcome.stopped = True
            change = Change(
                self._id, "stop", {"running": True}, {"running": False}, ("running",), asked=True
            )
            self._raise_failed(self.runner.carry_out([Wave(1, (change,), MAY_STOP)]))
            self.site.cluster().refresh()
            line.detail = f"{self.node.name} on {self.node.host} is stopped"
            if self._alone:
                names = ", ".join(f"{topic}-{id}" for topic, id in self._alone)
                line.detail += (
                    f"; the only replica of {names} is there: unavailable until it is back"
                )

    @property
    def _id(self) -> Id:
        return service_id(self.node)

    @property
    def _alone(self) -> list[accounts.Place]:
        return accounts.only_on(self._before, self.node.id) if self._before else []

    def _raise_failed(self, results: Results) -> None:
        if results.failed:
            raise DrillFailed(results.failed[0][1])
        self._go_on()
        if results.not_started:
            raise DrillFailed(first(results))

    def _go_on(self) -> None:
        """Raises Interrupted once a signal has come: what follows heals."""
        if self.session.stop.is_set():
            raise Interrupted(self.session.signal)

    def _leaders(self) -> None:
        shows = "each partition it led has a new leader from its in-sync replicas"
        with self.story.step("leaders", shows) as line:
            before = self._before
            assert before is not None
            view = before

            def handed_over() -> bool:
                nonlocal view
                try:
                    view = self.site.cluster().liveness()
                except KafkaUnavailable:
                    return False
                led = [p for p in accounts.partitions(view).values() if len(p.replicas) > 1]
                return not any(p.leader in (None, self.node.id) for p in led)

            self._until(handed_over, lambda: f"{self.node.name} still leads, or there is no leader")
            found = accounts.moved(before, view)
            self.outcome.moved = [move for move in found if move.to is not None]
            line.detail = (
                drill_phrases.moves(self.outcome.moved) or f"{self.node.name} led no partitions"
            )

    def _goes_on(self) -> None:
        shows = "producers find the new leaders themselves; no client restarts"
        with self.story.step("goes-on", shows) as line:
            assert self._before is not None
            serving = {
                id
                for id in self._partitions(self._before)
                if f"{self.topic}-{id}" not in self.stalled and (self.topic, id) not in self._alone
            }
            self._wait_acks(serving, time.monotonic())
            count = sum(s.acked >= self._stop_began for s in self._acked())
            line.detail = f"{count} records acknowledged since the stop began"
            if not serving:
                line.detail = f"{self.topic} cannot be written until {self.node.name} is back"

    def _read(self) -> None:
        """Everything from the beginning while the broker is away, and in which order."""
        self._go_on()
        shows = "read from the beginning: the replicas have every record"
        with self.story.step("read", shows) as line:
            if any(topic == self.topic for topic, _ in self._alone):
                line.detail = f"{self.topic} cannot be read until {self.node.name} is back"
                return
            acked = self._acked()
            found = self._account(acked, self._consume())
            line.ok = found.ok
            line.detail = f"{len(acked)} acknowledged before the read, {found.consumed} read "
            line.detail += f"(some arrived meanwhile), {drill_phrases.bad(found)}"
        shows = "Kafka guarantees order within a partition only"
        with self.story.step("order", shows) as line:
            line.ok = not found.out_of_order
            line.detail = drill_phrases.order(found)

    def _consume(self) -> list[Record]:
        return self.site.cluster().consume(self.topic or "", seconds=READING)

    def _account(self, acked: list[Sent], read: list[Record]) -> accounts.Account:
        run = acked[0].value.decode().rpartition("-")[0] if acked else ""
        return accounts.account(acked, read, run)

    # --- healing ---------------------------------------------------------------------------------

    def _heal(self) -> None:
        """Not ended by signals: a broker that was stopped is started whatever happens."""
        if not self.outcome.stopped:
            self.outcome.healed = True
            return
        healing = Healing(self.node, self.runner, self.story, self.mended)
        try:
            healing.run()
        finally:
            back = healing.back or time.monotonic()
            times = [each.acked for each in self._acked()]
            self.outcome.acked_during = sum(self._stop_began <= t <= back for t in times)
        self.outcome.healed = True

    # --- what it proved --------------------------------------------------------------------------

    def _unavailable(self) -> None:
        found = {p: s for p, s in self.outcome.leaderless.items() if p in self._alone}
        if not found:
            return
        shows = "a partition with one replica is offline while its broker is down"
        with self.story.step("one-copy", shows) as line:
            line.detail = "without a leader: " + ", ".join(
                f"{topic}-{id} for {seconds:.1f} s"
                for (topic, id), seconds in sorted(found.items())
            )

    def _proof(self) -> None:
        """All acknowledged records against all that can be read; then the gaps."""
        if self._traffic is None:
            return
        ended = time.monotonic()
        with self.story.step("proof", "no acknowledged record may be missing") as line:
            self._traffic.stop(30.0)
            acked, read = self._acked(), self._consume()
            found = self._account(acked, read)
            self.outcome.account = found
            self.outcome.vanished = accounts.missing(self.earlier, read)
            line.ok = found.ok and not self.outcome.vanished
            line.detail = (
                f"{len(acked)} acknowledged, {found.consumed} read, {drill_phrases.bad(found)}"
            )
            if self.earlier:
                line.detail += f"; {self.outcome.vanished} of {len(self.earlier)} earlier lost"
        if self.outcome.stopped:
            self._silence(acked, ended)

    def _silence(self, acked: list[Sent], ended: float) -> None:
        shows = "how long a producer waits while leadership moves"
        with self.story.step("pause", shows) as line:
            gaps = accounts.gaps(acked, self._stop_began, ended)
            self.outcome.silent = max(gaps.values(), default=None)
            line.detail = "longest time without an acknowledgement: " + ", ".join(
                f"partition {id} {seconds:.2f} s" for id, seconds in gaps.items()
            )

    def _clean(self) -> None:
        if self._traffic is not None:
            self._traffic.stop(0.0)
        if not self._own or self.topic is None:
            return
        name = self.topic
        with self.story.step("clean") as line:
            cluster = self.site.cluster()
            if cluster.liveness().topic(name) is not None:
                self.session.kafka.delete_topic(name)
            end = time.monotonic() + PATIENCE
            while cluster.liveness().topic(name) is not None:
                if time.monotonic() > end:
                    raise DrillFailed(f"{name} still exists; provision apply removes it")
                time.sleep(0.1)
            line.detail = f"{name} is removed"
