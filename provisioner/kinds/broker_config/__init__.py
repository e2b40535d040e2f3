"""Dynamic broker configuration: of one broker, and cluster-wide."""

from provisioner.kinds.broker_config.kind import KIND

__all__ = ["KIND"]
