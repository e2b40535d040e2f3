"""The effective ``min.insync.replicas``, which eligible leader replicas would change.

When that feature is raised, Kafka takes the minimum of the cluster from the controllers' files (1
where they have none) and drops what single brokers have. So the value that brokers run with is set
for the cluster before.
"""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.kafka.port import ClusterView
from provisioner.plan.model import Observation, Present

KEY = "min.insync.replicas"


def minimum_of(view: ClusterView) -> dict[str, object]:
    """``brokers``: id → what it runs with; ``cluster``: the dynamic value of all, or None."""
    values = {
        id: config[KEY].value or "1" for id, config in view.broker_configs.items() if KEY in config
    }
    return {"brokers": values, "cluster": view.cluster_config.get(KEY)}


def _values(seen: Observation | None) -> tuple[Mapping[int, str], str | None]:
    found = seen.volatile.get("minimum") if isinstance(seen, Present) else None
    return (found["brokers"], found["cluster"]) if found else ({}, None)


def kept_minimum(seen: Observation | None) -> str | None:
    """What has to be set for the cluster before; None where it is set, or is nobody's choice."""
    brokers, cluster = _values(seen)
    values = set(brokers.values())
    if len(values) != 1 or values == {cluster}:
        return None
    (value,) = values
    return None if cluster is None and value == "1" else value


def differing_minimum(seen: Present) -> str:
    """Why there is no one value to keep."""
    brokers, _ = _values(seen)
    if len(set(brokers.values())) < 2:
        return ""
    listed = ", ".join(f"{value} on broker {id}" for id, value in sorted(brokers.items()))
    return (
        f"with it {KEY} has one value for the cluster, and it is {listed}: "
        f"set it below defaults.config"
    )
