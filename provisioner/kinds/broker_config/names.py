"""The names of dynamic configurations, and which of a broker's keys are its own."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.kafka.port import DYNAMIC_BROKER, ConfigEntry

CLUSTER = "cluster"
BROKER = "broker-"
THROTTLES = frozenset(f"{side}.replication.throttled.rate" for side in ("leader", "follower")) | {
    "replica.alter.log.dirs.io.max.bytes.per.second"
}
"""Not configuration of a broker: what limits the moving of replicas."""


def own(configs: Mapping[str, ConfigEntry], *, limits: bool = False) -> dict[str, str | None]:
    """The dynamic values of one broker; None where Kafka does not show one. ``limits``: throttles
    too."""
    return {
        key: entry.layer(DYNAMIC_BROKER)
        for key, entry in configs.items()
        if any(source == DYNAMIC_BROKER for source, _ in entry.synonyms)
        and (limits or key not in THROTTLES)
    }
