"""What a run tells while it runs, in words."""

from __future__ import annotations

from provisioner.plan.model import Event

WORDS = {
    "replicas": "waiting for the replicas to be in sync",
    "sessions": "waiting for the killed brokers' ZooKeeper sessions to end",
    "kafka": "waiting for Kafka to answer: {message}",
    "thing": "waiting for {subject}",
    "gate": "{subject} waits: {message}",
    "offline": "cannot be written while {subject} is down: {message}",
    "impatient": "{subject} is stopped without waiting longer (no progress): {message}",
    "not-elected": "the preferred leaders were not elected: {message}",
    "not-asked": "Kafka could not check the properties of {subject}",
    "left-over": "removed {subject}, left by an earlier run",
    "archive": "making a class-data archive: later starts take half the time",
    "home-stays": "{subject} stays, if it exists: {message} is not a user of this host",
    "cleared": "{subject}: done",
}
"""``Event.about`` → the sentence; without one, ``message`` is what a host or Kafka said itself."""


def words(event: Event) -> str:
    if event.counts:
        return ", ".join(f"{action} {things}" for action, things in event.counts)
    if not event.about:
        return event.message
    return WORDS[event.about].format(subject=event.subject, message=event.message)
