"""Removes what killed runs left on hosts, and unused distributions, and reports it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

from provisioner.hosts.actor import Batch, ShellStep
from provisioner.hosts.shell import ENTER, constant
from provisioner.plan.model import PRIVILEGED, Event
from provisioner.run.actors import actor_on
from provisioner.run.lock import Lock
from provisioner.run.target import Target
from provisioner.spec.types import Supervisor

UNITS = "/etc/systemd/system"
SWEEP_UNITS = ENTER + constant("sweep_units.sh", "provisioner.run")


def sweep_hosts(
    target: Target, lock: Lock, emit: Callable[[Event], None], *, distributions: bool
) -> None:
    """Every reachable host, side by side. ``distributions``: old ones too, for a run that
    reached its goal."""
    limit = target.options.limit
    hosts = [host for host in target.shells if limit is None or host in limit]
    target.side_by_side(lambda host: _sweep(target, host, lock, emit, distributions), hosts)


def _sweep(
    target: Target, host: str, lock: Lock, emit: Callable[[Event], None], distributions: bool
) -> None:
    places = target.places[host]
    wanted = [d for d in (places.kafka, places.java, places.scripts, places.archive) if d]
    keep = "\n".join(d.path.rpartition("/")[2] for d in wanted) if distributions else ""
    folders = [
        f"{places.home}/config",
        places.home,
        places.private_dir,
        f"{places.private_dir}/launch",
    ]
    folders += [d.path for node in places.nodes for d in node.log_dirs]
    text = resources.files(__package__ or "").joinpath("sweep.sh").read_text()
    words = (places.home, "\n".join(folders), keep, f"{places.digest_key}.provision")
    steps = [ShellStep(text, words, places.kafka_user, 120)] if places.user_exists else []
    if places.supervisor is Supervisor.SYSTEMD:
        # Where units are, root writes, and others than we have files.
        units = [f"{UNITS}/.{places.unit(node)}.provision" for node in places.nodes]
        steps.append(ShellStep(SWEEP_UNITS, (UNITS, *units), PRIVILEGED))
    outcome = actor_on(target, host, lock.token).act(Batch(steps=steps))
    for said in outcome.texts:
        for line in said.splitlines() if outcome.failed is None else ():
            emit(Event("note", line, host))
