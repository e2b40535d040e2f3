"""Many connections made at the same time have nothing in common."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from provisioner.hosts.ssh import connect as ssh


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads that take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


@pytest.mark.usefixtures("eager_threads")
def test_connections_are_made_side_by_side() -> None:
    def make(number: int) -> int:
        made = ssh._Fabric(
            f"10.0.0.{number % 250}",
            user="deploy",
            port=22,
            config=ssh._fabric_config(),
            connect_kwargs={"banner_timeout": 1.0},
        )
        return int(made.port)

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(make, range(600))) == {22}
