"""The Kafka distribution on a host."""

from provisioner.kinds.distribution import make

KIND = make("kafka", rank=2)

__all__ = ["KIND"]
