"""The Java distribution on a host."""

from provisioner.kinds.distribution import make

KIND = make("java", rank=2)

__all__ = ["KIND"]
