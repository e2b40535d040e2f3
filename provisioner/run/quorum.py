"""What must not happen to a KRaft quorum by the way: a static one made dynamic or the other way
round, the list of a static one changed, a controller formatted without a majority to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from provisioner.kafka.port import ClusterView
from provisioner.kinds.service.kind import service_id
from provisioner.plan import safety
from provisioner.plan.diff import Differences
from provisioner.plan.model import Desired, Id, Observed, Present, Refused
from provisioner.run.target import Target
from provisioner.spec.types import Node

VOTERS, SERVERS = "controller.quorum.voters", "controller.quorum.bootstrap.servers"


def guard_quorum(target: Target, found: Differences, states: Desired, seen: Observed) -> None:
    """Refuses properties that would give the quorum another kind, or a static one other voters;
    what depends on them is then held back.

    What the quorum is, most nodes say: a file that somebody edited is none of them.
    """
    spec = target.spec
    if not spec.is_kraft or target.rebuild:
        return
    said = Counter(v for node in spec.nodes if any(v := _has(node, seen)))
    why = _forbidden(said.most_common(1)[0][0], _wanted(target, states)) if said else ""
    if not why:
        return
    files = {Id(node.host, "file", node.properties) for node in spec.nodes}
    for change in [c for c in found.changes if c.id in files]:
        if change.action == "create" or {VOTERS, SERVERS} & set(change.fields):
            found.changes.remove(change)
            found.refused.append(Refused(change.id, why, None, change))


def _has(node: Node, seen: Observed) -> tuple[str, str]:
    """Voters and servers: what a broker runs with, for a file that somebody edited holds nothing
    yet; else what its file has."""
    service = seen.get(service_id(node))
    if isinstance(service, Present) and service.fields["running"]:
        static = service.volatile.get("static")
        if static:
            return _both(static)
    file = seen.get(Id(node.host, "file", node.properties))
    return _both(file.fields) if isinstance(file, Present) else ("", "")


def _both(values: Mapping[str, object]) -> tuple[str, str]:
    return _plain(values.get(VOTERS)), _plain(values.get(SERVERS))


def _plain(value: object) -> str:
    return ",".join(sorted(part.strip() for part in str(value or "").split(",") if part.strip()))


def _wanted(target: Target, states: Desired) -> str:
    """The voters of a static quorum; nothing where it is dynamic."""
    node = target.spec.controllers[0]
    state = states.get(Id(node.host, "file", node.properties))
    if state is not None:
        return _both(state.fields)[0]
    others = (states.get(Id(n.host, "file", n.properties)) for n in target.spec.nodes)
    return next((_both(s.fields)[0] for s in others if s is not None), "")


def _forbidden(now: tuple[str, str], wanted: str) -> str:
    voters, _ = now
    if voters and not wanted:
        return (
            f"the quorum is static ({voters}) and is not made dynamic by the way: "
            f"set controller_quorum: static"
        )
    if wanted and not voters:
        return (
            "the quorum is dynamic and is not made static by the way: "
            "set controller_quorum: dynamic"
        )
    if voters != wanted:
        return f"the voters of a static quorum cannot be changed: they are {voters}"
    return ""


def controller_refusal(
    target: Target, id: int, formatting: Collection[int], view: ClusterView | None
) -> tuple[str, str | None] | None:
    """Why a controller is not formatted now, together with ``formatting``, and what would allow it.

    They learn what they lost from the others, so a majority must be there and caught up; none is
    asked for where no controller is left, which is a cluster made anew. One that does not vote has
    nothing to lose.
    """
    quorum = view.quorum if view else None
    if quorum is not None and quorum.dynamic and id not in quorum.voters:
        return None
    if "format-controller" not in target.options.allow:
        return "a controller of a cluster that has run would be formatted", "format-controller"
    if {node.id for node in target.spec.controllers} <= set(formatting):
        return None
    why = "a controller is formatted only while a majority of the others is caught up"
    if quorum is None:
        return f"{why}, and Kafka cannot be asked: start the others first", None
    lag = {voter: lag for voter, lag in quorum.voters.items() if voter not in formatting}
    caught_up = [voter for voter in lag if lag[voter] <= safety.CAUGHT_UP]
    if len(caught_up) < len(quorum.voters) // 2 + 1:
        return f"{why}: {len(caught_up)} of {len(quorum.voters)} are", None
    return None
