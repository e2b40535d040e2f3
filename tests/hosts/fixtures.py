"""Pytest fixtures: `lab`, `machines`, `module_machines`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.hosts import lab as labs
from tests.hosts.lab import Lab
from tests.hosts.machine import Machine
from tests.hosts.options import Options

_OUTSIDE = "needs root on Linux; run make hosts-test"
_SPLIT = "one world holds one lab: instead of -n give each worker a world, as tools/test.sh does"


class MachineFactory:
    """Gives a test hosts that nobody used before; takes them back when the test is over.

    A host given twice is the same machine rebuilt: same name, addresses and host key, all else
    new. That takes about a second for one, two for three.
    """

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._given: list[Machine] = []

    def __call__(
        self, count: int = 1, options: Options | None = None, **changes: Any
    ) -> list[Machine]:
        """`count` fresh hosts, all alike, that let users in. `changes` are fields of Options.

        Several calls in one test give different hosts. Raises HarnessError.
        """
        wanted = replace(options or Options(), **changes)
        taken = [self.lab.borrow(wanted) for _ in range(count)]
        self._given += taken
        self.lab.start(taken)
        return taken

    def behind_bastion(self, count: int = 1, **changes: Any) -> tuple[Machine, list[Machine]]:
        """A bastion, and hosts that only it reaches. `ssh_config` of the lab knows the way."""
        (bastion,) = self(1, network="both")
        return bastion, self(count, network="inner", **changes)

    def give_back(self) -> None:
        """Switch all hosts off that this factory gave."""
        for machine in self._given:
            self.lab.give_back(machine)
        self._given.clear()


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The lab of the world the tests run in; outside a world they are skipped.

    (CI takes a skipped test for a failed one: tests/conftest.py.)
    """
    try:
        found = labs.current()
    except labs.Taken:
        pytest.fail(_SPLIT)
    if found is None:
        pytest.skip(_OUTSIDE)
    yield found
    found.stop()


@pytest.fixture
def machines(lab: Lab) -> Iterator[MachineFactory]:
    """Call it for hosts of this test alone."""
    factory = MachineFactory(lab)
    yield factory
    factory.give_back()


@pytest.fixture(scope="module")
def module_machines(lab: Lab) -> Iterator[MachineFactory]:
    """Call it for hosts that all tests of a module share."""
    factory = MachineFactory(lab)
    yield factory
    factory.give_back()
