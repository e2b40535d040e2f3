"""``apply --rebuild``: stops what runs on the spec's ports, files or dirs, and empties its data.

``--rebuild`` is the permission. Any other process on a port is named and refused before anything is
touched.
"""

from __future__ import annotations

from collections.abc import Callable

from provisioner.errors import fail
from provisioner.hosts.actor import Batch, ShellStep
from provisioner.kinds.service.kind import ports
from provisioner.plan.model import PRIVILEGED, Event
from provisioner.run.actors import actor_on
from provisioner.run.journal import Journal
from provisioner.run.lock import Lock
from provisioner.run.steps import text_of
from provisioner.run.target import Target

SECONDS = 30


def clear(target: Target, lock: Lock, journal: Journal, emit: Callable[[Event], None]) -> None:
    """Every host side by side: processes first, on all hosts, then data. Raises ProvisionError."""
    if target.unreachable:
        names = ", ".join(sorted(target.unreachable))
        raise fail("unreachable", f"--rebuild needs every host; not reached: {names}")
    target.side_by_side(lambda host: _stop(target, host, lock, journal, emit))
    target.side_by_side(lambda host: _wipe(target, host, lock, journal, emit))


def _stop(
    target: Target, host: str, lock: Lock, journal: Journal, emit: Callable[[Event], None]
) -> None:
    places = target.places[host]
    wanted = " ".join(str(port) for node in places.nodes for port in ports(node))
    folders = "\n".join(d.path for node in places.nodes for d in node.log_dirs)
    files = "\n".join(node.properties for node in places.nodes)
    words = (str(SECONDS), wanted, folders, files)
    step = ShellStep(text_of("service/stop_foreign"), words, PRIVILEGED, SECONDS + 60)
    _act(target, host, lock, journal, [step], "rebuild: end processes", emit)


def _wipe(
    target: Target, host: str, lock: Lock, journal: Journal, emit: Callable[[Event], None]
) -> None:
    places = target.places[host]
    if not places.user_exists:
        return  # there is no user yet whose data this could be
    text = text_of("storage/wipe")
    steps = [
        ShellStep(
            text,
            (d.path, "", str(node.id), "yes", places.home, node.role.value),
            places.kafka_user,
            600,
        )
        for node in places.nodes
        for d in node.log_dirs
    ]
    kept = ShellStep(text_of("file/remove"), (places.cluster_id_file,), places.kafka_user)
    forget = ShellStep(text_of("storage/forget"), (places.manifest,), places.state_user)
    _act(target, host, lock, journal, [*steps, kept, forget], "rebuild: empty data dirs", emit)


def _act(
    target: Target,
    host: str,
    lock: Lock,
    journal: Journal,
    steps: list[ShellStep],
    note: str,
    emit: Callable[[Event], None],
) -> None:
    actor = actor_on(target, host, lock.token)
    batch = Batch(
        steps=steps,
        intent=journal.line("intent", 0, (), note),
        done=journal.line("done", 0, (), note),
        broken=journal.line("failed", 0, (), note),
    )
    outcome = actor.act(batch)
    if outcome.lost:
        raise fail("lock-lost", "another run took the lock", host=host)
    for text in outcome.texts:
        if text.strip() and outcome.failed is None:
            emit(Event("note", text.strip(), host))
    if outcome.failed is not None:
        text = outcome.texts[-1].strip()
        code = "port-taken" if "neither Kafka" in text else "step-failed"
        raise fail(code, text, "stop it by hand, or give the node another port", host=host)
    emit(Event("note", f"{note}: done", host))
