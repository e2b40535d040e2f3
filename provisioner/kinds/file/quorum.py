"""What must not happen to a KRaft quorum as a side effect: conversion between static and
dynamic, a change of a static quorum's voters, or a voter that is started as a broker only.

Where the spec itself asks for a dynamic quorum in the place of a static one, the files keep the
voters until Kafka has switched (decision 60).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from provisioner.kinds.file.current import settings_now
from provisioner.kinds.file.settings import voters_of
from provisioner.kinds.ids import voter_id
from provisioner.kinds.kind import Question, Verdict
from provisioner.kinds.switch import LEAST, THEN, level, may_switch
from provisioner.plan.model import Change, Desired, Id, Observed, Present, Refused, State
from provisioner.spec.types import Node, Role, Spec
from provisioner.spec.words import release

VOTERS, SERVERS = "controller.quorum.voters", "controller.quorum.bootstrap.servers"
ROLES = "process.roles"


def switched(spec: Spec, mine: Mapping[Id, State], observed: Observed) -> Mapping[Id, State]:
    """The properties with the voters of a static quorum in them as long as it is one."""
    if not may_switch(spec) or not _still_static(spec, observed):
        return mine
    then = f"{SERVERS} in the place of {VOTERS}, once the quorum is dynamic (kraft.version 1)"
    found = dict(mine)
    for id, state in mine.items():
        if SERVERS in state.fields:
            fields = {key: value for key, value in state.fields.items() if key != SERVERS}
            fields[VOTERS] = voters_of(spec)
            found[id] = replace(state, fields=fields, args={**state.args, THEN: then})
    return found


def _still_static(spec: Spec, observed: Observed) -> bool:
    """As Kafka says; where it does not tell, as most files say."""
    now = level(observed)
    return now < 1 if now is not None else bool(_now(spec, observed)[0])


def _now(spec: Spec, observed: Observed) -> tuple[str, str]:
    """Voters and bootstrap servers that most nodes have: one edited file does not decide."""
    said = Counter(v for node in spec.nodes if any(v := _both(settings_now(node, observed))))
    return said.most_common(1)[0][0] if said else ("", "")


def guard_quorum(question: Question) -> Iterator[Verdict]:
    """Refuses properties that would convert the quorum, or change the voters of a static one; what
    depends on them is then held back."""
    spec, seen = question.spec, question.seen.things
    if not spec.is_kraft or question.rules.rebuild:
        return
    now = _now(spec, seen)
    why = _forbidden(spec, now, _wanted(spec, question.wanted), seen) if any(now) else ""
    files = {Id(node.host, "file", node.properties): node.id for node in spec.nodes}
    for change in question.changes:
        named = change.action == "create" or {VOTERS, SERVERS} & set(change.fields)
        if why and change.id in files and named:
            yield Refused(change.id, why, None, change)
        elif change.id in files and _ends_voting(change, files[change.id], seen):
            words = (
                f"it is a voter of the quorum, and would run on as a broker only: write controller "
                f"{files[change.id]} into controllers again"
            )
            yield Refused(change.id, words, None, change)


def _ends_voting(change: Change, id: int, seen: Observed) -> bool:
    """Whether the process of a voter would lose its part as a controller."""
    before, after = ((each or {}).get(ROLES) for each in (change.before, change.after))
    loses = "controller" in str(before or "") and "controller" not in str(after or "")
    voter = seen.get(voter_id(id))
    return bool(after) and loses and isinstance(voter, Present) and "lag" in voter.volatile


def of_kafka(spec: Spec) -> list[Node]:
    """The nodes that know a quorum."""
    return [node for node in spec.nodes if node.role is not Role.ZOOKEEPER]


def _both(values: Mapping[str, object]) -> tuple[str, str]:
    return _plain(values.get(VOTERS)), _plain(values.get(SERVERS))


def _plain(value: object) -> str:
    return ",".join(sorted(part.strip() for part in str(value or "").split(",") if part.strip()))


def _wanted(spec: Spec, states: Desired) -> str:
    """The voters of a static quorum, which every file has; nothing where it is dynamic."""
    files = (states.get(Id(node.host, "file", node.properties)) for node in of_kafka(spec))
    return next((_both(file.fields)[0] for file in files if file is not None), "")


def _forbidden(spec: Spec, now: tuple[str, str], wanted: str, seen: Observed) -> str:
    voters, _ = now
    if voters and not wanted:
        if may_switch(spec) and (level(seen) or 0) >= 1:
            return ""
        if spec.quorum_said and release(spec.version) < LEAST:
            least = ".".join(map(str, LEAST))
            return (
                f"the quorum is static ({voters}), and Kafka makes a static one dynamic from "
                f"{least} on: set controller_quorum: static until then"
            )
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
        first = " (make it dynamic first, with the same controllers)" if may_switch(spec) else ""
        return f"the voters of a static quorum cannot be changed: they are {voters}{first}"
    return ""
