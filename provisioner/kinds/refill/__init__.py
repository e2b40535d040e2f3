"""The replicas of a broker that came back without its data, until they are in sync again."""

from provisioner.kinds.refill.kind import KIND

__all__ = ["KIND"]
