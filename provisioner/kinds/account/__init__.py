"""The account that Kafka runs as."""

from provisioner.kinds.account.kind import KIND

__all__ = ["KIND"]
