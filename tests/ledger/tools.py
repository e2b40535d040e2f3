"""Kafka's own ``kafka-verifiable-producer.sh`` and ``kafka-verifiable-consumer.sh``, of a home that
the tool made; what they print becomes events."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tests.ledger.history import (
    Acknowledged,
    Assigned,
    Committed,
    Event,
    Failed,
    History,
    Message,
    Place,
    Read,
)

Events = Sequence[Event]
READER = "verifiable"
SMALL = {
    "KAFKA_HEAP_OPTS": "-Xmx64m",
    "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}
RATE = 40
"""Messages a second in all."""
PREFIX = 7
"""The tool takes a number for the writer's name."""
# The tool itself tries nothing twice, and so would give up whenever a leader moves.
KEEPS_TRYING = """retries=2147483647
enable.idempotence=true
delivery.timeout.ms=240000
request.timeout.ms=5000
reconnect.backoff.max.ms=500
"""


class Tool:
    """A process of Kafka's that prints a JSON document a line. ``events``: what one tells, at a
    time."""

    def __init__(
        self, command: Sequence[str], log: Path, history: History, events: Callable[..., Events]
    ):
        self._log, self._history, self._events = log, history, events
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, **SMALL},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._thread = threading.Thread(target=self._read, name=log.stem, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                self._history.add(*self._events(json.loads(line), time.monotonic()))

    def check(self) -> None:
        """Raises AssertionError with its log where it does not run."""
        assert self.process.poll() is None, self._log.read_text(errors="replace")[-3000:]

    def end(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._thread.join(60)


def verifiable_producer(
    home: Path, bootstrap: str, topic: str, history: History, folder: Path
) -> Tool:
    config = folder / "verifiable-producer.properties"
    config.write_text(KEEPS_TRYING)
    command = [f"{home}/bin/kafka-verifiable-producer.sh", "--bootstrap-server", bootstrap]
    command += ["--topic", topic, "--throughput", str(RATE), "--value-prefix", str(PREFIX)]
    command += ["--producer.config", str(config)]
    return Tool(command, folder / "verifiable-producer.log", history, producer_events)


def verifiable_consumer(
    home: Path, bootstrap: str, topic: str, group: str, history: History, folder: Path
) -> Tool:
    command = [f"{home}/bin/kafka-verifiable-consumer.sh", "--bootstrap-server", bootstrap]
    command += ["--topic", topic, "--group-id", group, "--reset-policy", "earliest", "--verbose"]
    events = partial(consumer_events, group)
    return Tool(command, folder / "verifiable-consumer.log", history, events)


def producer_events(told: Mapping[str, Any], now: float) -> Events:
    """It tells of an acknowledgement, not of a send."""
    match told["name"]:
        case "producer_send_success":
            message = Message.of(told["value"])
            return [Acknowledged(now, message, _place(told), told["offset"])]
        case "producer_send_error":
            return [Failed(Message.of(told["value"]), str(told.get("message")))]
    return []


def consumer_events(group: str, told: Mapping[str, Any], now: float) -> Events:
    match told["name"]:
        case "partitions_assigned":
            return [Assigned(READER, group, tuple(map(_place, told["partitions"])))]
        case "record_data":
            return [Read(READER, group, _place(told), told["offset"], Message.of(told["value"]))]
        case "offsets_committed" if told["success"]:
            return [Committed(READER, group, _place(o), o["offset"]) for o in told["offsets"]]
    return []


def _place(told: Mapping[str, Any]) -> Place:
    return Place(told["topic"], told["partition"])
