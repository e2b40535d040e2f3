"""Features of Kafka: the level at which each is finalised."""

from provisioner.kinds.feature.kind import KIND

__all__ = ["KIND"]
