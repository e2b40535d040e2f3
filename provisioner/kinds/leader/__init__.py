"""The preferred leaders of a topic's partitions."""

from provisioner.kinds.leader.kind import KIND

__all__ = ["KIND"]
