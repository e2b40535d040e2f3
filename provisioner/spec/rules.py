"""What Kafka requires of several properties together, or beyond the bounds that its tables print.

    check_all(review)      for each broker and controller, with its own and the default properties

These are the ``require``s of ``KafkaConfig`` and ``GroupCoordinatorConfig`` (3.9 to 4.3) that look
at properties the spec leaves to the user; ``tests/real/test_kafka_rules.py`` holds them against
Kafka. What is not here Kafka's own code finds, before anything is stopped (decision 23).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from provisioner.spec import properties
from provisioner.spec.checks import Review
from provisioner.spec.types import Node, Spec
from provisioner.spec.words import release

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Broken:
    """A rule that does not hold. ``keys``: those that could be changed to mend it."""

    keys: tuple[str, ...]
    message: str
    hint: str = ""


@dataclass(frozen=True)
class Settings:
    """The properties of one node; what is not given has Kafka's default."""

    spec: Spec
    node: Node
    known: Mapping[str, object] = field(default_factory=dict)

    def given(self, *keys: str) -> bool:
        return any(key in self.node.config for key in keys)

    def number(self, key: str, default: int) -> int:
        """Raises ValueError where it is none, which is said elsewhere."""
        return int(self.node.config.get(key, str(default)))


Rule = Callable[[Settings], Iterator[Broken]]


def check_all(review: Review) -> None:
    table = properties.table(review.built.spec.version)
    said: set[tuple[object, str]] = set()
    for node in (n for n in review.built.spec.nodes if n.is_broker or n.is_controller):
        settings = Settings(review.built.spec, node, table.broker)
        for found in broken(settings):
            mine = next((key for key in found.keys if settings.given(key)), None)
            loc = review.config_loc(node, mine) if mine else (*review.built.loc(node), "id")
            if (loc, found.message) not in said:
                said.add((loc, found.message))
                review.report(found.message, loc, found.hint)


def broken(settings: Settings) -> Iterator[Broken]:
    for rule in RULES:
        try:
            yield from rule(settings)
        except ValueError:
            continue


@dataclass(frozen=True)
class Order:
    """``low`` must be at most ``high`` (less than it, where ``strict``): keys and their defaults.

    ``since``: the first release that requires it; ``off_below``: a ``high`` below it means
    unlimited, and no rule."""

    low: str
    low_default: int
    high: str
    high_default: int
    strict: bool = False
    since: tuple[int, int, int] = (0, 0, 0)
    off_below: int | None = None

    def __call__(self, settings: Settings) -> Iterator[Broken]:
        keys = self.low, self.high
        if not settings.given(*keys) or not all(key in settings.known for key in keys):
            return
        if release(settings.spec.version) < self.since:
            return
        low = settings.number(self.low, self.low_default)
        high = settings.number(self.high, self.high_default)
        if self.off_below is not None and high < self.off_below:
            return
        if low > high or (self.strict and low == high):
            relation = "less than" if self.strict else "at most"
            yield Broken(
                keys,
                f"'{self.low}' ({low}) must be {relation} '{self.high}' ({high})",
                "Kafka does not start otherwise; what is not written has Kafka's default",
            )


def between(family: str, name: str, least: int, default: int, most: int) -> tuple[Order, ...]:
    """The value of a group's setting lies between the two that bound it."""
    low, key, high = f"{family}.min.{name}", f"{family}.{name}", f"{family}.max.{name}"
    return (
        Order(low, least, high, most),
        Order(low, least, key, default),
        Order(key, default, high, most),
    )


def _groups() -> Iterator[Order]:
    for family in ("group.consumer", "group.share", "group.streams"):
        yield from between(family, "session.timeout.ms", 45_000, 45_000, 60_000)
        yield from between(family, "heartbeat.interval.ms", 5_000, 5_000, 15_000)
        yield from between(family, "assignment.interval.ms", 0, 1_000, 15_000)
        heartbeat, session = f"{family}.heartbeat.interval.ms", f"{family}.session.timeout.ms"
        yield Order(heartbeat, 5_000, session, 45_000, strict=True, since=(4, 2, 0))
    yield from between("group.share", "record.lock.duration.ms", 15_000, 30_000, 60_000)
    yield from between("group.share", "delivery.count.limit", 2, 5, 10)
    yield from between("group.share", "partition.max.record.locks", 100, 2_000, 4_000)
    standby, most = "group.streams.num.standby.replicas", "group.streams.max.standby.replicas"
    yield Order(standby, 0, most, 2)


ORDERS: tuple[Order, ...] = (
    Order("replica.fetch.wait.max.ms", 500, "replica.socket.timeout.ms", 30_000),
    Order("replica.fetch.wait.max.ms", 500, "replica.lag.time.max.ms", 30_000),
    Order(
        "socket.request.max.bytes", 104_857_600, "queued.max.request.bytes", -1, off_below=1
    ),
    Order(
        "connection.failed.authentication.delay.ms", 100, "connections.max.idle.ms", 600_000,
        strict=True, off_below=0,
    ),
    *_groups(),
)  # fmt: skip


def log_times(settings: Settings) -> Iterator[Broken]:
    """Of ms, minutes and hours the first that is given counts."""
    retention = [f"log.retention.{unit}" for unit in ("ms", "minutes", "hours")]
    key = next((key for key in retention if settings.given(key)), None)
    if key and settings.number(key, 1) == 0:
        yield Broken((key,), f"'{key}' must be at least 1, or -1 for ever, and 0 is neither")
    if settings.given("log.roll.ms") and (roll := settings.number("log.roll.ms", 1)) < 1:
        yield Broken(("log.roll.ms",), f"'log.roll.ms' must be at least 1, and {roll} is not")
    key = "log.roll.jitter.ms"
    if settings.given(key) and (jitter := settings.number(key, 0)) < 0:
        yield Broken((key,), f"'{key}' must be at least 0, and {jitter} is not")


def cleaner(settings: Settings) -> Iterator[Broken]:
    buffer, threads = "log.cleaner.dedupe.buffer.size", "log.cleaner.threads"
    count = settings.number(threads, 1)
    if settings.given(buffer, threads) and count > 0:
        size = settings.number(buffer, 128 * MEBIBYTE)
        if size // count <= MEBIBYTE:
            yield Broken(
                (buffer, threads),
                f"'{buffer}' must be more than 1 MiB ({MEBIBYTE}) for each of the "
                f"{count} cleaner threads",
            )


def connections(settings: Settings) -> Iterator[Broken]:
    key, more = "max.connections.per.ip", "max.connections.per.ip.overrides"
    overrides = settings.node.config.get(more, "").strip()
    if settings.given(key) and settings.number(key, 1) == 0 and not overrides:
        yield Broken((key,), f"'{key}' may be 0 only with '{more}'")


def broker_id(settings: Settings) -> Iterator[Broken]:
    """In ZooKeeper mode ids above a bound are ZooKeeper's to give."""
    config, id = settings.node.config, settings.node.id
    if settings.spec.is_kraft or config.get("broker.id.generation.enable", "").lower() == "false":
        return
    most = settings.number("reserved.broker.max.id", 1_000)
    if id > most:
        yield Broken(
            ("reserved.broker.max.id",),
            f"the id {id} is above reserved.broker.max.id ({most}): Kafka does not start",
            f"use an id up to {most}, or write reserved.broker.max.id: {id} below config",
        )


def sasl(settings: Settings) -> Iterator[Broken]:
    """The mechanism that brokers use among themselves is one that their listener has."""
    node, key = settings.node, "sasl.mechanism.inter.broker.protocol"
    name = node.inter_broker_listener or node.config.get("security.inter.broker.protocol", "")
    name = name.strip().upper() or "PLAINTEXT"
    if not node.is_broker or not protocol(node, name).startswith("SASL_"):
        return
    enabled = "sasl.enabled.mechanisms"
    own = f"listener.name.{name.lower()}.{enabled}"
    mechanism = node.config.get(key, "GSSAPI").strip()
    text = node.config.get(own, node.config.get(enabled, "GSSAPI"))
    if mechanism not in [part.strip() for part in text.split(",")]:
        yield Broken(
            (key, own, enabled),
            f"brokers use {mechanism} among themselves ('{key}'), which listener {name} of "
            f"{node.name} does not have ('{enabled}': {text})",
            f"write {key}: one of {text}, or add {mechanism} to {enabled}",
        )


def protocol(node: Node, name: str) -> str:
    """The security protocol of a listener: by the map in ``config``, else by its name."""
    text = node.config.get("listener.security.protocol.map", "")
    pairs = dict(part.strip().upper().partition(":")[::2] for part in text.split(",") if part)
    return pairs.get(name, name).strip()


RULES: tuple[Rule, ...] = (*ORDERS, log_times, cleaner, connections, broker_id, sasl)
