"""DescribeConfigs answers of thousands of topics. Most topics have the very same settings, so the
same bytes come again and again: they are read once, and the topics share what was read.

Only the frame around the settings is read here; the settings themselves the library reads.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

VERSION = 4
"""The version of the answer that is read here: the newest, which every broker since 2.6 speaks."""
KEPT = 16
"""How many different settings are remembered: each is compared with what comes next."""

Entry = Callable[[memoryview, int], tuple[Any, int]]
"""What reads one setting: (data, place) → (the setting, the place after it)."""


@dataclass(frozen=True, slots=True)
class Result:
    """One topic or broker, in Kafka's names. ``configs`` is the same list where it is alike."""

    error_code: int
    error_message: str | None
    resource_type: int
    resource_name: str
    configs: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Answer:
    throttle_time_ms: int
    results: Sequence[Result]


def read(body: bytes, entry: Entry) -> Answer:
    """From the header on. What is no such answer raises struct.error, IndexError, or ValueError."""
    reader = _Reader(body, entry)
    (throttled,) = struct.unpack_from(">i", body, reader.after_header())
    reader.at += 4
    answer = Answer(throttled, [reader.result() for _ in range(reader.number() - 1)])
    reader.tags()
    return answer


class _Reader:
    def __init__(self, body: bytes, entry: Entry) -> None:
        self.body, self.entry = body, entry
        self.view = memoryview(body)
        self.at = 0
        self.known: list[tuple[bytes, list[Any]]] = []
        """Settings as they came, and as they were read: the last ones first."""

    def after_header(self) -> int:
        self.at = 4  # the number of the request
        self.tags()
        return self.at

    def result(self) -> Result:
        (code,) = struct.unpack_from(">h", self.body, self.at)
        self.at += 2
        message = self.text()
        kind = self.body[self.at]
        self.at += 1
        found = Result(code, message, kind, self.text() or "", self.configs())
        self.tags()
        return found

    def configs(self) -> list[Any]:
        """Where one list ends follows from its bytes: what begins with all bytes of a known one is
        that one."""
        for place, (known, settings) in enumerate(self.known):
            if self.body.startswith(known, self.at):
                self.at += len(known)
                if place:
                    self.known.insert(0, self.known.pop(place))
                return settings
        began, settings = self.at, []
        for _ in range(self.number() - 1):
            setting, self.at = self.entry(self.view, self.at)
            settings.append(setting)
        self.known.insert(0, (self.body[began : self.at], settings))
        del self.known[KEPT:]
        return settings

    def text(self) -> str | None:
        length = self.number() - 1
        if length < 0:
            return None
        began, self.at = self.at, self.at + length
        if self.at > len(self.body):
            raise ValueError("the answer ends within a text")
        return self.body[began : self.at].decode()

    def number(self) -> int:
        """An unsigned number of seven bits a byte, the lowest first."""
        found = shift = 0
        while True:
            byte = self.body[self.at]
            self.at += 1
            found |= (byte & 0x7F) << shift
            if byte < 0x80:
                return found
            shift += 7
            if shift > 28:
                raise ValueError("a number is too long")

    def tags(self) -> None:
        """What newer brokers may add, which is passed over."""
        for _ in range(self.number()):
            self.number()
            length = self.number()
            self.at += length
