"""Who leads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from provisioner.kafka.requests.request import Message, Request

PREFERRED = 0


@dataclass(frozen=True)
class ElectPreferredLeaders(Request):
    """For all partitions; where the preferred one leads already is no error."""

    @property
    def what(self) -> str:
        return "preferred leaders"

    @property
    def messages(self) -> tuple[Message, ...]:
        fields = {"election_type": PREFERRED, "topic_partitions": None}
        return (Message("ElectLeaders", fields, _items, ("ELECTION_NOT_NEEDED",)),)


def _items(answer: Any) -> Iterator[Any]:
    yield answer
    for topic in answer.replica_election_results:
        yield from topic.partition_result
