"""Keys and values in ``config``, against what Kafka itself knows (``tables/``).

Kafka takes a key that it does not know without a word, so a typing error would be one too. Here a
key must be in Kafka's own table of that version, or one of these:

- ``x.…``: never checked; for whatever must get past this;
- ``listener.name.LISTENER.KEY``: LISTENER must be one of the spec's;
- under a prefix that plugins are known to use (``PLUGIN_PREFIXES``), or that the spec configures as
  ``remote.log.*.impl.prefix``, if no known key is nearly the same;
- anything that is not nearly a known key, nor one of another version of Kafka, once a class that
  is not Kafka's own is configured (``metric.reporters``, ``authorizer.class.name``, …): a warning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from provisioner.spec.nearest import NameIndex
from provisioner.spec.words import release

PLUGIN_PREFIXES = (
    "authorizer.",
    "client.quota.callback.",
    "confluent.",
    "cruise.control.",
    "metrics.",
    "metric.reporters.",
    "principal.builder.",
    "replica.selector.",
    "rlmm.config.",
    "rsm.config.",
    "sasl.",
    "ssl.",
    "zookeeper.ssl.",
)
PLUGIN_CLASSES = (
    "alter.config.policy.class.name",
    "authorizer.class.name",
    "client.quota.callback.class",
    "create.topic.policy.class.name",
    "kafka.metrics.reporters",
    "metric.reporters",
    "principal.builder.class",
    "remote.log.metadata.manager.class.name",
    "remote.log.storage.manager.class.name",
    "replica.selector.class",
    "ssl.engine.factory.class",
)
KAFKAS_OWN = ("org.apache.kafka.", "kafka.")
"""The packages whose classes read only properties that the tables have."""
# Read by Kafka's own authorizers and by its metrics, but in no table.
BEYOND_TABLE = {
    "super.users": "string",
    "allow.everyone.if.no.acl.found": "boolean",
    "kafka.metrics.reporters": "list",
    "kafka.metrics.polling.interval.secs": "int",
}
# Keys that the spec models: key → the spec's own key.
MODELLED = {
    "broker.id": "id of the broker",
    "node.id": "id of the node",
    "process.roles": "the lists it is in: brokers, controllers",
    "listeners": "listeners of the broker",
    "advertised.listeners": "advertised_listeners of the broker",
    "inter.broker.listener.name": "inter_broker_listener of the broker",
    "controller.listener.names": "controller_listener of the controllers",
    "controller.quorum.voters": "controllers and controller_quorum: static",
    "controller.quorum.bootstrap.servers": "controllers and controller_quorum: dynamic",
    "controller.quorum.auto.join.enable": "controllers and controller_quorum",
    "log.dirs": "log_dirs of the broker",
    "log.dir": "log_dirs of the broker",
    "metadata.log.dir": "log_dir of the controller",
    "zookeeper.connect": "zookeeper",
    "zookeeper.metadata.migration.enable": "migration",
    "broker.rack": "rack of the broker",
    "cluster.id": "cluster_id",
    "host.name": "listeners of the broker",
    "port": "listeners of the broker",
    "advertised.host.name": "advertised_listeners of the broker",
    "advertised.port": "advertised_listeners of the broker",
}
MODELLED_TOPIC = {
    "partitions": "partitions of the topic",
    "replication.factor": "replication of the topic",
    "leader.replication.throttled.replicas": "nothing: throttles are the tool's own",
    "follower.replication.throttled.replicas": "nothing: throttles are the tool's own",
}
MODELLED_ZOOKEEPER = {
    "dataDir": "data_dir",
    "clientPort": "client_port",
    "myid": "id",
    "electionPort": "election_port",
}
RANGES = {
    "int": (-(2**31), 2**31 - 1),
    "short": (-(2**15), 2**15 - 1),
    "long": (-(2**63), 2**63 - 1),
}
RANGE = re.compile(r"\[(-?[\d.]+),\.\.\.(?:,(-?[\d.]+))?\](?: or (-?\d+))?")
CHOICES = re.compile(r"(\(case insensitive\) )?\[([\w., -]+)\]")
WHOLE = re.compile(r"-?[0-9]{1,19}")
NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
Finding = tuple[str, str]
TYPING_ERROR = 0.85
"""From this ratio on a key that plugins might read is a known one, misspelt."""


@dataclass(frozen=True)
class Table:
    """What one version knows; ``exact`` is false if it was made for another one."""

    version: str
    exact: bool
    broker: Mapping[str, Mapping[str, str]]
    topic: Mapping[str, Mapping[str, str]]
    zookeeper_server: Mapping[str, Mapping[str, str]]
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def keys(self, scope: str) -> Mapping[str, Mapping[str, str]]:
        return {
            "broker": self.broker,
            "topic": self.topic,
            "zookeeper": self.zookeeper_server,
        }[scope]


@cache
def versions() -> tuple[str, ...]:
    """The versions that have a table, oldest first."""
    folder = resources.files("provisioner.spec") / "tables"
    names = (item.name for item in folder.iterdir())
    found = [name.removesuffix(".json") for name in names if name.endswith(".json")]
    return tuple(sorted(found, key=release))


@cache
def table(version: str) -> Table:
    """The table of that version, of the nearest older one, else of the oldest."""
    older = [v for v in versions() if release(v) <= release(version)]
    chosen = older[-1] if older else versions()[0]
    text = (resources.files("provisioner.spec") / "tables" / f"{chosen}.json").read_text("utf-8")
    data: dict[str, Any] = json.loads(text)
    return Table(
        chosen,
        chosen == version,
        data["broker"],
        data["topic"],
        data["zookeeper_server"],
        data["features"],
    )


@cache
def index(version: str, scope: str) -> NameIndex:
    """Every name of that scope in the table of that version."""
    more = BEYOND_TABLE if scope == "broker" else {}
    return NameIndex([*table(version).keys(scope), *more])


@lru_cache(maxsize=1024)
def nearest(version: str, scope: str, key: str) -> tuple[str, float]:
    """The name that a key resembles most, and how much (0 to 1)."""
    return index(version, scope).nearest(key)


@dataclass(frozen=True)
class Surroundings:
    """What else the spec says that decides whether a key can be right."""

    table: Table
    listeners: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    plugins: bool = False
    adopted: bool = False
    """It describes a cluster that was there before: what runs there was not refused, whatever this
    version's table says."""


def check_key(scope: str, key: str, around: Surroundings) -> tuple[Finding | None, bool]:
    """What is wrong with a key (message, hint), and whether it is only worth a warning."""
    modelled = {"topic": MODELLED_TOPIC, "zookeeper": MODELLED_ZOOKEEPER}.get(scope, MODELLED)
    if key in modelled:
        return (
            f"'{key}' is not for config: the spec has a key of its own for it",
            f"use {modelled[key]}",
        ), False
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", key):
        return (
            f"'{key[:60]}' is not a property's name",
            "use letters, digits, '.', '_', '-'",
        ), False
    known = around.table.keys(scope)
    if key in known or key.startswith("x.") or (scope == "broker" and key in BEYOND_TABLE):
        return None, False
    if scope == "zookeeper":
        return check_zookeeper_key(key, around), False
    if scope == "topic":
        return unknown(scope, key, around), around.adopted and not is_close(scope, key, around)
    if key.startswith("listener.name.") and not around.listeners:
        return None, False  # with bootstrap nobody knows them
    finding, mild = check_broker_key(key, around)
    return finding, mild or (around.adopted and not is_close(scope, key, around))


def is_close(scope: str, key: str, around: Surroundings) -> bool:
    """Whether it is nearly a known key: rather a typing error."""
    changed = of_another_version(scope, key, around.table)
    return not changed and nearest(around.table.version, scope, key)[1] >= TYPING_ERROR


def check_zookeeper_key(key: str, around: Surroundings) -> Finding | None:
    if re.fullmatch(r"(server|weight|group)\.\d+", key):
        if key.startswith("server."):
            return (
                f"'{key}' is not for config: the spec has a key of its own for it",
                "use peer_port and election_port of the servers in zookeeper",
            )
        return None
    if key.startswith(("metricsProvider.", "authProvider.", "zookeeper.", "ssl.", "sasl.")):
        return None
    return unknown("zookeeper", key, around)


def check_broker_key(key: str, around: Surroundings) -> tuple[Finding | None, bool]:
    if key.startswith("listener.name."):
        return check_listener_key(key, around), False
    changed = of_another_version("broker", key, around.table)
    close = nearest(around.table.version, "broker", key)[1] >= TYPING_ERROR
    if not changed and not close and key.startswith(PLUGIN_PREFIXES + around.prefixes):
        return None, False
    mild = around.plugins and not close and not changed
    return unknown("broker", key, around), mild


def check_listener_key(key: str, around: Surroundings) -> Finding | None:
    name, _, rest = key.removeprefix("listener.name.").partition(".")
    if name not in around.listeners:
        known = ", ".join(sorted(around.listeners))
        return (
            f"no listener is called '{name}'",
            f"the listeners are: {known} (in small letters here)",
        )
    return None if rest else (f"'{key}' names no property", "write listener.name.NAME.PROPERTY")


def unknown(scope: str, key: str, around: Surroundings) -> Finding:
    """That no such property exists, and what may have been meant."""
    version = around.table.version
    where = {
        "broker": f"Kafka {version}",
        "topic": f"topics of Kafka {version}",
        "zookeeper": "ZooKeeper",
    }[scope]
    near, _ = nearest(version, scope, key)
    hint = of_another_version(scope, key, around.table)
    hint = hint or (f"did you mean '{near}'?" if near else TAKEN[scope])
    if not around.table.exact and scope != "zookeeper":
        hint += f" (checked against the table of {version}, the nearest there is)"
    return f"unknown property '{key}' of {where}", hint


TAKEN = {
    "broker": "Kafka would accept and silently ignore it",
    "topic": "Kafka refuses to create a topic with a property that it does not know",
    "zookeeper": "ZooKeeper would accept and silently ignore it",
}
"""What becomes of a property that the program does not know."""


def of_another_version(scope: str, key: str, mine: Table) -> str:
    """That an older version has this key and when it went, or which is the first to have it;
    nothing where no version has it. Kafka takes properties out in a X.0 only."""
    if scope == "zookeeper":
        return ""
    have = [v for v in versions() if key in table(v).keys(scope)]
    before = [v for v in have if release(v) < release(mine.version)]
    if before:
        gone = next(v for v in versions() if release(v) > release(before[-1]))
        return f"it was removed in {release(gone)[0]}.0: take it out"
    return f"Kafka {have[0]} has it, {mine.version} does not yet: take it out" if have else ""


def check_value(
    scope: str, key: str, value: str, around: Surroundings
) -> tuple[Finding, bool] | None:
    """What is wrong with a value, by the type and the valid values that Kafka gives for its key,
    and whether it is only worth a warning: a value that another version took stays."""
    entry = around.table.keys(scope).get(key) or {}
    kind = entry.get("type") or BEYOND_TABLE.get(key, "string")
    if wrong := check_type(key, kind, value):
        return wrong, False
    out_of_bounds = check_valid(key, kind, value, entry.get("valid", ""))
    return (out_of_bounds, around.adopted) if out_of_bounds else None


def check_type(key: str, kind: str, value: str) -> Finding | None:
    text = value.strip()
    if kind == "boolean" and text.lower() not in ("true", "false"):
        return f"'{key}' must be true or false, not '{value[:60]}'", ""
    if kind in RANGES:
        if not WHOLE.fullmatch(text):
            return f"'{key}' must be a whole number, not '{value[:60]}'", plain_number(text)
        low, high = RANGES[kind]
        if not low <= int(text) <= high:
            return f"'{key}' must fit a {kind} ({low} to {high}), and {text} does not", ""
    if kind == "double" and not NUMBER.fullmatch(text):
        return f"'{key}' must be a number, not '{value[:60]}'", ""
    return None


def plain_number(text: str) -> str:
    """``1_000``, ``1e3``, ``7d``, ``1GB``: Kafka has no units."""
    return (
        "Kafka knows no units, points or exponents here: write the digits"
        if text[:1].isdigit()
        else ""
    )


def check_valid(key: str, kind: str, value: str, valid: str) -> Finding | None:
    text = value.strip()
    if (found := RANGE.fullmatch(valid)) and kind in (*RANGES, "double"):
        low, high, also = found.groups()
        if also is not None and text == also:
            return None
        if float(text) < float(low) or (high is not None and float(text) > float(high)):
            bound = f"between {low} and {high}" if high is not None else f"at least {low}"
            return f"'{key}' must be {bound}, and {text} is not", ""
    if (found := CHOICES.fullmatch(valid)) and kind in ("string", "list"):
        choices = [choice.strip() for choice in found[2].split(",")]
        # To Kafka an empty text is an empty list.
        listed = [item.strip() for item in text.split(",")] if text else []
        items = listed if kind == "list" else [text]
        known = {c.lower() for c in choices} if found[1] else set(choices)
        for item in items:
            if (item.lower() if found[1] else item) not in known:
                return f"'{key}' cannot be '{item[:60]}'", f"Kafka takes: {', '.join(choices)}"
    return None


def not_taken(scope: str, values: Mapping[str, str], version: str) -> Iterator[tuple[str, str]]:
    """(key, why) of settings that are in Kafka and that this version refuses: keys that it has no
    more, numbers outside of its bounds."""
    known = table(version)
    around = Surroundings(known)
    for key, value in values.items():
        entry = known.keys(scope).get(key)
        if entry is None:
            if of_another_version(scope, key, known).startswith("it was removed"):
                yield key, f"Kafka {version} does not know it"
        elif entry["type"] in RANGES and (wrong := check_value(scope, key, value, around)):
            (why, _), _ = wrong
            yield key, f"Kafka {version} refuses that, {why}"


def is_secret(scope: str, key: str, around: Surroundings) -> bool:
    """Whether Kafka treats the key's value as a secret, with or without a listener's prefix."""
    last = key
    if key.startswith("listener.name."):
        last = key.split(".", 3)[-1]
    table = around.table.keys(scope)
    names = (key, last, last.partition(".")[2])
    return any(table.get(name, {}).get("type") == "password" for name in names)
