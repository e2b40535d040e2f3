"""What each running broker tells of a key: every layer that has a value of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.kafka.port import (
    DEFAULT,
    DYNAMIC_BROKER,
    DYNAMIC_DEFAULT,
    STATIC,
    ClusterView,
    ConfigEntry,
)
from provisioner.kinds.live import in_steps, live_keys, plain
from provisioner.spec.types import Spec


@dataclass(frozen=True)
class Layers:
    """From the strongest down: the broker's own dynamic value, the cluster-wide one, that of its
    file when it started, Kafka's default."""

    own: str | None
    wide: str | None
    static: str | None
    default: str | None

    @property
    def started(self) -> str | None:
        """What it would run with but for dynamic values."""
        return self.static if self.static is not None else self.default

    @property
    def below(self) -> str | None:
        """What it would run with but for its own dynamic value."""
        return self.wide if self.wide is not None else self.started

    @property
    def effective(self) -> str | None:
        return self.own if self.own is not None else self.below


Told = Mapping[str, Layers]
"""The live keys of one broker."""


def told_by_brokers(view: ClusterView, spec: Spec) -> dict[int, Told]:
    """By broker of the spec; without those that did not answer."""
    live = live_keys(spec.version)
    return {
        node.id: {
            key: _layers(entry)
            for key, entry in view.broker_configs[node.id].items()
            if key in live and not entry.read_only and not entry.sensitive
        }
        for node in spec.brokers
        if node.id in view.broker_configs
    }


def _layers(entry: ConfigEntry) -> Layers:
    sources = (DYNAMIC_BROKER, DYNAMIC_DEFAULT, STATIC, DEFAULT)
    return Layers(*(entry.layer(source) for source in sources))


def mixed(told: Mapping[int, Told]) -> frozenset[str]:
    """Thread counts that differ between brokers: no one step suits all of them, so each is taken
    to the wanted one by itself."""
    found: dict[str, set[str | None]] = {}
    for layers in told.values():
        for key, each in layers.items():
            if in_steps(key):
                found.setdefault(key, set()).add(plain(each.effective))
    return frozenset(key for key, values in found.items() if len(values) > 1)
