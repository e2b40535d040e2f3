"""A client that looks and changes: what a test wants of Kafka by itself, beside the tool."""

from __future__ import annotations

from typing import Any

from provisioner.kafka import client, writer
from provisioner.kafka.port import KafkaReader, KafkaWriter


class Both:
    """A ``KafkaReader`` and a ``KafkaWriter`` over the same connections."""

    def __init__(self, reader: client.KafkaClient):
        self.reader, self.writer = reader, writer.Writer(reader)

    def __getattr__(self, name: str) -> Any:
        of_writer = hasattr(KafkaWriter, name) and not hasattr(KafkaReader, name)
        return getattr(self.writer if of_writer else self.reader, name)


def connect(*words: Any, **options: Any) -> Both:
    """As ``client.connect``."""
    return Both(client.connect(*words, **options))
