"""Kafka topics: partitions, replication, configuration."""

from provisioner.kinds.topic.kind import KIND

__all__ = ["KIND"]
