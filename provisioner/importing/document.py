"""What was found → the documents of ``cluster.yaml`` and ``inventory.yaml``. Pure.

Every list and mapping is in an order that depends on what was found only, so that the same cluster
gives the same text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.importing.found import Found, FoundKafka, FoundQuota, FoundTopic
from provisioner.spec.scalars import writable

Document = dict[str, Any]
Part = tuple[str, Document]
"""A comment, and the part of a file that stands below it."""

FROM_KAFKA = (
    "Written by provision import, from what Kafka told. The spec names no hosts (bootstrap): plan, "
    "drift, verify and apply are of what Kafka itself keeps, its topics, where their replicas are, "
    "client quotas and dynamic configuration. No host is contacted."
)
VERSION = "Kafka tells no more of its release than the first two numbers."
TOPICS = (
    "Only what was set explicitly; what is not here has Kafka's default. A topic with a placement "
    "has partitions with different numbers of replicas."
)
MACHINES = (
    "Written by provision import: the hosts that the brokers are registered with. cluster.yaml "
    "does not name this file, since nothing of it is managed on hosts."
)
REFERENCE = "{env: NAME} stands for a value that Kafka does not show: that it is set is compared."
RATES = (
    "producer_byte_rate",
    "consumer_byte_rate",
    "request_percentage",
    "controller_mutation_rate",
)
WHOLE_RATES = RATES[:2]
LARGEST_RATE = 2**53
CLUSTER_ID = re.compile(r"[A-Za-z0-9_-]{22}")
NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def cluster_name(cluster_id: str) -> str:
    """The name of a cluster that nobody has named, always the same."""
    letters = re.sub(r"[^a-z0-9]", "", cluster_id.lower())
    return f"kafka-{letters[:8]}" if letters else "kafka"


def kafka_spec(found: Found) -> list[Part]:
    """The spec of a Kafka that was asked and whose hosts nobody looked at."""
    kafka = found.kafka
    assert kafka is not None
    head: Document = {"cluster": found.cluster, "kafka": {"version": kafka.version}}
    if CLUSTER_ID.fullmatch(kafka.cluster_id):
        head["cluster_id"] = kafka.cluster_id
    head["bootstrap"] = list(kafka.bootstrap)
    parts: list[Part] = [(f"{FROM_KAFKA}\n{VERSION}", head)]
    config = broker_config(kafka)
    if config is not None:
        parts.append((REFERENCE if _refers(config.values()) else "", {"broker_config": config}))
    quotas = [quota(each) for each in kafka.quotas or () if _can_name(each)]
    if kafka.quotas is not None:
        parts.append(("", {"quotas": [each for each in quotas if _has_rates(each)]}))
    wanted = {topic.name: of_topic(topic) for topic in kafka.topics}
    if wanted:
        secret = _refers(topic.get("config", {}) for topic in wanted.values())
        parts.append((f"{TOPICS}\n{REFERENCE}" if secret else TOPICS, {"topics": wanted}))
    return parts


def _refers(configs: Any) -> bool:
    return any(isinstance(value, dict) for config in configs for value in config.values())


def of_topic(topic: FoundTopic) -> Document:
    """``placement`` only where partitions have different numbers of replicas."""
    sizes = {len(replicas) for replicas in topic.replicas}
    if len(sizes) == 1:
        made: Document = {"partitions": len(topic.replicas), "replication": sizes.pop()}
    else:
        made = {"placement": {n: list(r) for n, r in enumerate(topic.replicas)}}
    config = properties(topic.config, topic.secrets, f"TOPIC_{topic.name}")
    return {**made, "config": config} if config else made


def properties(config: Mapping[str, str], secrets: Sequence[str], owner: str) -> Document:
    """By key: numbers and booleans as such, secrets as references to the environment."""
    made: Document = {k: value_of(value) for k, value in config.items() if writable(value)}
    made |= {key: {"env": variable(owner, key)} for key in secrets}
    return {key: made[key] for key in sorted(made)}


def value_of(text: str) -> str | int | bool:
    """What the reader turns into the very same text again."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if NUMBER.fullmatch(text) and text != "-0" else text


def variable(owner: str, key: str) -> str:
    """``KAFKA_BROKER_1_SSL_KEYSTORE_PASSWORD``."""
    return re.sub(r"[^A-Z0-9]+", "_", f"KAFKA_{owner}_{key}".upper())


def broker_config(kafka: FoundKafka) -> Document | None:
    """None where it could not be read of all: what is not named then is not unmanaged."""
    if kafka.config is None:
        return None
    owners = [("cluster", kafka.config, kafka.secrets)]
    owners += [(f"broker-{b.id}", b.config, b.secrets) for b in kafka.brokers]
    return {
        name: properties(config, secrets, name)
        for name, config, secrets in owners
        if config or secrets
    }


def quota(found: FoundQuota) -> Document:
    """The parts of the entity, then the rates that a spec can have."""
    parts = {kind.replace("-", "_"): name for kind, name in found.entity}
    return {**parts, **{key: found.rates[key] for key in RATES if _can_say(found, key)}}


def _can_say(found: FoundQuota, key: str) -> bool:
    value = found.rates.get(key)
    whole = key not in WHOLE_RATES or isinstance(value, int)
    return value is not None and whole and 0 < value <= LARGEST_RATE


def _can_name(found: FoundQuota) -> bool:
    return all(name is None or (name and writable(name)) for _, name in found.entity)


def _has_rates(made: Document) -> bool:
    return any(key in made for key in RATES)


def left_out(kafka: FoundKafka) -> list[str]:
    """What was found and a spec cannot say, one sentence each."""
    said = []
    for each in kafka.quotas or ():
        names = list(each.rates)
        if _can_name(each):
            names = [key for key in each.rates if not (key in RATES and _can_say(each, key))]
        if names:
            who = ", ".join(f"{kind} {name or '(default)'}" for kind, name in each.entity)
            values = ", ".join(f"{key}={each.rates[key]:g}" for key in names)
            said.append(f"the quota of {who} has {values}, which a spec cannot say: left out")
    owners = [(f"topic {topic.name}", topic.config) for topic in kafka.topics]
    owners += [(f"broker {broker.id}", broker.config) for broker in kafka.brokers]
    owners += [("the cluster", kafka.config or {})]
    said += [
        f"{key} of {owner} has characters that no spec may hold: left out"
        for owner, config in owners
        for key, value in config.items()
        if not writable(value)
    ]
    if not CLUSTER_ID.fullmatch(kafka.cluster_id):
        said.append(f"the cluster id '{kafka.cluster_id}' is not one that a spec can say: left out")
    return said


def machines(kafka: FoundKafka) -> list[Part]:
    """An inventory of the hosts that the brokers are registered with."""
    hosts: Document = {}
    for broker in kafka.brokers:
        if broker.host in LOOPBACK:
            hosts["localhost"] = {"ansible_connection": "local"}
        elif HOST.fullmatch(broker.host):
            hosts[broker.host] = {}
        else:
            hosts[f"broker-{broker.id}"] = {"ansible_host": broker.host}
    named = {name: hosts[name] for name in sorted(hosts)}
    return [(MACHINES, {"all": {"children": {"kafka": {"hosts": named}}}})]
