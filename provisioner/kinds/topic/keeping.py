"""How long a topic keeps its records, and which changes make that shorter.

``local.retention.*`` is none of it: what is deleted there was copied to the remote storage before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.kafka.port import ClusterView, TopicView
from provisioner.kinds.topic.values import comparable
from provisioner.spec.types import Spec, Topic

KEYS = ("cleanup.policy", "retention.ms", "retention.bytes")
KAFKAS = {"cleanup.policy": "delete", "retention.ms": "604800000", "retention.bytes": "-1"}
"""Kafka's own defaults."""
AGES = (
    ("log.retention.ms", 1),
    ("log.retention.minutes", 60_000),
    ("log.retention.hours", 3_600_000),
)
"""The brokers' keys for ``retention.ms``, the strongest first, with their milliseconds."""


@dataclass(frozen=True)
class Keeping:
    """Whether old records are deleted, and which: None is no limit."""

    deletes: bool
    ms: int | None
    bytes: int | None


@dataclass(frozen=True)
class Cut:
    """The limits that are newly in force, or lower than before; None is no new one."""

    ms: int | None
    bytes: int | None


def keeping(values: Mapping[str, str]) -> Keeping:
    values = {**KAFKAS, **values}
    policy = {item.strip() for item in values["cleanup.policy"].split(",")}
    return Keeping(
        "delete" in policy, _limit(values["retention.ms"]), _limit(values["retention.bytes"])
    )


def _limit(text: str) -> int | None:
    """Kafka's -1 is no limit."""
    try:
        number = int(text)
    except ValueError:
        return None
    return None if number < 0 else number


def cut(before: Keeping, after: Keeping) -> Cut | None:
    """What makes ``after`` keep less than ``before``; None where nothing does."""
    if not after.deletes:
        return None
    limits = [
        new if new is not None and (not before.deletes or old is None or new < old) else None
        for old, new in ((before.ms, after.ms), (before.bytes, after.bytes))
    ]
    return Cut(*limits) if any(limit is not None for limit in limits) else None


def cut_of(topic: TopicView, wanted: Topic, view: ClusterView, spec: Spec) -> Cut | None:
    """What the spec makes a topic keep less."""
    if all(topic.config.get(key) == wanted.config.get(key) for key in KEYS):
        return None  # most: nothing has to be read
    have = comparable(topic.config, spec.version)
    want = comparable(wanted.config, spec.version)
    if all(have.get(key) == want.get(key) for key in KEYS):
        return None
    inherited = {key: value for key, value in topic.keeping.items() if key not in have}
    defaults = {**_of_brokers(view), **inherited}
    left = {} if spec.policy.unmanaged_config == "delete" else _some(have)
    return cut(keeping({**defaults, **_some(have)}), keeping({**defaults, **left, **_some(want)}))


def _some(config: Mapping[str, str]) -> dict[str, str]:
    return {key: config[key] for key in KEYS if key in config}


def _of_brokers(view: ClusterView) -> dict[str, str]:
    """What a topic without overrides has: the least of all brokers."""
    found: dict[str, str] = {}
    ages, sizes, policies = [], [], set()
    for configs in view.broker_configs.values():
        values = {key: entry.value for key, entry in configs.items() if entry.value is not None}
        ages += [int(values[key]) * factor for key, factor in AGES if key in values][:1]
        sizes += [int(values["log.retention.bytes"])] if "log.retention.bytes" in values else []
        policies |= {values["log.cleanup.policy"]} if "log.cleanup.policy" in values else set()
    if ages:
        found["retention.ms"] = str(_least(ages))
    if sizes:
        found["retention.bytes"] = str(_least(sizes))
    if policies:
        found["cleanup.policy"] = ",".join(sorted(policies))
    return found


def _least(limits: list[int]) -> int:
    """-1 is no limit: the most there is."""
    return min((limit for limit in limits if limit >= 0), default=-1)
