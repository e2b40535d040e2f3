"""A cluster that is changed while clients work: three brokers, a fourth that comes and goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provisioner.kafka.requests.reassignments import ListReassignments
from tests.real.kafka_processes import free_ports
from tests.real.lab import Lab, kraft_lab, zookeeper_lab

SMALL: dict[str, Any] = {
    "min.insync.replicas": 2,
    "offsets.topic.num.partitions": 3,
    "transaction.state.log.num.partitions": 3,
    "group.initial.rebalance.delay.ms": 0,
}


@contextlib.contextmanager
def live_lab(folder: Path, mode: str, version: str = "") -> Iterator[Lab]:
    """Applied. ``mode``: ``kraft`` (a controller beside brokers), ``combined``, ``zookeeper``."""
    if mode == "zookeeper":
        lab = zookeeper_lab(folder)
    else:
        lab = kraft_lab(folder, version=version or "4.3.1")
    lab.data["defaults"]["config"] |= SMALL
    if mode == "kraft":
        # Its own heap: what the brokers are restarted for is none of its business.
        only = lab.data["controllers"][0] | {"id": 100, "heap": "256m"}
        lab.data["controllers"] = [only]
        lab.data["controller_quorum"] = "static" if version.startswith("3") else "dynamic"
    lab.data["topics"] = {"orders": {"partitions": 6, "replication": 3}}
    lab.write()
    try:
        lab.apply()
        yield lab
    finally:
        lab.clean()


def bootstrap(lab: Lab) -> list[str]:
    return [f"localhost:{port}" for port in lab.ports[:3]]


def heap(lab: Lab, megabytes: int) -> None:
    """Every broker has to be restarted for it."""
    lab.data["defaults"]["heap"] = f"{megabytes}m"
    lab.write()


def comes(lab: Lab, **policy: Any) -> None:
    """A fourth broker is in the spec."""
    (port,) = free_ports(1)
    first = lab.data["brokers"][0]
    new = {"id": 3, "listeners": [f"PLAINTEXT://localhost:{port}"], "log_dirs": ["logs-3"]}
    lab.data["brokers"] = [*lab.data["brokers"][:3], first | new]
    lab.ports[3:] = [port]
    lab.data["policy"] = policy
    lab.write()


def goes(lab: Lab, **policy: Any) -> None:
    """It is to go."""
    lab.data["brokers"][3] = {"id": 3, "host": "localhost", "state": "absent"}
    lab.data["policy"] = policy
    lab.write()


OURS = {
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
    "leader.replication.throttled.replicas",
    "follower.replication.throttled.replicas",
    "cordoned.log.dirs",
}
"""What only a run that is not over has in Kafka."""


def left_behind(lab: Lab) -> list[str]:
    """What a run that was killed may have left, and the one after it has to remove."""
    with lab.cluster() as cluster:
        view = cluster.view([ListReassignments()])
    found = [f"{t}-{p} moves" for t, p in view.answers[ListReassignments()]]
    for broker, configs in view.broker_configs.items():
        dynamic = {key for key, entry in configs.items() if entry.source == "dynamic-broker"}
        found += [f"broker {broker}: {key}" for key in dynamic & OURS]
    for topic in view.topics:
        found += [f"{topic.name}: {key}" for key in OURS & set(topic.config)]
        found += [topic.name] if topic.name.startswith("__provision-") else []
    if lab.run("lock").code != 0:
        found.append("the lock")
    return [*found, *lab.temporaries()]
