"""Kafka and Java: resolved, verified by digest, cached, packed for a host."""

from provisioner.artifacts.model import Distribution, Prepared, Progress
from provisioner.artifacts.pack import TarStream
from provisioner.artifacts.store import Store

__all__ = ["Distribution", "Prepared", "Progress", "Store", "TarStream"]
