"""Processes: ZooKeeper servers, controllers and brokers, and what each runs with."""

from provisioner.kinds.service.kind import KIND

__all__ = ["KIND"]
