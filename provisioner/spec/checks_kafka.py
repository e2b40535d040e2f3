"""Cross-checks of topics and properties: what Kafka itself would refuse, or take and not do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from provisioner.spec import properties
from provisioner.spec.build_nodes import plain
from provisioner.spec.checks import Review, node_item, topic_item
from provisioner.spec.shape import dig
from provisioner.spec.types import Node
from provisioner.spec.words import heap_bytes
from provisioner.spec.yamlfile import Loc

# Replication of topics that Kafka makes itself: more than the brokers, and it never can.
REPLICATION_KEYS = (
    "default.replication.factor",
    "offsets.topic.replication.factor",
    "transaction.state.log.replication.factor",
    "share.coordinator.state.topic.replication.factor",
)
MIN_ISR_KEYS = (
    "min.insync.replicas",
    "transaction.state.log.min.isr",
    "share.coordinator.state.topic.min.isr",
)
CLEANER_BUFFER = "log.cleaner.dedupe.buffer.size"
CLEANER_BESIDE = 64 << 20  # 4.3.1 starts in 224 MB with the default buffer of 128, not in 208


def check_all(review: Review) -> None:
    topics(review)
    around = surroundings(review)
    for scope, config, loc in layers(review):
        configuration(review, scope, config, loc, around)
    min_insync(review)
    racks(review)
    cleaner_memory(review)


def topics(review: Review) -> None:
    brokers = review.staying
    collisions: dict[str, str] = {}
    for topic in review.built.spec.topics:
        loc: Loc = ("topics", topic.name)
        who, where = replication_of(review, topic.name)
        if brokers and topic.replication > brokers:
            gone = " without those that are absent" if review.built.spec.leaving else ""
            review.report(
                f"{who} wants {topic.replication} replicas of each partition, there "
                f"{'is 1 broker' if brokers == 1 else f'are {brokers} brokers'}{gone}",
                where,
                f"each replica is on another broker: write at most {brokers}, or add brokers "
                "(the number of partitions is free)",
            )
        least = number(topic.config.get(MIN_ISR_KEYS[0]))
        if least is not None and least > topic.replication:
            who, where = least_of(review, topic.name)
            message = f"{who} needs {least} replicas in sync and has {topic.replication}"
            hint = "nothing could be written with acks=all: write less than the replication"
            if review.built.spec.adopted:
                review.warn(f"{message}: nothing can be written with acks=all", where)
            else:
                review.report(message, where, hint)
        other = collisions.setdefault(topic.name.replace(".", "_"), topic.name)
        if other != topic.name and not review.built.spec.adopted:
            review.report(
                f"topics {other} and {topic.name} collide in the names of metrics",
                loc,
                "'.' and '_' are the same there; Kafka refuses the second (the first is in "
                f"{review.where(('topics', other), loc)})",
                key=True,
            )


def replication_of(review: Review, name: str) -> tuple[str, Loc]:
    """Who says how many replicas a topic has, itself or its profile, and where."""
    shape = review.built.shape
    topic = topic_item(review, name)
    profile = shape.topic_profiles.get(topic.profile or "")
    own = topic.replication is not None or topic.placement is not None
    if own or profile is None or profile.replication is None:
        return f"topic {name}", ("topics", name, "replication")
    return f"profile {topic.profile}", ("topic_profiles", topic.profile or "", "replication")


def least_of(review: Review, name: str) -> tuple[str, Loc]:
    """Who says how many replicas of a topic must be in sync. A profile that says how many there are
    as well contradicts itself; else it is the topic, by what is its own."""
    who, where = replication_of(review, name)
    if MIN_ISR_KEYS[0] in (topic_item(review, name).config or {}):
        return f"topic {name}", ("topics", name, "config", MIN_ISR_KEYS[0])
    return who, where if who.startswith("topic ") else (*where[:2], "config", MIN_ISR_KEYS[0])


def number(text: Any) -> int | None:
    return int(text) if isinstance(text, str) and text.strip().isdigit() else None


def layers(review: Review) -> Iterator[tuple[str, Mapping[str, Any], Loc]]:
    """Every ``config`` in the file: (scope, keys and values, where)."""
    shape = review.built.shape
    yield "broker", shape.defaults.config or {}, ("defaults", "config")
    for part, at, item in review.items():
        scope = "zookeeper" if part == "zookeeper" else "broker"
        yield scope, item.config or {}, (part, at, "config")
    for name, profile in shape.topic_profiles.items():
        yield "topic", profile.config or {}, ("topic_profiles", name, "config")
    for name, topic in shape.topics.items():
        if not isinstance(topic, str):
            yield "topic", topic.config or {}, ("topics", name, "config")
    for name, config in (shape.broker_config or {}).items():
        yield "broker", config, ("broker_config", name)


def surroundings(review: Review) -> properties.Surroundings:
    spec = review.built.spec
    names = {listener.name.lower() for node in spec.nodes for listener in node.listeners}
    names |= {c.controller_listener.name.lower() for c in spec.controllers if c.controller_listener}
    configs = [plain(config) for scope, config, _ in layers(review) if scope == "broker"]
    prefixes = {config[key] for config in configs for key in config if key.endswith(".impl.prefix")}
    plugins = any(
        name.strip() and not name.strip().startswith(properties.KAFKAS_OWN)
        for config in configs
        for key in properties.PLUGIN_CLASSES
        for name in config.get(key, "").split(",")
    )
    return properties.Surroundings(
        properties.table(spec.version),
        frozenset(names),
        tuple(p for p in prefixes if p),
        plugins,
        spec.adopted,
    )


def configuration(
    review: Review,
    scope: str,
    config: Mapping[str, Any],
    loc: Loc,
    around: properties.Surroundings,
) -> None:
    brokers = review.staying
    for key, value in config.items():
        at: Loc = (*loc, key)
        finding, mild = properties.check_key(scope, key, around)
        if finding and not review.version_is_known and finding[0].startswith("unknown"):
            continue
        if finding and mild:
            left = "Kafka" if around.adopted else "the plugin that is configured"
            review.warn(f"{finding[0]}: left to {left}", at)
        elif finding:
            review.report(*finding[:1], at, finding[1], key=True)
        elif not isinstance(value, str):
            secret(review, key, value, at)
        elif properties.is_secret(scope, key, around):
            review.report(
                f"'{key}' is a secret, and secrets are never written into a spec",
                at,
                "the place for it will be a reference ({env: NAME}, {file: PATH}, "
                "{command: […]}), which is not yet supported",
                key=True,
            )
        elif wrong := properties.check_value(scope, key, value, around):
            (text, hint), mild = wrong
            review.warn(text, at) if mild else review.report(text, at, hint)
        elif scope == "broker":
            too_many(review, key, value, brokers, at)


def secret(review: Review, key: str, value: Any, loc: Loc) -> None:
    """The shape of a reference is checked; that it cannot be followed yet is said."""
    given = [w for w in ("env", "file", "command") if getattr(value, w, None) is not None]
    if not given and dig(review.source.data, loc):
        return  # what stands there was not understood, which has been said
    if len(given) != 1:
        review.report(
            f"the secret '{key}' needs exactly one of env, file and command",
            loc,
            "write {env: NAME}, {file: PATH} or {command: [PROGRAM, …]}",
        )
    elif not review.built.spec.bootstrap:
        review.report(
            f"a secret in config ('{key}') is not yet supported",
            loc,
            "take it out; a later release will support it",
            code="not-supported",
        )


def too_many(review: Review, key: str, value: str, brokers: int, loc: Loc) -> None:
    """Replication and minima that this number of brokers can never give."""
    if key in (*REPLICATION_KEYS, *MIN_ISR_KEYS) and brokers:
        wanted = number(value)
        if wanted is not None and wanted > brokers:
            review.report(
                f"'{key}' is {wanted}, and there "
                f"{'is 1 broker' if brokers == 1 else f'are {brokers} brokers'}",
                loc,
                f"write at most {brokers}, or add brokers",
            )


def min_insync(review: Review) -> None:
    """Kafka 4 keeps one value for the whole cluster, so brokers that differ would lie."""
    values: dict[str | None, Node] = {}
    for node in review.built.spec.brokers:
        values.setdefault(node.config.get("min.insync.replicas"), node)
    if len(values) > 1:
        (one, first), (other, second) = list(values.items())[:2]
        given = second if other is not None else first
        review.report(
            f"min.insync.replicas differs: {one or 'not given'} on {first.name}, "
            f"{other or 'not given'} on {second.name}",
            review.built.loc(given, "config", "min.insync.replicas"),
            "write it once, below defaults.config: it is one value for the cluster",
        )


def racks(review: Review) -> None:
    """In ZooKeeper mode Kafka places no replicas while it knows the racks of some brokers only."""
    brokers = review.built.spec.brokers
    without = [node for node in brokers if node.rack is None]
    if review.built.spec.is_kraft or not without or len(without) == len(brokers):
        return
    listed = ", ".join(node.name for node in without)
    review.report(
        f"{without[0].name} has no rack, and other brokers have one: Kafka with ZooKeeper then "
        "creates no topic",
        review.built.loc(without[0]),
        f"give a rack to every broker or to none; without: {listed}",
    )


def cleaner_memory(review: Review) -> None:
    """The log cleaner's buffer is one piece of the heap; changed while it runs, it is there twice.

    Kafka's LogCleaner makes its SkimpyOffsetMap when the broker starts: what does not fit is an
    OutOfMemoryError then, or later in the thread that takes dynamic changes.
    """
    for node in review.built.spec.brokers:
        given = node.config.get(CLEANER_BUFFER, str(128 << 20))
        if not node.heap or not given.isdigit() or node.config.get("log.cleaner.enable") == "false":
            continue
        enough = 2 * int(given) + CLEANER_BESIDE
        if heap_bytes(node.heap) < enough:
            own = node_item(review, node).heap is not None
            loc: Loc = (*review.built.loc(node), "heap") if own else ("defaults", "heap")
            review.warn(
                f"a heap of {node.heap} may not hold {CLEANER_BUFFER} ({int(given) >> 20} MB), "
                f"and for a moment twice, beside Kafka: use {enough >> 20}m, or a smaller buffer",
                loc,
            )
