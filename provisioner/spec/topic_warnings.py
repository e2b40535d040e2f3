"""Topics that Kafka takes as they are written and their owners regret: warnings, never errors."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner import topic_rules as rules
from provisioner.notices import Findings, few
from provisioner.spec.build_nodes import plain
from provisioner.spec.checks import Review
from provisioner.spec.types import Topic
from provisioner.spec.yamlfile import Loc

Found = Iterator[tuple[str, Loc]]
"""Sentences, and where what they are about is written."""


def check_all(review: Review) -> None:
    found = (
        Findings(rules.ONE_COPY, [*one_copy(review)]),
        Findings(rules.ALL_IN_SYNC, [*all_in_sync(review)]),
        Findings(rules.FEW_RACKS, [*few_racks(review)]),
        Findings(rules.TOO_MANY, [*too_many_partitions(review)]),
        Findings(rules.UNCLEAN, [*unclean(review)]),
    )
    review.warnings += few(found, lambda item: review.built.document.notice(*item))


def one_copy(review: Review) -> Found:
    brokers = review.staying
    for topic in review.built.spec.topics:
        if topic.replication == 1 and brokers > 1:
            yield rules.one_copy(topic.name, brokers), (*_loc(topic), "replication")


def all_in_sync(review: Review) -> Found:
    """What is below the topic's own replication is checked as an error elsewhere."""
    common = plain(review.built.shape.defaults.config).get(rules.MIN_ISR_KEY)
    for topic in review.built.spec.topics:
        own = topic.config.get(rules.MIN_ISR_KEY)
        least = own if own is not None else common
        if least is None or not least.strip().isdigit() or topic.replication < 2:
            continue
        if int(least) == topic.replication or (own is None and int(least) > topic.replication):
            at = ("config", rules.MIN_ISR_KEY) if own is not None else ("replication",)
            yield rules.all_in_sync(topic.name, topic.replication, int(least)), (*_loc(topic), *at)


def few_racks(review: Review) -> Found:
    racks = {node.rack for node in review.built.spec.brokers}
    if None in racks or len(racks) < 2:
        return
    for topic in review.built.spec.topics:
        if topic.replication > len(racks):
            message = rules.few_racks(topic.name, topic.replication, len(racks))
            yield message, (*_loc(topic), "replication")


def too_many_partitions(review: Review) -> Found:
    topics, brokers = review.built.spec.topics, review.staying
    total = sum(topic.partitions * topic.replication for topic in topics)
    if not brokers or total <= rules.MOST_REPLICAS * brokers:
        return
    most = max(topics, key=lambda topic: (topic.partitions * topic.replication, topic.name))
    message = rules.too_many(total, brokers, most.name, most.partitions)
    yield message, (*_loc(most), "partitions")


def unclean(review: Review) -> Found:
    shape = review.built.shape
    places: list[tuple[str, dict[str, str], Loc]] = [
        ("every topic", plain(shape.defaults.config), ("defaults", "config"))
    ]
    for number, broker in enumerate(shape.brokers or ()):
        whose = f"what broker-{broker.id} leads"
        places.append((whose, plain(broker.config), ("brokers", number, "config")))
    for topic in review.built.spec.topics:
        places.append((f"topic {topic.name}", dict(topic.config), (*_loc(topic), "config")))
    for whose, config, at in places:
        if config.get(rules.UNCLEAN_KEY) == "true":
            yield rules.unclean(whose), (*at, rules.UNCLEAN_KEY)


def _loc(topic: Topic) -> Loc:
    return ("topics", topic.name)
