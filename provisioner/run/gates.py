"""The gate before a running node is stopped: asks Kafka afresh until the node may be stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from provisioner.kafka.port import KafkaUnavailable
from provisioner.kinds.safety_view import safety_view
from provisioner.patience import Patience
from provisioner.plan import safety
from provisioner.plan.model import Change, Event, Progress, Wave
from provisioner.run.waits import NoProgress, WaitInterrupted
from provisioner.site.catching_up import catching_up, tell_behind
from provisioner.site.observe import zookeeper_states
from provisioner.site.site import Site
from provisioner.spec.types import Role

WHOLE = 60.0
LIMIT = 120.0


def gate(
    site: Site, emit: Callable[[Event], None], stop: threading.Event
) -> Callable[[Wave], None]:
    """``gate(wave)`` returns when the nodes of the wave may be stopped.

    Raises NoProgress when they may not for ``LIMIT`` seconds without any progress, and
    WaitInterrupted when ``stop`` is set.
    """
    already_behind: frozenset[str] | None = None

    def wait(wave: Wave) -> None:
        nonlocal already_behind
        for change in wave.changes:
            with _watched(site, change):
                behind = _until_allowed(site, change, already_behind, emit, stop).behind
            if behind is not None:
                # What stays down keeps its partitions behind: only a bounce is made good.
                already_behind = behind if change.action == "restart" else None

    return wait


@contextmanager
def _watched(site: Site, change: Change) -> Iterator[None]:
    """However the waiting ends, those who watch see nobody wait after it."""
    try:
        with catching_up(site):
            yield
    finally:
        site.options.progress(Progress("wait", change.id.name, change.id.host, over=True))


def _until_allowed(
    site: Site,
    change: Change,
    already_behind: frozenset[str] | None,
    emit: Callable[[Event], None],
    stop: threading.Event,
) -> safety.Verdict:
    """The verdict that let it go. Raises as ``gate`` does."""
    node = site.spec.node(change.id.name)
    patience = Patience(LIMIT, stop, (0.25, 0.25))
    while True:
        require_all_in_sync = patience.idle < WHOLE
        verdict = ask(
            site,
            node.name,
            require_all_in_sync=require_all_in_sync,
            already_behind=already_behind,
        )
        if verdict.allowed:
            if verdict.offline:
                listed = ", ".join(verdict.offline)
                emit(Event("note", listed, node.host, about="offline", subject=node.name))
            if not require_all_in_sync:
                missing = ask(
                    site, node.name, require_all_in_sync=True, already_behind=already_behind
                ).reason
                if missing:
                    emit(Event("note", missing, node.host, about="impatient", subject=node.name))
            return verdict
        site.options.progress(Progress("wait", node.name, node.host))
        patience.mark(verdict.reason)
        if patience.is_over:
            raise NoProgress(f"{node.name} cannot be stopped safely: {verdict.reason}", change)
        if patience.is_news(verdict.reason):
            waits = Event("waiting", verdict.reason, node.host, change)
            emit(replace(waits, about="gate", subject=node.name))
        if patience.pause():
            text = f"interrupted while {node.name} waited: {verdict.reason}"
            raise WaitInterrupted(text, change)


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
    if node.role is Role.ZOOKEEPER:
        states = zookeeper_states(site)
        return safety.may_stop_zookeeper(states, node.id, [z.id for z in site.spec.zookeeper])
    try:
        seen = site.cluster().view()
        tell_behind(site, seen)
        unread = [key for key in seen.errors if key.startswith("topic-")]
        if unread:
            why = f"the minimum ISR of {unread[0].removeprefix('topic-')} could not be read"
            return safety.Verdict(False, f"{why}: {seen.errors[unread[0]]}")
        view = safety_view(seen)
    except KafkaUnavailable as error:
        return safety.Verdict(False, f"Kafka cannot be asked: {error}")
    if node.is_controller:
        # Those of the spec may be no voters yet: it is the others that must not be missed.
        voters = sorted(view.lag) or [c.id for c in site.spec.controllers]
        verdict = safety.may_stop_controller(view, node.id, voters)
        if not verdict.allowed:
            return verdict
    if node.is_broker:
        refuse = site.spec.policy.offline_partitions == "refuse"
        if "offline" in site.options.allow:
            refuse = False
        return safety.may_stop_broker(
            view,
            node.id,
            refuse_offline=refuse,
            require_all_in_sync=require_all_in_sync,
            already_behind=already_behind,
        )
    return safety.Verdict(True)
