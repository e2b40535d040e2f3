"""Warnings by the hundred: the first of each rule, and how many more there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from provisioner.errors import Notice

MOST = 20
"""How many warnings of its topics one cluster gets line by line."""

T = TypeVar("T")


@dataclass(frozen=True)
class Findings(Generic[T]):
    """What one rule found. ``what`` names it in a count: ``380 with one copy``."""

    what: str
    items: Sequence[T]


def few(found: Sequence[Findings[T]], say: Callable[[T], Notice]) -> list[Notice]:
    """At most ``MOST`` of them, every rule with its share, and one that counts the rest. ``say`` is
    asked only for those that are told: a place in a file of thousands of topics costs time."""
    found = [rule for rule in found if rule.items]
    given = shares([len(rule.items) for rule in found], MOST)
    told = [say(item) for rule, n in zip(found, given, strict=True) for item in rule.items[:n]]
    left = [(len(rule.items) - n, rule.what) for rule, n in zip(found, given, strict=True)]
    rest = [f"{number:,} {what}" for number, what in left if number]
    if rest:
        told.append(Notice(f"and {sum(n for n, _ in left):,} more: {', '.join(rest)}"))
    return told


def shares(sizes: Sequence[int], most: int) -> list[int]:
    """How many of each of ``sizes`` things fit when ``most`` do in all: the large ones give way."""
    given = [0] * len(sizes)
    while most > 0 and given != list(sizes):
        for number, size in enumerate(sizes):
            if most > 0 and given[number] < size:
                given[number] += 1
                most -= 1
    return given
