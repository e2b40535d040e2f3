"""The running lab. A test that left it otherwise than it found it does not spoil the next one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.real.lab import Lab, zookeeper_lab

FIRST: dict[str, Any] = {}
"""The document of the apply that made the lab."""


@pytest.fixture(scope="package")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = zookeeper_lab(tmp_path_factory.mktemp("sheet"))
    lab.data["defaults"]["config"]["num.io.threads"] = 5
    lab.data["defaults"]["config"]["queued.max.requests"] = 600
    lab.data["topics"]["purchases"]["config"] = {
        "retention.ms": 604800000,
        "min.insync.replicas": 2,
    }
    lab.write()
    try:
        done = lab.run("apply", "--round-trip", "--json")
        assert done.code == 0, done.text + done.progress
        FIRST.update(done.document)
        yield lab
    finally:
        lab.clean()


@pytest.fixture
def lab(made: Lab) -> Lab:
    if made.run("drift").code != 0:
        made.apply()
    return made


@pytest.fixture
def first(made: Lab) -> dict[str, Any]:
    return FIRST
