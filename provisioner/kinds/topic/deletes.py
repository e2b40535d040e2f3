"""Topics that are to go: named as ``absent``, or unmanaged under ``unmanaged_topics: delete``.

Each needs ``--allow delete-topic``, those that are protected by name; Kafka's own are never
deleted. Without names no more goes at once than a share of what the spec manages, so that a
mistyped file, or half a file, deletes little or nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kinds.kind import Question, Verdict
from provisioner.kinds.topic import losses
from provisioner.plan.model import Change, Gone, Id, Observed, Present, Refused, State
from provisioner.spec.types import Spec

ALLOW = "delete-topic"
KAFKAS = frozenset(
    {
        "__consumer_offsets",
        "__transaction_state",
        "__share_group_state",
        "__cluster_metadata",
        "__remote_log_metadata",
    }
)
"""Kafka's own topics, where it does not mark them as internal itself."""
KEPT = ("__", "_schemas")
"""Beginnings of names that are deleted only by name."""
FEW, SHARE = 3, 0.3
"""Without names at most so many, or this share of the topics, go at once."""


def protected(spec: Spec, name: str) -> bool:
    """Whether it is deleted only when it is named."""
    return name.startswith(KEPT) or spec.policy.protects(name)


def unwanted(spec: Spec, wanted: Mapping[Id, State], observed: Observed) -> Mapping[Id, State]:
    """Unmanaged topics, where the policy says that they go."""
    if spec.policy.unmanaged_topics != "delete":
        return {}
    return {
        id: Gone()
        for id, seen in observed.items()
        if id.kind == "topic"
        and id not in wanted
        and isinstance(seen, Present)
        and not seen.volatile["internal"]
        and spec.manages(id.name)
        and id.name not in KAFKAS
        and not protected(spec, id.name)
    }


def verdicts(question: Question) -> Iterator[Verdict]:
    """Of each topic that should be gone: deleted, with what that destroys, or refused and why."""
    changes = [change for change in question.changes if change.action == "delete"]
    if not changes:
        return
    view: ClusterView = question.seen.view
    known, topics = losses.told(view), {topic.name: topic for topic in view.topics}
    many = _too_many(question, changes)
    for change in changes:
        topic = topics[change.id.name]
        loss = losses.of_deletion(topic, known)
        what = f"its {len(topic.partitions)} partitions hold {losses.amount(loss)}"
        words = "; ".join([what, *losses.users(loss, known.shares)])
        before = {**(change.before or {}), "topic_id": topic.id}
        change = replace(change, before=before, effect="loss", loss=loss, reason=words)
        own = topic.internal or topic.name in KAFKAS
        yield _refusal(question, change, own, topic.id, many) or change


def _refusal(
    question: Question, change: Change, own: bool, topic_id: str, many: str
) -> Refused | None:
    name = change.id.name
    words = f"it would be deleted: {change.reason}"
    if own:
        return Refused(change.id, "it is Kafka's own, and never deleted", None, change)
    if not topic_id:
        why = (
            "Kafka gives it no id (inter.broker.protocol.version is below 2.8), so it could not be "
            "told from a new one of the same name: delete it by hand"
        )
        return Refused(change.id, why, None, change)
    if question.rules.names(ALLOW, name):
        return None
    if not question.rules.permits(ALLOW, name):
        return Refused(change.id, words, ALLOW, change, name)
    if protected(question.spec, name):
        words += "; it is protected, and has to be named"
        return Refused(change.id, words, ALLOW, change, name)
    return Refused(change.id, f"{words}; {many}", ALLOW, change, name) if many else None


def _too_many(question: Question, changes: Sequence[Change]) -> str:
    """Why so many do not go at once without being named; nothing where they are few."""
    unnamed = [c.id.name for c in changes if not question.rules.names(ALLOW, c.id.name)]
    total = len(list(_judged(question.spec, question.seen.things)))
    if len(unnamed) <= FEW or len(unnamed) <= SHARE * total:
        return ""
    return (
        f"{len(unnamed)} of {total} topics would go at once, which is more than "
        f"{SHARE:.0%}: they have to be named"
    )


def _judged(spec: Spec, things: Iterable[Id]) -> Iterator[Id]:
    """The topics that count: within the spec's scope, without those of Kafka and of tools."""
    return (
        id
        for id in things
        if id.kind == "topic" and spec.manages(id.name) and not id.name.startswith("__")
    )
