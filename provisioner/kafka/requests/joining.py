"""Requests about many things in few messages: five hundred topics are made by one CreateTopics.

Only those of one type, to one destination, that have a single message with a ``Part``. Each thing
keeps its own error: what Kafka refuses of one thing is not refused of the others.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from provisioner.kafka.requests.request import MOST, Message, Part, Request

FEW = 100
"""Things a request in ZooKeeper mode, where the controller makes one topic after another, each with
several writes to ZooKeeper: five hundred may take longer than a request is waited for."""


def in_requests(requests: Sequence[Request], most: int = MOST) -> list[list[int]]:
    """The requests (by their number) that go to Kafka together, in their order; each list is one
    exchange about at most so many things."""
    found: list[_Group] = []
    filling: dict[object, _Group] = {}
    for number, request in enumerate(requests):
        part = part_of(request)
        key = (type(request), request.to)
        group = filling.get(key)
        if group is None or part is None or not group.takes(part):
            group = _Group(most)
            found.append(group)
        if part is not None:
            group.add(part)
            filling[key] = group
        group.numbers.append(number)
    return [group.numbers for group in found]


@dataclass
class _Group:
    most: int
    numbers: list[int] = field(default_factory=list)
    things: set[Hashable] = field(default_factory=set)
    weight: int = 0

    def takes(self, part: Part) -> bool:
        """Kafka refuses to be told of one thing twice in a request."""
        fits = len(self.things) < self.most and self.weight + part.weight <= part.most
        return fits and part.thing not in self.things

    def add(self, part: Part) -> None:
        self.things.add(part.thing)
        self.weight += part.weight


def part_of(request: Request) -> Part | None:
    """How it goes together with others; None where it goes alone."""
    if request.looks:
        return None
    messages = request.messages
    return messages[0].part if len(messages) == 1 else None


def joined(requests: Sequence[Request]) -> Message:
    """The one message of requests that ``in_requests`` put together."""
    messages = [request.messages[0] for request in requests]
    first, name = messages[0], _part(messages[0]).field
    entries = [entry for message in messages for entry in message.fields[name]]
    return replace(first, fields={**first.fields, name: entries})


def of_each(requests: Sequence[Request], answer: Any) -> list[list[Any]]:
    """The items of a joint answer that are each request's; one that is left out has none."""
    parts = [_part(request.messages[0]) for request in requests]
    found: dict[object, list[Any]] = {part.thing: [] for part in parts}
    of_all = []
    for thing, item in parts[0].items(answer):
        if thing is None:
            of_all.append(item)
        elif thing in found:
            found[thing].append(item)
    return [[*of_all, *found[part.thing]] for part in parts]


def _part(message: Message) -> Part:
    assert message.part is not None
    return message.part
