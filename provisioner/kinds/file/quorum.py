"""What must not happen to a KRaft quorum as a side effect: conversion between static and
dynamic, or a change of a static quorum's voters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from provisioner.kinds.file.current import settings_now
from provisioner.kinds.kind import Question, Verdict
from provisioner.plan.model import Desired, Id, Refused
from provisioner.spec.types import Spec

VOTERS, SERVERS = "controller.quorum.voters", "controller.quorum.bootstrap.servers"


def guard_quorum(question: Question) -> Iterator[Verdict]:
    """Refuses properties that would convert the quorum, or change the voters of a static one; what
    depends on them is then held back.

    The current mode is the one most nodes have, so a single edited file does not decide.
    """
    spec, seen = question.spec, question.seen.things
    if not spec.is_kraft or question.rules.rebuild:
        return
    said = Counter(v for node in spec.nodes if any(v := _both(settings_now(node, seen))))
    why = _forbidden(said.most_common(1)[0][0], _wanted(spec, question.wanted)) if said else ""
    if not why:
        return
    files = {Id(node.host, "file", node.properties) for node in spec.nodes}
    for change in question.changes:
        named = change.action == "create" or {VOTERS, SERVERS} & set(change.fields)
        if change.id in files and named:
            yield Refused(change.id, why, None, change)


def _both(values: Mapping[str, object]) -> tuple[str, str]:
    return _plain(values.get(VOTERS)), _plain(values.get(SERVERS))


def _plain(value: object) -> str:
    return ",".join(sorted(part.strip() for part in str(value or "").split(",") if part.strip()))


def _wanted(spec: Spec, states: Desired) -> str:
    """The voters of a static quorum, which every file has; nothing where it is dynamic."""
    files = (states.get(Id(node.host, "file", node.properties)) for node in spec.nodes)
    return next((_both(file.fields)[0] for file in files if file is not None), "")


def _forbidden(now: tuple[str, str], wanted: str) -> str:
    voters, _ = now
    if voters and not wanted:
        return (
            f"the quorum is static ({voters}) and would become dynamic as a side effect: "
            f"set controller_quorum: static"
        )
    if wanted and not voters:
        return (
            "the quorum is dynamic and would become static as a side effect: "
            "set controller_quorum: dynamic"
        )
    if voters != wanted:
        return f"the voters of a static quorum cannot be changed: they are {voters}"
    return ""
