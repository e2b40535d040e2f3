"""Ansible is asked once for all inventories of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.inventory import cases
from tests.contract.inventory.ansible import Listing, listings


@pytest.fixture(scope="session")
def inventories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name of the case → its inventory, on disk."""
    return cases.made(tmp_path_factory.mktemp("inventories"))


@pytest.fixture(scope="session")
def ansibles(
    inventories: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Listing]:
    """Name of the case → what Ansible says of it."""
    found = listings(inventories.values(), tmp_path_factory.mktemp("ansible"))
    return {name: found[path] for name, path in inventories.items()}
