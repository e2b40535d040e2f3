"""The gate before running nodes are stopped: asks Kafka afresh until they may be.

Every stop of a serving node goes through it: of a roll, of ``stop --node``, ``drill``, ``maintain``
and of a removal. Only ``stop`` of everything and ``destroy`` do not ask; they, too, leave a broker
alone as long as it recovers its logs.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from provisioner.kafka.port import ClusterView, KafkaUnavailable
from provisioner.kafka.requests.request import Ask
from provisioner.kafka.requests.topics import by_name
from provisioner.kinds.service.recovery import Recovery
from provisioner.patience import Patience
from provisioner.plan import safety
from provisioner.plan.model import Change, Event, Progress, Wave
from provisioner.plan.rules import Seen
from provisioner.plan.safety import Verdict
from provisioner.run.results import Overtaken
from provisioner.run.waits import LONGEST, NoProgress, WaitInterrupted
from provisioner.site.behind import Furthest, behind, sizes_of_behind
from provisioner.site.catching_up import catching_up, tell_behind
from provisioner.site.migrating import with_quorum
from provisioner.site.observe import zookeeper_states
from provisioner.site.recovering import recovering
from provisioner.site.site import Site, address_of
from provisioner.site.verdicts import How, batch, holds_again, named, verdict
from provisioner.spec.types import Node, Role, Spec

WHOLE = 60.0
"""Seconds without progress after which what somebody else broke is not waited for any longer."""
LIMIT = 600.0
"""Seconds without progress after which a stop that is not safe is given up."""
PAUSE = 0.1, 1.0
"""Seconds between two looks, at first and at most, where a look does not take longer than that."""
SAY_AFTER, SAY_EVERY = 3.0, 5.0

Gate = Callable[[Wave, Sequence[Change], int], Sequence[Change]]


def gate(
    site: Site,
    emit: Callable[[Event], None],
    stop: threading.Event,
    lost: Callable[[], str] = lambda: "",
) -> Gate:
    """``gate(wave, others, most)`` returns when the nodes of the wave may be stopped together, and
    which of the ``others`` are stopped with a wave of one: with it at most ``most``.

    Raises NoProgress when they may not for ``LIMIT`` seconds without any progress, or as soon as
    ``lost`` says why nothing may be begun any more; WaitInterrupted when ``stop`` is set.
    """
    return _Gate(site, emit, stop, lost).open


@dataclass
class Topics:
    """What Kafka named in the look before, and what was missing in the last one: a broker that has
    just begun to serve may name a part, and nothing follows from what it leaves out."""

    named: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()

    def lacking(self, seen: Seen) -> str:
        """Why an answer is not believed: it lacks topics that there were, for the first time, or
        all of them."""
        view = seen.view
        if view is None:
            return ""
        names = frozenset(topic.name for topic in view.topics)
        missing = self.named - names
        again, self.missing = missing == self.missing, missing
        if missing and (not names or not again):
            first = min(missing)
            return f"Kafka's answer lacks topic {first}, which was there before: it is asked again"
        self.named, self.missing = names, frozenset()
        return ""


@dataclass
class Waiting:
    """What waits: ``nodes`` that are to be stopped together, for ``change`` or for a whole host
    (``subject``)."""

    nodes: Sequence[Node]
    change: Change | None = None
    subject: str = ""

    @property
    def name(self) -> str:
        return self.subject or ", ".join(node.name for node in self.nodes)


@dataclass
class _Gate:
    """``already_behind``: what was not in sync when the last node was stopped. ``bounced``: the
    brokers that were stopped then and run again; nothing follows from their own answers yet.
    ``known``: the topics that Kafka named last."""

    site: Site
    emit: Callable[[Event], None]
    stop: threading.Event
    lost: Callable[[], str]
    already_behind: frozenset[str] | None = None
    bounced: frozenset[int] = frozenset()
    known: Topics = field(default_factory=Topics)

    def open(self, wave: Wave, others: Sequence[Change] = (), most: int = 1) -> Sequence[Change]:
        node_of, first = self.site.spec.node, wave.changes[0]
        nodes = [node_of(change.id.name) for change in wave.changes]
        found, how, seen = self.wait(Waiting(nodes, first))
        chosen: Sequence[Node] = nodes
        if len(nodes) == 1:
            # Those that are stopped without waiting longer go alone.
            together = most if how.require_all_in_sync else 1
            asked = [*nodes, *(node_of(change.id.name) for change in others)]
            chosen = batch(self.site.spec, asked, seen, how, together)
        more = len(chosen) > len(nodes)
        told = verdict(self.site.spec, chosen, seen, how) if more else found
        _named(told, chosen, self.site, seen, how, self.emit)
        if found.behind is not None:
            # What stays down keeps its partitions behind: only a bounce is made good.
            again = first.action == "restart"
            self.already_behind = found.behind if again else None
            brokers = [node.id for node in chosen if node.is_broker]
            self.bounced = frozenset(brokers) if again else frozenset()
        names = {node.name for node in chosen[1:]}
        return [other for other in others if other.id.name in names]

    def wait(self, what: Waiting) -> tuple[Verdict, How, Seen]:
        """Until they may be stopped; the verdict, and of which look."""
        host = what.nodes[0].host
        try:
            with catching_up(self.site):
                return self._until_allowed(what, host)
        finally:
            # However it ends, those who watch see nobody wait after it.
            for node in what.nodes:
                self.site.options.progress(Progress("wait", node.name, node.host, over=True))

    def _until_allowed(self, what: Waiting, host: str) -> tuple[Verdict, How, Seen]:
        patience, furthest = Patience(LIMIT, self.stop, PAUSE), Furthest()
        while True:
            if why := self.lost():
                raise NoProgress(f"{what.name} is not stopped: {why}", what.change)
            began = time.monotonic()
            how = How(
                self.site.options.allow,
                patience.idle < WHOLE,
                self.already_behind,
                self.bounced,
            )
            seen = look(self.site, what.nodes, self.bounced)
            busy = self._recovering(what.nodes, seen)
            found, measure = self._judged(what.nodes, seen, how, busy)
            if what.change and any(holds_again(self.site.spec, n, seen) for n in what.nodes):
                raise Overtaken(what.change)
            if found.allowed:
                return found, how, seen
            for node in what.nodes:
                self.site.options.progress(Progress("wait", node.name, node.host))
            late = behind(seen.view)
            # In what words nobody answers is no progress.
            patience.mark(furthest.mark(late, busy, "" if seen.unavailable else measure))
            if patience.is_over:
                raise NoProgress(
                    f"{what.name} cannot be stopped safely: {found.reason} "
                    f"(no progress for {LIMIT:.0f} s)",
                    what.change,
                )
            news = (found.reason, late.partitions, late.bytes)
            if patience.is_news(news, SAY_AFTER, SAY_EVERY):
                waits = Event("waiting", found.reason, host, what.change, about="gate")
                counts = (late.partitions, late.bytes) if late.partitions else None
                self.emit(replace(waits, subject=what.name, behind=counts))
            # A look at thousands of topics costs its Kafka, too: at most half of the time.
            if patience.pause(min(time.monotonic() - began, LONGEST)):
                text = f"interrupted while {what.name} waited: {found.reason}"
                raise WaitInterrupted(text, what.change)

    def _recovering(self, nodes: Sequence[Node], seen: Seen) -> dict[str, Recovery]:
        """A broker that serves recovers nothing."""
        alive = seen.view.alive if seen.view is not None else frozenset()
        return recovering(self.site, [n for n in nodes if n.is_broker and n.id not in alive])

    def _judged(
        self, nodes: Sequence[Node], seen: Seen, how: How, busy: dict[str, Recovery]
    ) -> tuple[Verdict, str]:
        """Also a reason to measure progress by: were it another one as soon as others are no longer
        waited for, that would be progress, and they would be waited for anew, again and again."""
        if busy:
            found = Verdict(False, in_recovery(busy))
        elif why := self.known.lacking(seen):
            found = Verdict(False, why)
        else:
            found = self._by_rules(nodes, seen, how)
            patient = replace(how, require_all_in_sync=True)
            if how != patient:
                return found, self._by_rules(nodes, seen, patient).reason
        return found, found.reason

    def _by_rules(self, nodes: Sequence[Node], seen: Seen, how: How) -> Verdict:
        roles = {node.role: [n for n in nodes if n.role is node.role] for node in nodes}
        found = [verdict(self.site.spec, group, seen, how) for group in roles.values()]
        refused = [each for each in found if not each.allowed]
        return refused[0] if refused else found[0]


def in_recovery(busy: dict[str, Recovery]) -> str:
    """Why nobody is stopped now."""
    told = "; ".join(f"{name} is {counts}" for name, counts in sorted(busy.items()))
    return f"{told}; a signal would throw that away"


def wait_for_host(
    site: Site,
    nodes: Sequence[Node],
    emit: Callable[[Event], None],
    stop: threading.Event,
    lost: Callable[[], str],
) -> None:
    """Returns when all nodes of a host may be down at the same time. Raises as ``gate`` does."""
    _Gate(site, emit, stop, lost).wait(Waiting(nodes, subject=nodes[0].host))


def wait_recovered(
    site: Site, changes: Sequence[Change], emit: Callable[[Event], None], stop: threading.Event
) -> None:
    """Returns when none of the nodes that are to be stopped recovers its logs: for stops that ask
    for nothing else. Raises as ``gate`` does."""
    patience = Patience(LIMIT, stop, PAUSE)
    while busy := recovering(site, [site.spec.node(c.id.name) for c in changes]):
        change = next(c for c in changes if c.id.name in busy)
        patience.mark(busy)
        if patience.is_over:
            why = f"{in_recovery(busy)} (no progress for {LIMIT:.0f} s)"
            raise NoProgress(f"{change.id.name} is not stopped: {why}", change)
        if patience.is_news(tuple(map(str, busy.values())), SAY_AFTER, SAY_EVERY):
            waits = Event("waiting", in_recovery(busy), change.id.host, change, about="gate")
            emit(replace(waits, subject=", ".join(sorted(busy))))
        if patience.pause():
            raise WaitInterrupted(f"interrupted: {in_recovery(busy)}", change)


def _named(
    found: Verdict,
    nodes: Sequence[Node],
    site: Site,
    seen: Seen,
    how: How,
    emit: Callable[[Event], None],
) -> None:
    """Tells what becomes of partitions while these nodes are down, and what was not waited for."""
    names, host = ", ".join(node.name for node in nodes), nodes[0].host
    if found.offline:
        listed = ", ".join(found.offline)
        emit(Event("note", listed, host, about="offline", subject=names))
    if found.unwritable:
        listed = ", ".join(found.unwritable)
        emit(Event("note", listed, host, about="unwritable", subject=names))
    if not how.require_all_in_sync:
        missing = verdict(site.spec, nodes, seen, replace(how, require_all_in_sync=True)).reason
        if missing:
            emit(Event("note", missing, host, about="impatient", subject=names))


def ask(
    site: Site,
    name: str,
    *,
    require_all_in_sync: bool,
    already_behind: frozenset[str] | None = None,
) -> safety.Verdict:
    """One question about one node, of what Kafka says now. ``already_behind``: what was behind when
    the node before it was stopped."""
    node = site.spec.node(name)
    how = How(site.options.allow, require_all_in_sync, already_behind)
    return verdict(site.spec, [node], look(site, [node]), how)


def look(site: Site, nodes: Sequence[Node], bounced: Collection[int] = ()) -> Seen:
    """What Kafka says now, and of ZooKeeper servers ZooKeeper: another broker than those that were
    just bounced, where there is another."""
    roles = {node.role for node in nodes}
    servers = zookeeper_states(site) if Role.ZOOKEEPER in roles else {}
    if roles <= {Role.ZOOKEEPER}:
        return Seen(zookeeper=servers)
    avoid = [address_of(broker) for broker in site.spec.brokers if broker.id in bounced]
    try:
        more = partial(_more, site.spec)
        view = site.cluster().view(more=more, avoid=avoid, of_brokers=False)
    except KafkaUnavailable as error:
        return Seen(unavailable=str(error), zookeeper=servers)
    if Role.CONTROLLER in roles:
        view = with_quorum(site, view)
    tell_behind(site, view)
    return Seen(view=view, zookeeper=servers)


def _more(spec: Spec, view: ClusterView) -> Sequence[Ask]:
    """An authorizer leaves out what may not be described, which is not nothing to protect; and how
    much replicas that catch up have."""
    missing = by_name(view, named(spec))
    return [*([missing] if missing else ()), *sizes_of_behind(view)]
