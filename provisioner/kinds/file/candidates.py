"""The nodes whose new properties Kafka's own code has to accept before they are written
(decision 23)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from provisioner.plan.model import Change, Id, State
from provisioner.spec.types import Node, Role, Spec

RUNS_WITH = frozenset({"dist", "java"})
"""The keys of a launch file that say which Kafka and which Java start the node."""


@dataclass(frozen=True)
class Candidate:
    """A node whose properties are to be checked, and the change that is refused with them."""

    node: Node
    change: Change


def asked_first(wanted: Mapping[Id, State], changes: Sequence[Change]) -> bool:
    """New properties, another Kafka or another Java for a node of Kafka."""
    return any(_named(wanted, changes, format) for format in ("properties", "launch"))


def candidates(
    spec: Spec, wanted: Mapping[Id, State], changes: Iterable[Change]
) -> list[Candidate]:
    """The nodes of Kafka whose properties, Kafka or Java change."""
    changes = list(changes)
    launch = _named(wanted, changes, "launch")
    found = launch | _named(wanted, changes, "properties")
    return [Candidate(node, found[node.name]) for node in spec.nodes if node.name in found]


def _named(wanted: Mapping[Id, State], changes: Iterable[Change], format: str) -> dict[str, Change]:
    """Node → the change of its file of that format. ZooKeeper's own file is not for Kafka."""
    found = {}
    for change in changes:
        args = wanted[change.id].args if change.id in wanted else {}
        if change.action not in ("create", "update") or args.get("format") != format:
            continue
        if format == "launch" and not RUNS_WITH & set(change.fields):
            continue
        if args.get("node") and args.get("role") != Role.ZOOKEEPER:
            found[str(args["node"])] = change
    return found
