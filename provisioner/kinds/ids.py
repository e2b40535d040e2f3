"""The ids of things on hosts, for those who speak of them: a kind's name stands nowhere else."""

from __future__ import annotations

from provisioner.plan.model import Id
from provisioner.spec.types import Node


def file_id(host: str, path: str) -> Id:
    return Id(host, "file", path)


def directory_id(host: str, path: str) -> Id:
    return Id(host, "directory", path)


def storage_id(host: str, path: str) -> Id:
    """A log dir as what it holds: whose it is, and whether it is formatted."""
    return Id(host, "storage", path)


def topic_id(name: str) -> Id:
    return Id("", "topic", name)


def broker_id(number: int) -> Id:
    """Its registration."""
    return Id("", "broker", str(number))


def voter_id(number: int) -> Id:
    """A controller in the quorum."""
    return Id("", "voter", str(number))


def feature_id(name: str) -> Id:
    return Id("", "feature", name)


def config_id(name: str) -> Id:
    """Dynamic configuration: of the broker of that name, or cluster-wide (``cluster``)."""
    return Id("", "broker-config", name)


def placement_id(topic: str) -> Id:
    return Id("", "placement", topic)


def throttle_id() -> Id:
    """There is one for all that moves."""
    return Id("", "throttle", "cluster")


def migration_id(name: str) -> Id:
    """What Kafka does by itself in a migration from ZooKeeper (``kinds/phases.py``)."""
    return Id("", "migration", name)


def service_id(node: Node) -> Id:
    """A node's process."""
    return Id(node.host, "service", node.name)


def refill_id(broker: int) -> Id:
    """The replicas of a broker that came back without its data."""
    return Id("", "refill", f"broker-{broker}")
