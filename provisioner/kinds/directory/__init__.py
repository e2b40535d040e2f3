"""Folders on a host: Kafka's home, configuration, logs, data, our own state."""

from provisioner.kinds.directory.kind import KIND

__all__ = ["KIND"]
