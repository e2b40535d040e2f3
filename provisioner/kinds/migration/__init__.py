"""What Kafka does by itself in a migration from ZooKeeper to KRaft, and is waited for."""

from provisioner.kinds.migration.kind import KIND

__all__ = ["KIND"]
