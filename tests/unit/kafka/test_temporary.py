"""What is changed without the lock is a topic of our own."""

from __future__ import annotations

import pytest

from provisioner.kafka.client import connect
from provisioner.kafka.temporary import temporary_topic


def test_no_topic_of_anybody_else_is_temporary() -> None:
    reader = connect([("localhost", 1)])
    with (
        pytest.raises(ValueError, match="orders is no temporary topic"),
        temporary_topic(reader, "orders", 1, 1),
    ):
        raise AssertionError("it was given")
