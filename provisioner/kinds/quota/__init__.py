"""Client quotas: what a user, a client id, or both may use."""

from provisioner.kinds.quota.kind import KIND

__all__ = ["KIND"]
