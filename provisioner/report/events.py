"""What a run tells while it runs, in words."""

from __future__ import annotations

from provisioner.plan.model import Event
from provisioner.report.units import size

WORDS = {
    "replicas": "waiting for the replicas to be in sync",
    "sessions": "waiting for the killed brokers' ZooKeeper sessions to end",
    "kafka": "waiting for Kafka to answer: {message}",
    "quota": "{subject}: the quota controller_mutation_rate holds it up for {message} s",
    "thing": "waiting for {subject}",
    "recovery": "{subject} starts: {message}",
    "gate": "{subject} waits: {message}",
    "offline": "without a leader while {subject} is down: {message}",
    "unwritable": "cannot be written with acks=all while {subject} is down: {message}",
    "impatient": "{subject} is stopped without waiting longer (no progress): {message}",
    "not-elected": "the preferred leaders were not elected: {message}",
    "not-asked": "Kafka could not check the properties of {subject}",
    "left-over": "removed {subject}, left by an earlier run",
    "archive": "making a class-data archive: later starts take half the time",
    "home-stays": "{subject} stays, if it exists: {message} is not a user of this host",
    "canary": "{subject}: checking its log, its replicas and a round trip before the others follow",
    "pause": "pausing for {message} s before the next restart",
    "reboot": "waiting for {message} to be back after its reboot",
    "cleared": "{subject}: done",
}
"""``Event.about`` → the sentence; without one, ``message`` is what a host or Kafka said itself."""


def words(event: Event) -> str:
    if event.counts:
        return ", ".join(f"{action} {things}" for action, things in event.counts)
    if not event.about:
        return event.message
    text = WORDS[event.about].format(subject=event.subject, message=event.message)
    if event.behind is None:
        return text
    eta = f", about {event.seconds:.0f} s" if event.seconds else ""
    return f"{text} ({_behind(*event.behind)}{eta})"


def _behind(partitions: int, bytes_: int | None) -> str:
    """``3 partitions, 1.2 GB behind``."""
    what = f"{partitions} partition{'' if partitions == 1 else 's'}"
    return f"{what} behind" if bytes_ is None else f"{what}, {size(bytes_)} behind"
