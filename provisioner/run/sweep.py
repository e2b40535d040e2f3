"""Removes what killed runs left on hosts and in Kafka, and unused distributions, and reports it."""

from __future__ import annotations

from importlib import resources

from provisioner.hosts.actor import Batch, ShellStep
from provisioner.hosts.shell import ENTER, constant
from provisioner.kafka.port import KafkaUnavailable
from provisioner.kafka.temporary import PREFIX
from provisioner.plan.model import PRIVILEGED, Event
from provisioner.run.session import Session
from provisioner.site.round_trip import in_use
from provisioner.spec.types import Supervisor

UNITS = "/etc/systemd/system"
SWEEP_UNITS = ENTER + constant("sweep_units.sh", "provisioner.run")


def sweep_hosts(run: Session, *, distributions: bool) -> None:
    """Every host that can be reached, side by side. ``distributions``: the old ones too, which is
    for the end of a run that reached its goal."""
    limit = run.site.options.limit
    hosts = [host for host in run.site.shells if limit is None or host in limit]
    if run.site.spec.bootstrap:
        return  # nothing was put on a host
    run.site.side_by_side(lambda host: _sweep(run, host, distributions), hosts)


def sweep_topics(run: Session) -> None:
    """The temporary topics that killed runs left."""
    try:
        view = run.site.cluster().liveness()
    except KafkaUnavailable:
        return
    for topic in view.topics:
        if topic.name.startswith(PREFIX) and not in_use(topic.name):
            run.kafka.delete_topic(topic.name)
            run.emit(Event("note", about="left-over", subject=topic.name))


def _sweep(run: Session, host: str, distributions: bool) -> None:
    places = run.site.places[host]
    wanted = [d for d in (places.kafka, places.java, places.scripts, places.archive) if d]
    keep = "\n".join(d.path.rpartition("/")[2] for d in wanted) if distributions else ""
    folders = [
        f"{places.home}/config",
        places.home,
        places.private_dir,
        f"{places.private_dir}/launch",
    ]
    folders += [d.path for node in places.known for d in node.log_dirs]
    text = resources.files(__package__ or "").joinpath("sweep.sh").read_text()
    words = (places.home, "\n".join(folders), keep, f"{places.digest_key}.provision")
    steps = [ShellStep(text, words, places.kafka_user, 120)] if places.user_exists else []
    if places.supervisor is Supervisor.SYSTEMD:
        # Where units are, root writes, and others than we have files.
        units = [f"{UNITS}/.{places.unit(node)}.provision" for node in places.known]
        steps.append(ShellStep(SWEEP_UNITS, (UNITS, *units), PRIVILEGED))
    outcome = run.actor(host).act(Batch(steps=steps))
    for said in outcome.texts:
        for line in said.splitlines() if outcome.failed is None else ():
            run.emit(Event("note", line, host))
