"""Kafka's replication throttle as it is set, and what of it this tool set: for the kinds that set
it and for those that go by it.

``broker-N`` → bytes per second; ``topic-NAME`` → (leaders, followers), each ``P:B,P:B``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner.kafka.port import DYNAMIC_BROKER, ClusterView
from provisioner.kinds.ids import throttle_id
from provisioner.spec.types import Spec

RATES = ("leader.replication.throttled.rate", "follower.replication.throttled.rate")
"""Of a broker, in bytes per second: what it sends to moving replicas, and what it takes in."""
LISTS = ("leader.replication.throttled.replicas", "follower.replication.throttled.replicas")
"""Of a topic: the replicas that are read from, and those that are filled."""
BROKER, TOPIC = "broker-", "topic-"
OVER = "over"
"""In the journal: what it was set for is over."""


def concerns(spec: Spec) -> bool:
    """Whether replicas may move, or be filled, because of this spec."""
    return bool(spec.topics or spec.leaving or spec.brokers)


def limits_of(view: ClusterView) -> dict[str, Any]:
    """Every limit there is, whoever set it."""
    found: dict[str, Any] = {}
    for broker, configs in view.broker_configs.items():
        rates = tuple(_rate(configs, key) for key in RATES)
        if any(rates):
            found[f"{BROKER}{broker}"] = rates[0] if rates[0] == rates[1] else rates
    for topic in view.topics:
        lists = tuple(topic.config.get(key, "") for key in LISTS)
        if any(lists):
            found[f"{TOPIC}{topic.name}"] = lists
    return found


def _rate(configs: Mapping[str, Any], key: str) -> int | None:
    entry = configs.get(key)
    text = entry.layer(DYNAMIC_BROKER) if entry else None
    return int(text) if text and text.isdecimal() else None


def is_ours(view: ClusterView, name: str, value: Any) -> bool:
    """Whether a journal has it with this very value, or none was looked up."""
    if view.noted is None:
        return True
    return any(_same(entry.get(name), value) for entry in _noted(view))


def _noted(view: ClusterView) -> tuple[Any, ...]:
    return (view.noted or {}).get(str(throttle_id()), ())


def _same(noted: Any, value: Any) -> bool:
    return bool((tuple(noted) if isinstance(noted, list) else noted) == value)


@dataclass(frozen=True)
class Late:
    """A replica of a partition that is not in sync, by the place of the partition; ``others`` have
    the other replicas, and ``leader`` is one of them."""

    topic: str
    partition: int
    others: tuple[int, ...]
    leader: int | None = None

    @property
    def place(self) -> tuple[str, int]:
        return self.topic, self.partition


def being_filled(view: ClusterView) -> dict[int, tuple[Late, ...]]:
    """{broker: replicas} that this tool has throttled because they are filled again, and that are
    not in sync yet. Those that a reassignment adds are none. By the journal, where it was looked
    up: somebody may have removed the throttle meanwhile."""
    named = _followers(view)
    found: dict[int, list[Late]] = defaultdict(list)
    for topic in view.topics:
        mine = named.get(topic.name)
        for each in topic.partitions if mine else ():
            for broker in each.replicas:
                if broker not in each.isr and f"{each.id}:{broker}" in (mine or ()):
                    others = tuple(id for id in each.replicas if id != broker)
                    found[broker].append(Late(topic.name, each.id, others, each.leader))
    return {broker: tuple(late) for broker, late in found.items()}


def _followers(view: ClusterView) -> Mapping[str, Collection[str]]:
    """{topic: ``P:B``} of the replicas that are to be filled."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, value in _set(view):
        found[name.removeprefix(TOPIC)].update(str(value[1]).split(","))
    return found


def _set(view: ClusterView) -> Iterator[tuple[str, Any]]:
    """The lists of this tool's throttle, as they were set since the last one was over."""
    if view.noted is None:
        yield from ((n, v) for n, v in limits_of(view).items() if n.startswith(TOPIC))
        return
    since: list[Mapping[str, Any]] = []
    for entry in _noted(view):
        since = [] if OVER in entry else [*since, entry]
    for entry in since:
        for name, value in entry.items():
            if name.startswith(TOPIC) and isinstance(value, list | tuple) and len(value) == 2:
                yield name, value
