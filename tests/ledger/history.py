"""What is recorded while clients work: every send, acknowledgement, read and commit, in order."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Literal, NamedTuple

Outcome = Literal["committed", "aborted", "unknown"]
VALUE = re.compile(rb"(\w+)\.(\d+)")


class Place(NamedTuple):
    """A partition."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


class Message(NamedTuple):
    """What a record holds, ``WRITER.NUMBER``: a writer numbers its messages upwards."""

    writer: str
    number: int

    def __str__(self) -> str:
        return f"{self.writer}.{self.number}"

    @classmethod
    def of(cls, value: bytes | str) -> Message:
        """Raises ValueError for a value that no writer made."""
        found = VALUE.fullmatch(value.encode() if isinstance(value, str) else value)
        if found is None:
            raise ValueError(f"no writer of the ledger made {value!r}")
        return cls(found[1].decode(), int(found[2]))


@dataclass(frozen=True)
class Sent:
    """``transaction`` is empty outside of one."""

    message: Message
    place: Place
    transaction: str = ""


@dataclass(frozen=True)
class Acknowledged:
    """``at``: seconds of a monotonic clock. ``offset`` is -1 where Kafka no longer knew it."""

    at: float
    message: Message
    place: Place
    offset: int


@dataclass(frozen=True)
class Failed:
    """A send that was given up. The message may be there all the same."""

    message: Message
    reason: str


@dataclass(frozen=True)
class Ended:
    """A transaction is over; ``unknown``: the answer to its end never came."""

    transaction: str
    outcome: Outcome


@dataclass(frozen=True)
class Assigned:
    """A member of a group begins to read these partitions anew."""

    reader: str
    group: str
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Read:
    """By a member of a group, of what is committed."""

    reader: str
    group: str
    place: Place
    offset: int
    message: Message


@dataclass(frozen=True)
class Committed:
    """Kafka acknowledged that the group goes on at ``offset``."""

    reader: str
    group: str
    place: Place
    offset: int


Event = Sent | Acknowledged | Failed | Ended | Assigned | Read | Committed


@dataclass(frozen=True)
class Audit:
    """What Kafka has in the end, read by a consumer that is in no group.

    ``kept``: all that is committed, by partition and offset. ``stored``: where each group goes on.
    """

    kept: Mapping[Place, Mapping[int, Message]]
    stored: Mapping[tuple[str, Place], int] = field(default_factory=dict)


class History:
    """Events in the order in which they were seen. Many threads add, nobody takes away.

    With ``path`` every event is a line of that file, too, for a person who looks for a cause.
    """

    def __init__(self, path: Path | None = None):
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._file: IO[str] | None = path.open("a") if path else None

    def add(self, *events: Event) -> None:
        with self._lock:
            self._events += events
            if self._file:
                for event in events:
                    line = {"event": type(event).__name__, **asdict(event)}
                    self._file.write(json.dumps(line) + "\n")

    def events(self) -> Sequence[Event]:
        with self._lock:
            return list(self._events)

    def since(self, number: int) -> Sequence[Event]:
        """All from this one on; it costs nothing when there is none."""
        with self._lock:
            return self._events[number:]

    def close(self) -> None:
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None
