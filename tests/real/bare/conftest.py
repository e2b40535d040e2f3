"""One combined KRaft node, written and not applied; what a test made of it goes with the test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.lab import Lab, kraft_lab


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Lab]:
    lab = kraft_lab(tmp_path, "one-node", "my home/kafka", brokers=1)
    try:
        yield lab
    finally:
        lab.clean()
