"""Log dirs and ZooKeeper's data dirs: what they were formatted as, and where they are mounted."""

from provisioner.kinds.storage.kind import KIND

__all__ = ["KIND"]
