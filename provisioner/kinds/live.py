"""The properties that a running broker takes without a restart, cluster-wide (decision 39).

Kinds that stand on it: the launch file names them, the digest of a process leaves them out, and the
dynamic configuration brings them about.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

from provisioner.spec import properties
from provisioner.spec.types import Node, Role, Spec

BY_RESTART = frozenset({"config.providers", "metric.reporters"})
"""Kafka takes them live, but makes objects of classes meanwhile: what these do is theirs."""
THROTTLES = ("leader.replication.throttled", "follower.replication.throttled", "replica.alter")
HINT = "hint.live"
"""The key of the launch file that names them for the launcher."""
WIDE_ONLY = "min.insync.replicas"
"""Kafka 4 keeps it cluster-wide only, where eligible leader replicas are on (they are by default);
it can be set there and not be deleted, and one broker's own is refused."""


@cache
def live_keys(version: str) -> frozenset[str]:
    """Those that Kafka's own table calls cluster-wide."""
    return frozenset(
        key
        for key, entry in properties.table(version).broker.items()
        if entry["mode"] == "cluster-wide"
        and key not in BY_RESTART
        and not key.startswith(THROTTLES)
    )


def live_of(spec: Spec, node: Node) -> frozenset[str]:
    """Those that a node takes. A controller cannot be asked what it runs with, but takes what is
    set cluster-wide: those that it has in common with every broker."""
    live = live_keys(spec.version)
    if node.is_broker:
        return live
    if not node.is_controller:
        return frozenset()
    common = common_values(spec)
    return frozenset(k for k in live if node.config.get(k) == common.get(k))


BY_COUNT = (
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "transaction.state.log.min.isr",
    "share.coordinator.state.topic.replication.factor",
    "share.coordinator.state.topic.min.isr",
)
"""Defaults that depend on how many brokers there are. They count when Kafka makes these topics."""


def waits_for_start(node: Node) -> frozenset[str]:
    """Those of a node that alone restart nobody: the next start takes them. What the spec itself
    says of one is not among them."""
    if node.role is Role.ZOOKEEPER:
        return frozenset()
    found = frozenset({BOOTSTRAP, *BY_COUNT}) if node.is_broker else frozenset({BOOTSTRAP})
    return found - node.config.keys()


BOOTSTRAP = "controller.quorum.bootstrap.servers"
"""Where a node of a dynamic quorum asks for the leader when it knows none. A controller asks the
voters that the log names; a broker these, also while it runs (decision 59)."""


def reaches(known: str, controllers: str) -> bool:
    """Whether a broker that was started with ``known`` finds the quorum's leader as long as there
    is a quorum: of n controllers it knows one more than may fail."""
    every = {part.strip() for part in controllers.split(",") if part.strip()}
    mine = {part.strip() for part in known.split(",")} & every
    return len(mine) > (len(every) - 1) // 2


def common_values(spec: Spec) -> Mapping[str, str]:
    """The live keys that have one value on every broker. One that no broker names is in common
    too, without a value: it is not here."""
    live = live_keys(spec.version)
    first = spec.brokers[0].config if spec.brokers else {}
    return {
        key: value
        for key, value in first.items()
        if key in live and all(node.config.get(key) == value for node in spec.brokers)
    }


def stored_by_kafka(spec: Spec) -> bool:
    """Whether Kafka itself keeps ``WIDE_ONLY``."""
    return spec.is_kraft and not spec.version.startswith("3.")


def plain(value: object) -> str | None:
    """A value as it compares: Kafka trims, and writes lists and booleans in its own way."""
    if value is None:
        return None
    text = str(value).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    return ",".join(part.strip() for part in text.split(","))


def same(one: object, other: object) -> bool:
    return plain(one) == plain(other)


def in_steps(key: str) -> bool:
    """Thread counts: Kafka refuses more than double and less than half of what there is."""
    return "thread" in key or key == "num.replica.fetchers"


def next_step(key: str, now: Collection[str | None], target: str) -> str:
    """The value to set now where brokers run with ``now``: ``target``, or as near as they take."""
    counts = [int(value) for value in now if value is not None and value.strip().isdigit()]
    if not in_steps(key) or not target.strip().isdigit() or not counts:
        return target
    return str(min(max(int(target), max(counts) // 2), 2 * min(counts)))


def later_steps(key: str, now: str, target: str) -> list[str]:
    """The values after ``now`` until the target."""
    steps = []
    while not same(now, target):
        now = next_step(key, [now], target)
        steps.append(now)
    return steps
