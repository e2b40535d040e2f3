"""What would stop an upgrade half way, looked for before any file is changed (decision 55).

Another version comes with the launch files, so their change is where it is refused: then nothing
is stopped, and a process that dies starts with what it had. Whether the new version's own code
accepts each node's properties is asked at the gate before the files (decision 23).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from provisioner.kafka.port import DYNAMIC_BROKER, ClusterView
from provisioner.kafka.requests.features import (
    REGISTERED_BROKERS,
    DescribeFeatures,
    Supported,
    registered_brokers,
    registered_controllers,
)
from provisioner.kinds.file.current import settings_now
from provisioner.kinds.ids import (
    config_id,
    feature_id,
    service_id,
    topic_id,
)
from provisioner.kinds.kind import Question, Verdict
from provisioner.plan.model import Change, Deferred, Id, Observed, Present, Refused
from provisioner.spec import features, properties
from provisioner.spec.types import Node, Spec
from provisioner.spec.words import release

DIST = re.compile(r"/kafka-(\d+\.\d+\.\d+)-[0-9a-f]+$")
LOG4J1 = "-Dlog4j.configuration="


@dataclass
class Found:
    """``obstacles``: what no run removes by itself; ``first``: what this plan does before, by the
    thing that it is done to."""

    obstacles: list[str] = field(default_factory=list)
    first: list[tuple[Id, str]] = field(default_factory=list)


def guard_upgrade(question: Question, refused: Iterable[Id]) -> Iterator[Verdict]:
    """Refuses another version, by everything that stands in its way at once. ``refused``: files
    that are refused already, whose nodes would start with a mixture."""
    moved = _moved(question)
    if not moved or question.rules.rebuild:
        return
    known = set(refused)
    others = [change for change in question.changes if change.id not in known]
    found = _looked(question, moved)
    if known:
        named = ", ".join(sorted(str(id) for id in known)[:3])
        found.first.append((min(known), f"{named} is refused"))
    version, before = question.spec.version, min(moved.values(), key=release)
    if found.obstacles:
        why = "; ".join(found.obstacles)
        # One that no process is started with: what waits for it says so in fewer words.
        head = min(
            (c.id for c in others if _names_kafka(c)), key=lambda id: (_node(question, id), id)
        )
        words = f"Kafka {before} → {version} is refused before anything is stopped: {why}"
        yield from (Refused(c.id, words, None, c) for c in others if c.id == head)
        rest = f"Kafka {version} is refused: see {head}"
        yield from (Deferred(c.id, rest, c.action) for c in others if c.id != head)
    elif found.first:
        words = f"before Kafka {version}: {'; '.join(why for _, why in found.first)}"
        yield from (Deferred(change.id, words, change.action) for change in others)


def _names_kafka(change: Change) -> bool:
    return "dist" in change.fields


def _node(question: Question, id: Id) -> str:
    """Whose file it is; empty where it is no one node's."""
    return str(question.wanted[id].args.get("node") or "")


def _moved(question: Question) -> dict[Id, str]:
    """The launch files whose Kafka is another version than before, and that version."""
    found = {}
    for change in question.changes:
        before = DIST.search(str((change.before or {}).get("dist", "")))
        after = str((change.after or {}).get("dist", ""))
        if _node(question, change.id) and after and before and before[1] != question.spec.version:
            found[change.id] = before[1]
    return found


def _looked(question: Question, moved: dict[Id, str]) -> Found:
    spec, seen, found = question.spec, question.seen, Found()
    nodes = [n for n in spec.nodes if n.name in _names(question, moved)]
    found.obstacles += _zookeeper_mode(spec, seen.things)
    found.obstacles += _logging(spec, nodes)
    if not any(_runs(node, seen.things) for node in spec.nodes):
        return found  # nothing is stopped
    if seen.view is None:
        words = (
            "Kafka has to answer, so that what would stop it half way is seen (provision start "
            "starts what is down with the version that it has)"
        )
        found.first.append((min(moved), words))
        return found
    before = min(moved.values(), key=release)
    if release(before)[:2] != release(spec.version)[:2]:
        found.obstacles += [*_brokers(spec, seen.view), *_controllers(spec, seen.view)]
        if why := seen.view.errors.get(REGISTERED_BROKERS):
            words = f"it is not known which brokers are registered and do not run: {why}"
            found.first.append((min(moved), words))
    _levels(question, seen.view, found)
    _topics(spec, seen.view, found)
    _dynamic(spec, seen.view, found)
    return found


def _names(question: Question, moved: Iterable[Id]) -> set[str]:
    return {_node(question, id) for id in moved}


def _runs(node: Node, seen: Observed) -> bool:
    observation = seen.get(service_id(node))
    return isinstance(observation, Present) and bool(observation.fields["running"])


def _zookeeper_mode(spec: Spec, seen: Observed) -> Iterator[str]:
    for node in spec.brokers if spec.is_kraft else ():
        if settings_now(node, seen).get("zookeeper.connect"):
            yield (
                f"{node.name} is in ZooKeeper mode: it has to be migrated to KRaft with 3.9 first "
                "(migration: dual-write)"
            )
            return


def _logging(spec: Spec, nodes: Iterable[Node]) -> Iterator[str]:
    """Kafka 4 logs through log4j 2, and does not read what was written for log4j 1."""
    if spec.version.startswith("3."):
        return
    for node in nodes:
        if any(LOG4J1 in word for word in (*node.jvm_opts, *node.env.values())):
            yield (
                f"{node.name} has a logging configuration for log4j 1 ({LOG4J1}…), which Kafka 4 "
                "does not read: write -Dlog4j2.configurationFile=…"
            )


# --- who is registered -----------------------------------------------------------------------


def _brokers(spec: Spec, view: ClusterView) -> Iterator[str]:
    """Registered ones that the spec lacks: Kafka raises no feature above what they support. Those
    that are to go are gone before one is raised."""
    ours = {node.id for node in spec.known if node.is_broker}
    alive = view.alive
    known = {broker.id for broker in view.brokers} | set(registered_brokers(view.answers))
    for id in sorted(known - ours) if spec.is_kraft else ():
        if _knows(spec, view.answers.get(DescribeFeatures(id))):
            continue
        state = "runs an older version" if id in alive else "does not run"
        yield (
            f"broker {id} is registered, {state} and is not in the spec, so no feature "
            "could be raised afterwards: take it out (stop it, then bin/kafka-cluster.sh "
            f"unregister --bootstrap-server HOST:PORT --id {id})"
        )


def _knows(spec: Spec, answer: Supported | None) -> bool:
    """Whether a broker that is not ours supports what the new version has."""
    wanted = features.features(spec.version).get(features.METADATA)
    if answer is None or wanted is None:
        return False
    return answer.supported.get(features.METADATA, (0, 0))[1] >= wanted.most


def _controllers(spec: Spec, view: ClusterView) -> Iterator[str]:
    ours = {node.id for node in spec.controllers}
    for id in registered_controllers(view.answers) or ():
        if id not in ours:
            yield (
                f"controller {id} is registered and not in the spec, so no feature could be raised "
                "afterwards, and Kafka before 4.4 cannot forget it: start a controller with that "
                "id once with the new version, or add it to the spec"
            )


# --- what is finalised ----------------------------------------------------------------------


def _levels(question: Question, view: ClusterView, found: Found) -> None:
    """Finalised levels that the new version does not take."""
    told: Supported | None = view.answers.get(DescribeFeatures())
    version = question.spec.version
    if told is None or not features.is_exact(version):
        return
    for name, now in sorted(told.finalized.items()):
        known = features.features(version).get(name, features.Feature(0, 0))
        if known.least <= now <= known.most or now == 0:
            continue
        what = f"{name} is finalised at {features.shown(name, now)}"
        range = f"{features.shown(name, known.least)} to {features.shown(name, known.most)}"
        wanted = question.wanted.get(feature_id(name))
        level = wanted.fields.get("level") if wanted is not None else None
        lower = now > known.most
        goes = isinstance(level, int) and known.least <= level <= known.most
        if goes and (not lower or question.rules.permits_all("lower-feature")):
            found.first.append((feature_id(name), f"{what}, and goes to {level} first"))
            continue
        ends = lower and name == features.METADATA and features.lowest(now) > known.most
        way = ": there is no way back" if ends else _way(name, lower)
        found.obstacles.append(f"{what}, and Kafka {version} takes {range}{way}")


def _way(name: str, lower: bool) -> str:
    if not lower:
        return f": raise it before, with the version that runs (features: {{{name}: …}})"
    return f": lower it before, if Kafka does that (features: {{{name}: …}}, --allow lower-feature)"


# --- settings in Kafka ----------------------------------------------------------------------


def _topics(spec: Spec, view: ClusterView, found: Found) -> None:
    """Overrides that the new version refuses: on a topic of the spec they go first, in a change
    of their own."""
    ours = {topic.name for topic in spec.topics}
    for topic in view.topics:
        for key, why in properties.not_taken("topic", topic.config, spec.version):
            if topic.name in ours:
                words = f"{key} of topic {topic.name} is removed"
                found.first.append((topic_id(topic.name), words))
                continue
            found.obstacles.append(
                f"topic {topic.name}, which is not in the spec, has {key}={topic.config[key]}: "
                f"{why}; remove it (bin/kafka-configs.sh --bootstrap-server HOST:PORT --alter "
                f"--entity-type topics --entity-name {topic.name} --delete-config {key})"
            )


def _dynamic(spec: Spec, view: ClusterView, found: Found) -> None:
    """The same of dynamic settings: those of the spec's brokers, and of all, go first. What a
    broker that is to go has is cleared before it is stopped, and never seen by another version."""
    ours = {node.id: node.name for node in spec.brokers}
    for id, configs in sorted(view.broker_configs.items()):
        if spec.leaves(id):
            continue
        own = {key: entry.layer(DYNAMIC_BROKER) for key, entry in configs.items()}
        values = {key: value for key, value in own.items() if value is not None}
        for key, why in properties.not_taken("broker", values, spec.version):
            if id in ours:
                words = f"the dynamic {key} of {ours[id]} is removed"
                found.first.append((config_id(ours[id]), words))
                continue
            found.obstacles.append(
                f"the dynamic configuration of broker {id} has {key}={values[key]}: {why}; "
                "remove it (bin/kafka-configs.sh --bootstrap-server HOST:PORT --alter "
                f"--entity-type brokers --entity-name {id} --delete-config {key})"
            )
    wide = {key: value for key, value in view.cluster_config.items() if value is not None}
    for key, _ in properties.not_taken("broker", wide, spec.version):
        words = f"the dynamic {key} of the cluster is removed"
        found.first.append((config_id("cluster"), words))
