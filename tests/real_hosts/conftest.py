"""Tests on real hosts. They run in a world: `python -m tests.hosts world -- python -m pytest …`."""

from __future__ import annotations

from tests.hosts.fixtures import lab, machines, module_machines
from tests.soak import SOAK

# imported, not loaded as a plugin: pytest takes `pytest_plugins` in its topmost conftest only
__all__ = ["lab", "machines", "module_machines"]

# It restarts every broker many times, which takes a quarter of an hour.
collect_ignore = [] if SOAK else ["test_cluster_migration.py"]
