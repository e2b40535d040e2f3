"""A topic that is to keep less: what is deleted by that, and whether it may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kinds.kind import Question, Verdict
from provisioner.kinds.topic import losses
from provisioner.kinds.topic.keeping import KEYS, Cut, cut_of
from provisioner.plan.model import Change, Loss, Refused
from provisioner.spec.types import Spec

ALLOW = "data-loss"
SHARE, BYTES = 0.1, 10**9
"""More than this of a topic, or so much in all, is deleted only by permission."""


def cuts_of(view: ClusterView, spec: Spec) -> Mapping[str, Cut]:
    """Topics that the spec makes keep less."""
    wanted = {topic.name: topic for topic in spec.topics}
    found = {}
    for topic in view.topics:
        if topic.name in wanted and f"topic-{topic.name}" not in view.errors:
            cut = cut_of(topic, wanted[topic.name], view, spec)
            if cut is not None:
                found[topic.name] = cut
    return found


def verdicts(question: Question) -> Iterator[Verdict]:
    """Of each change that makes a topic keep less."""
    view: ClusterView = question.seen.view
    changes = [
        c for c in question.changes if c.action == "update" and not set(KEYS).isdisjoint(c.fields)
    ]
    if not changes:
        return
    cuts = cuts_of(view, question.spec)
    known, topics = losses.told(view), {topic.name: topic for topic in view.topics}
    for change in changes:
        cut = cuts.get(change.id.name)
        if cut is not None:
            loss = losses.of_cut(topics[change.id.name], cut, known)
            yield from _verdicts(question, change, loss)


def _verdicts(question: Question, change: Change, loss: Loss) -> Iterator[Verdict]:
    if loss.records == 0:
        return
    needs = loss.share is None or loss.bytes is None or loss.share > SHARE or loss.bytes > BYTES
    change = replace(change, effect="loss", loss=loss)
    words = f"{_first(change)}, which deletes {_in_words(loss)}"
    if not needs or question.rules.permits_all(ALLOW):
        yield replace(change, reason=words)
        return
    mine = [name for name in change.fields if name in KEYS]
    part = _only(change, mine)
    why = f"{_first(part)}, which would delete {_in_words(loss)}"
    yield Refused(change.id, why, ALLOW, replace(part, reason=why))
    rest = [name for name in change.fields if name not in mine]
    if rest:
        # What is refused of it still differs afterwards.
        yield replace(_only(change, rest), effect="none", loss=None, more=True)


def _only(change: Change, fields: list[str]) -> Change:
    """The part of a change that is about these fields."""
    before, after = change.before or {}, change.after or {}
    return replace(
        change,
        before={name: before.get(name) for name in fields},
        after={name: after.get(name) for name in fields},
        fields=tuple(fields),
        reason="",
    )


def _first(change: Change) -> str:
    """The fields that make it keep less: ``retention.ms from 604800000 to 1000``."""
    before, after = change.before or {}, change.after or {}
    return " and ".join(
        f"{name} from {_value(before.get(name))} to {_value(after.get(name))}"
        for name in change.fields
        if name in KEYS
    )


def _value(value: object) -> str:
    return "the default" if value is None else str(value)


def _in_words(loss: Loss) -> str:
    if loss.share is None:
        return "some of its records: how many is not known"
    return f"up to {losses.amount(loss)} ({loss.share:.0%} of the topic)"
