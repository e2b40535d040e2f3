"""A broker's registration in the cluster."""

from provisioner.kinds.broker.kind import KIND

__all__ = ["KIND"]
