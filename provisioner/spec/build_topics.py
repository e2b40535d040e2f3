"""The topics and quotas of a spec with everything filled in: part of ``build.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisioner.spec.build_nodes import plain, secrets
from provisioner.spec.types import Quota, Topic
from provisioner.spec.yamlfile import Document

if TYPE_CHECKING:
    from provisioner.spec import document as doc


def topics(document: Document, shape: doc.SpecFile) -> tuple[Topic, ...]:
    """By name; without absent ones and those whose partitions or replication are not known."""
    found = (topic(document, shape, name) for name in sorted(shape.topics))
    return tuple(each for each in found if each is not None)


SHARED = ("partitions", "replication")
"""What a topic has itself, from its profile, or from its placement."""


def topic(document: Document, shape: doc.SpecFile, name: str) -> Topic | None:
    given = shape.topics[name]
    if isinstance(given, str):
        return None
    profile = shape.topic_profiles.get(given.profile or "")
    placement = placement_of(given)
    partitions, replication = (shared(shape, given, key) for key in SHARED)
    if placement is not None:
        partitions = partitions or len(placement)
        replication = replication or max(map(len, placement))
    if partitions is None or replication is None:
        return None
    config = plain(profile.config) | plain(given.config) if profile else plain(given.config)
    line = document.place(("topics", name), key=True)[0]
    own = secrets(given.config)
    config = {key: value for key, value in config.items() if key not in own}
    inherited = secrets(profile.config) if profile else ()
    hidden = tuple(sorted({*own, *inherited} - config.keys()))
    return Topic(name, partitions, replication, config, line, placement, hidden)


def shared(shape: doc.SpecFile, given: doc.Topic, key: str) -> int | None:
    """The topic's own value, else its profile's."""
    own: int | None = getattr(given, key)
    if own is not None or given.profile is None:
        return own
    return getattr(shape.topic_profiles.get(given.profile), key, None)


def placement_of(given: doc.Topic) -> tuple[tuple[int, ...], ...] | None:
    """The replicas by partition; None where there is none, or one with a gap."""
    written = given.placement
    if written is None or any(str(number) not in written for number in range(len(written))):
        return None
    return tuple(tuple(written[str(number)]) for number in range(len(written)))


def scope(shape: doc.SpecFile) -> tuple[str, ...]:
    """Patterns of the topics that the spec manages: none where it speaks of no topic."""
    if "topics" not in shape.model_fields_set:
        return ()
    return ("*",) if shape.topics_scope is None else tuple(shape.topics_scope)


ENTITY = {"user": "user", "client_id": "client-id"}
"""Parts of a quota's entity: the spec's word and Kafka's, in the order in which they are named."""


def quotas(document: Document, shape: doc.SpecFile) -> tuple[Quota, ...] | None:
    """None where the spec does not speak of them. A part that is written as null is the default."""
    if shape.quotas is None:
        return None
    return tuple(
        Quota(entity(given), rates(given), document.place(("quotas", number))[0])
        for number, given in enumerate(shape.quotas)
    )


def entity(given: doc.Quota) -> tuple[tuple[str, str | None], ...]:
    return tuple(
        (kafkas, getattr(given, word))
        for word, kafkas in ENTITY.items()
        if word in given.model_fields_set
    )


def rates(given: doc.Quota) -> dict[str, float]:
    return {
        word: value
        for word in vars(given)
        if word not in ENTITY and (value := getattr(given, word)) is not None
    }
