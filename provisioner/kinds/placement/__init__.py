"""Which brokers hold which replicas of the spec's topics."""

from provisioner.kinds.placement.kind import KIND

__all__ = ["KIND"]
