"""Values of a topic's configuration as Kafka understands them: two texts that mean the same to it
are one here. By the type that Kafka gives for the key in the table of the spec's version."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from provisioner.spec.properties import table

THROTTLES = frozenset(
    {"leader.replication.throttled.replicas", "follower.replication.throttled.replicas"}
)
"""They belong to whoever moves replicas, and are never compared, reported or removed."""
WHOLE = re.compile(r"[+-]?[0-9]+")
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def comparable(config: Mapping[str, str], version: str) -> dict[str, str]:
    """The overrides of one topic, each in its one form, without throttles."""
    types = table(version).topic
    return {
        key: canonical(value, types.get(key, {}).get("type", "string"))
        for key, value in config.items()
        if key not in THROTTLES
    }


@lru_cache(10_000)
def canonical(value: str, type: str) -> str:
    """Whole numbers exactly, whatever their size; lists as sets, sorted. What is no value of the
    type stays as it is: Kafka says what is wrong with it."""
    text = value.strip()
    if type in ("int", "long", "short") and WHOLE.fullmatch(text):
        return str(int(text))
    if type == "boolean" and text.lower() in ("true", "false"):
        return text.lower()
    if type == "double" and NUMBER.fullmatch(text):
        return repr(float(text))
    if type == "list":
        return ",".join(sorted({item.strip() for item in text.split(",") if item.strip()}))
    return value
