"""Topics of the cluster as it is, in the spec or not, that their owners regret.

What the files show of a topic in the spec is said of the files (``spec/topic_warnings.py``), with
the place; here only what Kafka shows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cache

from provisioner import topic_rules as rules
from provisioner.errors import Notice
from provisioner.kafka.port import ClusterView, TopicView
from provisioner.notices import Findings
from provisioner.spec.types import Spec, Topic

Found = Iterator[tuple[TopicView, str]]


def warnings(view: ClusterView, spec: Spec) -> list[Findings[Notice]]:
    """By rule, the gravest first. Nothing of the cluster's layer that could not be read."""
    wanted = {topic.name: topic for topic in spec.topics}
    others = [topic for topic in view.topics if topic.name not in wanted]
    found = (
        (rules.MIXED, mixed(view)),
        (rules.UNCLEAN, unclean(others)),
        (rules.ONE_COPY, one_copy(view, {} if spec.bootstrap else wanted)),
        (rules.ALL_IN_SYNC, all_in_sync(view, wanted)),
        (rules.SHARED_RACK, shared_rack(view)),
        (rules.FEW_RACKS, few_racks(view, [*view.topics] if spec.bootstrap else others)),
        (rules.COLLISIONS, collisions(view, wanted)),
        (rules.DISK, disks(view, spec)),
        (rules.TOO_MANY, too_many_partitions(view, spec)),
    )
    return [
        Findings(what, [_notice(spec, wanted.get(topic.name), said) for topic, said in items])
        for what, items in found
    ]


def _notice(spec: Spec, topic: Topic | None, message: str) -> Notice:
    return Notice(message, spec.file, topic.line or None) if topic else Notice(message)


def mixed(view: ClusterView) -> Found:
    for topic in view.topics:
        if len({len(partition.replicas) for partition in topic.partitions}) < 2:
            continue
        sizes: dict[int, list[int]] = defaultdict(list)
        for partition in topic.partitions:
            sizes[len(partition.replicas)].append(partition.id)
        fewest, most = min(sizes), max(sizes)
        where = f"partition {sizes[fewest][0]} and {sizes[most][0]}"
        brokers = max(len(view.alive), 1)
        yield topic, rules.mixed(topic.name, fewest, most, where, min(most, brokers))


def unclean(topics: list[TopicView]) -> Found:
    for topic in topics:
        if topic.config.get(rules.UNCLEAN_KEY) == "true":
            yield topic, rules.unclean(f"topic {topic.name}")


def one_copy(view: ClusterView, wanted: Mapping[str, Topic]) -> Found:
    """Kafka's own topics too: with one copy of ``__consumer_offsets`` consumers stop with its
    broker."""
    for topic in view.topics:
        said = topic.name in wanted and wanted[topic.name].replication == 1
        if len(view.brokers) > 1 and topic.replication == 1 and not said:
            yield topic, rules.one_copy(topic.name, len(view.brokers))


def all_in_sync(view: ClusterView, wanted: Mapping[str, Topic]) -> Found:
    """By the effective minimum: Kafka's default of it, where nothing else is said, is 1."""
    for topic in view.topics:
        least, replicas = topic.min_isr or 1, topic.replication
        mine = wanted.get(topic.name)
        # The files that name the minimum have been warned of, with the place.
        said = mine is not None and mine.replication == replicas and _named(topic, view)
        if replicas > 1 and least >= replicas and not said:
            yield topic, rules.all_in_sync(topic.name, replicas, least)


def _named(topic: TopicView, view: ClusterView) -> bool:
    """Whether the minimum is the topic's own or stands in a broker's file."""
    if rules.MIN_ISR_KEY in topic.config:
        return True
    layers = (config.get(rules.MIN_ISR_KEY) for config in view.broker_configs.values())
    return any(entry is not None and entry.layer("static") is not None for entry in layers)


def few_racks(view: ClusterView, others: list[TopicView]) -> Found:
    racks = _racks(view)
    number = len(set(racks.values()))
    if number < 2 or len(racks) < len(view.brokers):
        return
    for topic in others:
        if topic.replication > number:
            yield topic, rules.few_racks(topic.name, topic.replication, number)


def shared_rack(view: ClusterView) -> Found:
    racks = _racks(view)
    number = len(set(racks.values()))
    if number < 2:
        return

    @cache
    def shares(replicas: tuple[int, ...]) -> bool:
        """Two of them are known to be on one rack."""
        used = [racks[id] for id in replicas if id in racks]
        return len(set(used)) < len(used) and len(replicas) <= number

    for topic in view.topics:
        bad = [p for p in topic.partitions if shares(p.replicas)]
        if bad:
            ids = ", ".join(str(id) for id in bad[0].replicas)
            example = f"partition {bad[0].id} on brokers {ids}"
            yield topic, rules.shared_rack(topic.name, len(bad), example, number)


def _racks(view: ClusterView) -> dict[int, str]:
    return {broker.id: broker.rack for broker in view.brokers if broker.rack is not None}


def collisions(view: ClusterView, wanted: Mapping[str, Topic]) -> Found:
    """Of topics that are there, and of those that the spec would create."""
    there = {topic.name: topic for topic in view.topics}
    new = [TopicView(name, False, ()) for name in wanted if name not in there]
    seen: dict[str, str] = {}
    for topic in [*view.topics, *new]:
        other = seen.setdefault(topic.name.replace(".", "_"), topic.name)
        if other != topic.name:
            yield topic, rules.collision(topic.name, other)


def too_many_partitions(view: ClusterView, spec: Spec) -> Found:
    """Once, for the broker that has most; where the spec's own topics are too many that is said."""
    counts = Counter(id for t in view.topics for p in t.partitions for id in p.replicas)
    own = sum(topic.partitions * topic.replication for topic in spec.topics)
    said = not spec.bootstrap and own > rules.MOST_REPLICAS * len(spec.brokers)
    if not counts or said:
        return
    if max(counts.values()) > rules.MOST_REPLICAS:
        most = max(view.topics, key=lambda t: (len(t.partitions) * t.replication, t.name))
        total = sum(counts.values())
        yield most, rules.too_many(total, len(view.brokers), most.name, len(most.partitions))


# --- retention against the disks -----------------------------------------------------------------


def disks(view: ClusterView, spec: Spec) -> Found:
    """What ``retention.bytes`` lets topics keep, against all disks. Nothing where the size of a
    disk is not known (Kafka before 3.3), and nothing of topics without that limit."""
    room = capacity(view, spec)
    if room is None:
        return
    kept = {topic.name: _kept(topic, view) for topic in view.topics}
    largest = max(view.topics, key=lambda topic: (kept[topic.name], topic.name), default=None)
    alone = [topic for topic in view.topics if kept[topic.name] > room]
    for topic in alone:
        replicas = sum(len(p.replicas) for p in topic.partitions)
        yield topic, rules.too_large(topic.name, kept[topic.name], room, room // replicas)
    total = sum(kept.values())
    if largest is not None and total > room and not alone:
        yield largest, rules.too_large_together(total, room, largest.name)


def capacity(view: ClusterView, spec: Spec) -> int | None:
    """Bytes of all disks of the brokers. Log dirs of one host whose disks are of the same size
    and equally full are on one disk."""
    hosts = {node.id: node.host for node in spec.brokers}
    found = set()
    for broker in view.brokers:
        known = view.disks.get(broker.id)
        if not known:
            return None
        host = hosts.get(broker.id, broker.host)
        found |= {(host, disk.total, disk.free * 10_000 // disk.total) for disk in known}
    return sum(total for _, total, _ in found) or None


def _kept(topic: TopicView, view: ClusterView) -> int:
    """Bytes the topic may hold, 0 where nothing limits it by size."""
    policy = _setting(topic, view, "cleanup.policy", "delete")
    limit = _setting(topic, view, "retention.bytes", "-1")
    if "delete" not in policy or not limit.isdigit():
        return 0
    return int(limit) * sum(len(partition.replicas) for partition in topic.partitions)


def _setting(topic: TopicView, view: ClusterView, key: str, default: str) -> str:
    """The topic's override, else what a broker has as the default of all topics."""
    if key in topic.config:
        return topic.config[key]
    for config in view.broker_configs.values():
        entry = config.get(f"log.{key}")
        if entry is not None and entry.value is not None:
            return entry.value
    return default
