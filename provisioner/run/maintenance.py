"""What is done to one host while none of its nodes runs."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from provisioner.errors import fail
from provisioner.hosts.actor import Batch, ShellStep
from provisioner.hosts.observer import Reading
from provisioner.hosts.shell import constant
from provisioner.hosts.transport import TransportError
from provisioner.kinds.service.desired import TIERS
from provisioner.patience import Patience
from provisioner.plan.model import PRIVILEGED, Change, Event, Wave
from provisioner.plan.order import MAY_STOP
from provisioner.run.gates import wait_for_host
from provisioner.run.processes import change_of, runs
from provisioner.run.session import Session
from provisioner.run.waits import NoProgress, WaitInterrupted
from provisioner.site.planning import Planned
from provisioner.site.site import Site
from provisioner.spec.types import Node

COMMAND_SECONDS = 6 * 3600
BACK = 900.0
"""Seconds in which a host that reboots has to be back."""


@dataclass(frozen=True)
class Done:
    """What a command said, and whether it ended with 0."""

    ok: bool
    text: str


def running(planned: Planned, nodes: Sequence[Node]) -> list[Node]:
    return [node for node in nodes if runs(planned, node)]


def stops(nodes: Sequence[Node]) -> list[Wave]:
    """Brokers first, then what coordinates them; nodes of one role together, once they may."""
    tiers = sorted({TIERS[node.role] for node in nodes}, reverse=True)
    groups = [[n for n in nodes if TIERS[n.role] == tier] for tier in tiers]
    return [
        Wave(number, tuple(change_of(node, "stop") for node in group), MAY_STOP)
        for number, group in enumerate(groups, 1)
    ]


def starts(nodes: Sequence[Node]) -> list[Wave]:
    """The other way round."""
    groups = [wave.changes for wave in reversed(stops(nodes))]
    return [
        Wave(number, tuple(_started(change) for change in changes))
        for number, changes in enumerate(groups, 1)
    ]


def _started(change: Change) -> Change:
    return replace(change, action="start", before={"running": False}, after={"running": True})


def wait_until_down_is_safe(run: Session, nodes: Sequence[Node]) -> None:
    """Returns when all of them may be down at the same time. Raises NoProgress; WaitInterrupted
    where a signal comes."""
    wait_for_host(run.site, nodes, run.emit, run.stop, run.lock.loss)


def boot_id(site: Site, host: str) -> str:
    """What is another after each boot. Raises TransportError."""
    reading = Reading(constant("boot_id.sh", __package__), (), PRIVILEGED)
    frame = site.observer(host).read([reading])[0]
    if frame is None or frame.status != 0 or not frame.text.strip():
        raise TransportError("connection-lost", f"{host} does not tell its boot id")
    return frame.text.strip()


def command(run: Session, host: str, words: Sequence[str]) -> Done:
    """Runs a command on the host as the login, through sudo only where the inventory says so."""
    line = shlex.join(words)
    run.records.write("intent", host, note=f"maintain: {line}")
    step = ShellStep(constant("command.sh", __package__), tuple(words), PRIVILEGED, COMMAND_SECONDS)
    outcome = run.as_login(host).act(Batch(steps=[step]))
    if outcome.lost:
        raise fail("lock-lost", "another run took the lock", host=host)
    done = Done(outcome.failed is None, "".join(outcome.texts).rstrip())
    run.records.write("done" if done.ok else "failed", host, note=f"maintain: {line}")
    return done


def reboot(run: Session, host: str) -> None:
    """Has the host reboot in a moment. Raises ``step-failed`` where the login may not."""
    run.records.write("intent", host, note="maintain: reboot")
    step = ShellStep(constant("reboot.sh", __package__), (), PRIVILEGED, 30)
    outcome = run.as_login(host).act(Batch(steps=[step]))
    if outcome.lost:
        raise fail("lock-lost", "another run took the lock", host=host)
    if outcome.failed is not None:
        raise fail("step-failed", f"it cannot be rebooted: {outcome.texts[-1].strip()}", host=host)


def wait_for_boot(
    host: str,
    before: str,
    look_again: Callable[[], str],
    emit: Callable[[Event], None],
    is_over: Callable[[], bool],
) -> None:
    """Returns once the host tells another boot id. ``look_again`` gives the one it has now, or
    nothing while it cannot be reached. Raises NoProgress; WaitInterrupted once ``is_over``."""
    emit(Event("waiting", host, host, about="reboot"))
    patience = Patience(BACK, None, (1.0, 2.0))
    while look_again() in ("", before):
        if is_over():
            raise WaitInterrupted("interrupted while the host rebooted")
        if patience.seconds > BACK:
            raise NoProgress(f"it is not back {BACK:.0f} s after it was told to reboot")
        patience.pause()
