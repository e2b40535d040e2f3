"""Kafka and Java: resolved, verified by digest, cached, packed for a host."""

from provisioner.artifacts.bundle import load_bundle, write_bundle
from provisioner.artifacts.cache import Cache
from provisioner.artifacts.model import Distribution, Prepared, Progress, Request
from provisioner.artifacts.pack import TarStream
from provisioner.artifacts.store import Store

__all__ = [
    "Cache",
    "Distribution",
    "Prepared",
    "Progress",
    "Request",
    "Store",
    "TarStream",
    "load_bundle",
    "write_bundle",
]
