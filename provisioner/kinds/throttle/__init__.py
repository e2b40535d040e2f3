"""The limit on what moving replicas may take of the network, for as long as they move."""

from provisioner.kinds.throttle.kind import KIND

__all__ = ["KIND"]
