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


def service_id(node: Node) -> Id:
    """A node's process."""
    return Id(node.host, "service", node.name)
