"""Topics with their profiles, their placement and the spec's scope.

What Kafka says of partitions and replicas is in ``checks_kafka.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from provisioner.errors import cut
from provisioner.spec.build_topics import SHARED, placement_of, shared
from provisioner.spec.checks import Review
from provisioner.spec.nearest import NameIndex
from provisioner.spec.patterns import matches
from provisioner.spec.shape import dig
from provisioner.spec.yamlfile import Loc

if TYPE_CHECKING:
    from provisioner.spec import document as doc


def check_all(review: Review) -> None:
    for one in (scope, profiles, complete, placements, unmanaged):
        one(review)


def topics(review: Review) -> Iterator[tuple[str, doc.Topic, Loc]]:
    """Those that the spec wants: an absent one has nothing but its name."""
    for name, topic in review.built.shape.topics.items():
        if not isinstance(topic, str):
            yield name, topic, ("topics", name)


def scope(review: Review) -> None:
    patterns = review.built.shape.topics_scope
    if patterns is None or dig(review.source.data, ("topics_scope",)) != patterns:
        return  # none, or one that is wrong, which has been said
    listed = cut(", ".join(patterns), 200)
    for name in review.built.shape.topics:
        if not matches(tuple(patterns), name):
            review.report(
                f"topic {name} is outside of the spec's topics_scope",
                ("topics", name),
                f"the scope is {listed}: rename the topic, or add a pattern",
                key=True,
            )


def profiles(review: Review) -> None:
    known = review.built.shape.topic_profiles
    if not review.source.whole or known.keys() != written_profiles(review):
        return  # of the profiles some could not be read
    index = NameIndex(known)
    for name, topic, loc in topics(review):
        if topic.profile is None or topic.profile in known:
            continue
        near, _ = index.nearest(topic.profile)
        some = f"the profiles are {cut(', '.join(sorted(known)), 200)}" if known else ""
        review.report(
            f"topic {name} has the profile '{cut(topic.profile)}', which is not in topic_profiles",
            (*loc, "profile"),
            f"did you mean '{near}'?" if near else some or "add topic_profiles: {NAME: {…}}",
        )


def written_profiles(review: Review) -> Any:
    written = dig(review.source.data, ("topic_profiles",))
    return written.keys() if isinstance(written, dict) else {}.keys()


def complete(review: Review) -> None:
    """Partitions and replication: the topic's own, its profile's, or as the placement has them."""
    shape = review.built.shape
    for name, topic, loc in topics(review):
        written = dig(review.source.data, loc)
        if "placement" in written or ("profile" in written and not profile_is_known(review, topic)):
            continue
        for key in SHARED:
            if key not in written and shared(shape, topic, key) is None:
                more = f", and its profile {topic.profile} has none" if topic.profile else ""
                review.report(
                    f"'{key}' is missing in topics, {name}{more}", loc, f"add {key}: …", key=True
                )


def profile_is_known(review: Review, topic: doc.Topic) -> bool:
    """Whether all that was written of the topic's profile was understood."""
    name = topic.profile or ""
    profile = review.built.shape.topic_profiles.get(name)
    written = dig(review.source.data, ("topic_profiles", name))
    return profile is not None and written.keys() == profile.model_fields_set


def placements(review: Review) -> None:
    every = {broker.id for broker in review.built.shape.brokers}
    ids = every - {node.id for node in review.built.spec.leaving}
    known = len(every) == review.written("brokers") and not review.is_elsewhere
    brokers = ids if known else None
    for name, topic, loc in topics(review):
        given, at = topic.placement, (*loc, "placement")
        if given is None or given != dig(review.source.data, at):
            continue  # none, or one that is wrong, which has been said
        numbers(review, topic, name, at)
        replication = shared(review.built.shape, topic, "replication")
        for partition, replicas in given.items():
            who = f"partition {partition} of topic {name}"
            where = (*at, partition)
            if replication is not None and len(replicas) != replication:
                review.report(
                    f"{who} has {counted(len(replicas), 'replica')} in its placement, and the "
                    f"topic's replication is {replication}",
                    where,
                    f"name {counted(replication, 'broker')}, or change the replication",
                )
            brokers_of(review, who, replicas, brokers, where)


def numbers(review: Review, topic: doc.Topic, name: str, at: Loc) -> None:
    """The partitions are numbered from 0 without a gap, and are as many as the topic has."""
    given = topic.placement or {}
    partitions = shared(review.built.shape, topic, "partitions")
    if partitions is not None and len(given) != partitions:
        review.report(
            f"the placement of topic {name} has {counted(len(given), 'partition')}, and the topic "
            f"{partitions}",
            at,
            "place every partition",
            key=True,
        )
    elif placement_of(topic) is None:
        missing = next(n for n in range(len(given)) if str(n) not in given)
        review.report(
            f"the placement of topic {name} lacks partition {missing}",
            at,
            "partitions are numbered from 0 without a gap",
            key=True,
        )


def counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def brokers_of(
    review: Review, who: str, replicas: list[int], brokers: set[int] | None, at: Loc
) -> None:
    for number, broker in enumerate(replicas):
        if broker in replicas[:number]:
            review.report(
                f"{who} is placed on broker {broker} twice",
                (*at, number),
                "each replica is on another broker",
            )
        elif brokers is not None and broker not in brokers:
            listed = cut(", ".join(map(str, sorted(brokers))), 200)
            review.report(
                f"{who} is placed on broker {broker}, which is {absent(review, broker)}",
                (*at, number),
                f"the brokers are {listed}",
            )


def absent(review: Review, broker: int) -> str:
    return "to go" if review.built.spec.leaves(broker) else "not in the spec"


def unmanaged(review: Review) -> None:
    """Words about topics in a spec that has no topics do nothing."""
    if review.built.spec.topics_scope or review.problems:
        return
    if review.built.spec.policy.rebalance != "off":
        what = "policy.rebalance moves nothing in a spec without any topic: topics are not managed"
        review.warn(what, ("policy", "rebalance"))
    for word in ("topics_scope", "topic_profiles", "topic_files"):
        if word in review.source.data:
            review.warn(f"'{word}' without any topic: topics are not managed", (word,))
            return
