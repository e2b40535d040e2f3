"""Kafka's features (``metadata.version``, ``group.version``, …) as its own code has them: levels,
their names, and from which of them Kafka goes back (``tables/``).

A level is a whole number; 0 is a feature that is not finalised.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from provisioner.spec import properties
from provisioner.spec.words import release

METADATA = "metadata.version"
KRAFT = "kraft.version"
"""Raised, it makes a static quorum dynamic for good: only what the spec says of the quorum does
that."""
NAME = re.compile(r"(\d+\.\d+)-IV\d+")


@dataclass(frozen=True)
class Feature:
    """The levels that one version of Kafka takes, ``least`` to ``most``. ``names`` of levels;
    ``changed``: levels with another format of the metadata, which Kafka does not go back over;
    ``needs``: level → the levels of other features that it stands on."""

    least: int
    most: int
    names: Mapping[str, int] = field(default_factory=dict)
    changed: frozenset[int] = frozenset()
    needs: Mapping[int, Mapping[str, int]] = field(default_factory=dict)


@cache
def features(version: str) -> Mapping[str, Feature]:
    """By name; of the nearest version that has a table (``is_exact``)."""
    return {
        name: Feature(
            one["min"],
            one["max"],
            one.get("names", {}),
            frozenset(one.get("changed", ())),
            {int(level): needed for level, needed in one.get("needs", {}).items()},
        )
        for name, one in properties.table(version).features.items()
    }


def is_exact(version: str) -> bool:
    """Whether the table is of this very version."""
    return properties.table(version).exact


def newest() -> Mapping[str, Feature]:
    """Of the newest version that has a table: it knows every name of a level."""
    return features(properties.versions()[-1])


def known_names() -> frozenset[str]:
    """Every feature of any version."""
    return frozenset(name for version in properties.versions() for name in features(version))


@cache
def _names() -> Mapping[str, int]:
    found: dict[str, int] = {}
    for version in properties.versions():
        found |= features(version)[METADATA].names
    return found


def level(feature: str, word: str) -> int | None:
    """``29`` and ``4.2-IV1`` → 29; None where no such level has a name."""
    if word.isdecimal():
        return int(word)
    return _names().get(word) if feature == METADATA else None


def shown(feature: str, level: int) -> str:
    """``29 (4.2-IV1)``, or the number alone."""
    if level == 0:
        return "0 (not finalised)"
    name = level_name(feature, level)
    return f"{level} ({name})" if name else str(level)


def level_name(feature: str, level: int) -> str:
    """``4.2-IV1`` of 29, nothing where it has none."""
    if feature != METADATA:
        return ""
    return next((name for name, number in _names().items() if number == level), "")


def lowest(level: int) -> int:
    """The lowest metadata.version to which Kafka lowers this one: the last that has another
    format."""
    return max((each for each in newest()[METADATA].changed if each <= level), default=level)


def lost_by(before: int, after: int) -> str:
    """The newest release that could still run with metadata.version ``before`` and cannot when it
    is ``after``; nothing where there is none."""
    newest_of: dict[str, int] = {}
    for name, number in _names().items():
        found = NAME.fullmatch(name)
        if found:
            newest_of[found[1]] = max(number, newest_of.get(found[1], 0))
    lost = [each for each, top in newest_of.items() if lowest(before) <= top < lowest(after)]
    return max(lost, key=lambda each: release(f"{each}.0"), default="")
