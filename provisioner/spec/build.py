"""``SpecFile`` (what was written) → ``Spec`` (everything filled in). No checks: ``checks.py``.

Defaults that are decided here:

- ``supervisor``: process if all nodes are on one host, else systemd; ``user``: ``kafka`` under
  systemd, else the login user (None); ``home``: see ``default_home``.
- ``controller_quorum``: dynamic for 4.x, static for 3.x. In 3.9 dynamic quorums exist but cannot
  be left again, and the way from ZooKeeper needs a static one.
- An address nobody gave: ``localhost`` if all nodes are on one host, else "" (which ``checks``
  reports): never guessed from how SSH reaches the host.
- ``jvm_opts`` of a node replace the default list; ``env`` and ``config`` are merged key by key.
  ``defaults.config`` never reaches ZooKeeper.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from provisioner.spec import features as kafkas
from provisioner.spec.build_nodes import ABSENT, Built, all_items, nodes, plain, retiring, secrets
from provisioner.spec.build_topics import quotas, scope, topics
from provisioner.spec.types import (
    Features,
    Host,
    Move,
    Overrides,
    Policy,
    Rolling,
    Source,
    Spec,
    Supervisor,
)
from provisioner.spec.words import rate_bytes, release, to_address
from provisioner.spec.yamlfile import Document

if TYPE_CHECKING:
    from provisioner.spec import document as doc


def build(document: Document, shape: doc.SpecFile, hosts: Mapping[str, Host]) -> Built:
    """Fill in everything. ``hosts`` are those of the inventory that the nodes name."""
    names = list(dict.fromkeys(item.host for item in all_items(shape)))
    supervisor = Supervisor(shape.kafka.supervisor or ("process" if len(names) <= 1 else "systemd"))
    home = shape.kafka.home or default_home(shape.cluster, supervisor)
    if shape.bootstrap:
        home, hosts = record_home(shape), {GUARD: Host(GUARD)}
        names = [GUARD]
    addressed = {
        name: with_address(hosts.get(name), name, document, shape, len(names)) for name in names
    }
    spec = Spec(
        cluster=shape.cluster,
        file=document.file,
        digest=digest(document.data),
        version=shape.kafka.version,
        home=home,
        user=shape.kafka.user or ("kafka" if supervisor is Supervisor.SYSTEMD else None),
        supervisor=supervisor,
        java=java(shape.kafka),
        source=source(shape.kafka.source),
        nodes=(),
        topics=topics(document, shape),
        topics_scope=scope(shape),
        absent_topics=tuple(sorted(n for n, given in shape.topics.items() if given == ABSENT)),
        policy=policy(shape.policy),
        quotas=quotas(document, shape),
        hosts=addressed,
        cluster_id=shape.cluster_id,
        controller_quorum=quorum(shape),
        quorum_said=shape.controller_quorum is not None,
        bootstrap=tuple(to_address(text) for text in shape.bootstrap or ()),
        broker_config=broker_config(shape),
        features=features(shape),
        migration=shape.migration or "",
    )
    built = Built(spec, document, shape)
    every = nodes(built, addressed)
    gone = {given.id for given in shape.brokers if given.state == ABSENT}
    leaving = tuple(node for node in every if node.is_broker and node.id in gone)
    wanted = tuple(node for node in every if node not in leaving)
    built.spec = replace(spec, nodes=wanted, leaving=leaving, retiring=retiring(built))
    return built


def digest(data: Any) -> str:
    """SHA-256 of what the file says, whatever the order of its keys and its comments."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def default_home(cluster: str, supervisor: Supervisor) -> str:
    if supervisor is Supervisor.SYSTEMD:
        return "/opt/kafka"
    return f"~/.local/share/provision/{cluster}"


GUARD = "localhost"
"""With ``bootstrap``: this machine, where the lock and the journal are."""


def record_home(shape: doc.SpecFile) -> str:
    """One folder for each cluster, however many specs share it."""
    return f"~/.local/state/provision/{shape.cluster_id or shape.cluster}"


def broker_config(shape: doc.SpecFile) -> dict[str, Overrides] | None:
    if shape.broker_config is None or not shape.bootstrap:
        return None
    return {
        name: Overrides(plain(config), secrets(config))
        for name, config in sorted(shape.broker_config.items())
    }


def with_address(
    host: Host | None, name: str, document: Document, shape: doc.SpecFile, count: int
) -> Host:
    host = host or Host(name)
    given, origins = host.kafka_address, dict(host.origins)
    if name in shape.hosts:
        given = shape.hosts[name].address
        line, _ = document.place(("hosts", name, "address"))
        origins["kafka_address"] = f"{document.file}:{line}"
    address = given or ("localhost" if count <= 1 else "")
    return replace(host, kafka_address=address, origins=origins)


def quorum(shape: doc.SpecFile) -> str | None:
    if not shape.controllers:
        return shape.controller_quorum
    default = "dynamic" if release(shape.kafka.version)[0] >= 4 else "static"
    return shape.controller_quorum or default


def source(given: Any) -> Source:
    if isinstance(given, str):
        return Source(given)
    kind = "path" if given.path is not None else "url"
    return Source(kind, given.path or given.url or "", given.sha512.lower())


PREINSTALLED = "preinstalled"


def java(given: doc.Kafka) -> str:
    """A Kafka that is there already brings no Java: its own scripts look for one."""
    said = "java" in given.model_fields_set
    return "system" if given.source == PREINSTALLED and not said else given.java


def policy(given: doc.Policy) -> Policy:
    return Policy(
        given.unmanaged_topics,
        given.unmanaged_config,
        given.offline_partitions,
        tuple(given.protect),
        Move(rate_bytes(given.move.rate), given.move.per_broker),
        given.leaders,
        Rolling(given.roll.parallel, given.roll.canary, given.roll.pause),
        given.rebalance,
    )


def features(shape: doc.SpecFile) -> Features | None:
    """What has no such level is left out, and reported by its check."""
    if shape.features is None or isinstance(shape.features, str):
        return None if shape.features is None else Features(latest=True)
    levels = {name: kafkas.level(name, word) for name, word in shape.features.items()}
    return Features({name: number for name, number in levels.items() if number is not None})
