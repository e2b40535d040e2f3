"""A topic for one question: made, written to, read back and removed. The only thing that is changed
in Kafka without the cluster's lock, so it can touch nothing but topics named ``__provision-…``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from provisioner.kafka.port import KafkaReader
from provisioner.kafka.requests.topics import CreateTopic

PREFIX = "__provision-"


@contextmanager
def temporary_topic(
    reader: KafkaReader, name: str, partitions: int, replicas: int
) -> Iterator[Callable[[Sequence[bytes]], list[str]]]:
    """For as long as the block lasts; it is given ``write(values)``, which returns why records were
    refused. Raises KafkaUnavailable, KafkaRefused."""
    from provisioner.kafka.client import KafkaClient
    from provisioner.kafka.writer import Writer

    if not name.startswith(PREFIX):
        raise ValueError(f"{name} is no temporary topic")
    assert isinstance(reader, KafkaClient)
    writer = Writer(reader)

    def write(values: Sequence[bytes]) -> list[str]:
        answers = writer.produce(name, values, seconds=30)
        return [str(answer) for answer in answers if isinstance(answer, Exception)]

    writer.send(CreateTopic(name, partitions, replicas))
    try:
        yield write
    finally:
        writer.delete_topic(name)
