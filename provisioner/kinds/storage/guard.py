"""A node of a cluster that has run is formatted only where nothing is lost."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from provisioner.kafka.port import ClusterView
from provisioner.kinds.kind import Question, Verdict
from provisioner.kinds.safety_view import safety_view
from provisioner.kinds.storage import leaving
from provisioner.plan import safety
from provisioner.plan.model import Observed, Present, Refused
from provisioner.spec.types import Node, Spec

Refusal = tuple[str, str | None]
"""Why, and the ``--allow`` word that would permit it."""


def guard(question: Question) -> Iterator[Verdict]:
    """Refuses formats that would lose data, so that what depends on them is held back; and to empty
    what nobody named."""
    yield from leaving.verdicts(question, [c for c in question.changes if c.action == "delete"])
    spec, seen = question.spec, question.seen
    formats = [c for c in question.changes if c.action == "create"] if spec.is_kraft else []
    if not formats or not _has_run(seen.things, seen.view):
        return
    nodes = {c.id: spec.node(str(question.wanted[c.id].args["node"])) for c in formats}
    controllers = {node.id for node in nodes.values() if node.is_controller}
    rule = _Rule(spec, question.rules.allow, seen.view, controllers)
    for change in formats:
        refusal = rule.refusal(nodes[change.id])
        if refusal:
            yield Refused(change.id, refusal[0], refusal[1], change)
        elif lost := rule.lost(nodes[change.id]):
            yield replace(change, effect="loss", reason=f"{change.reason}; lost: {lost}")


def _has_run(seen: Observed, answer: ClusterView | None) -> bool:
    """Whether this cluster has run before: it answers, or a manifest records a storage that a
    running node used."""
    return answer is not None or any(
        id.kind == "storage" and isinstance(o, Present) and _used(o) for id, o in seen.items()
    )


def _used(seen: Present) -> bool:
    return bool(seen.volatile.get("recorded")) and bool(seen.volatile.get("ran"))


@dataclass(frozen=True)
class _Rule:
    """``formatting``: the controllers that the plan formats."""

    spec: Spec
    allow: Collection[str]
    answer: ClusterView | None
    formatting: Collection[int]

    def refusal(self, node: Node) -> Refusal | None:
        found = self._of_broker(node) if node.is_broker else None
        return found or (self._of_controller(node) if node.is_controller else None)

    def lost(self, node: Node) -> str:
        """What a format that is allowed loses, as far as Kafka could tell."""
        if self.answer is None or not node.is_broker:
            return ""
        return safety.may_lose_disk(safety_view(self.answer), node.id).reason

    def _of_broker(self, node: Node) -> Refusal | None:
        if "data-loss" in self.allow:
            return None
        if self.answer is None:
            why = "a broker of a cluster that has run would be formatted, and Kafka cannot be asked"
            return f"{why} whether its partitions are in sync elsewhere", "data-loss"
        verdict = safety.may_lose_disk(safety_view(self.answer), node.id)
        if not verdict.allowed:
            return f"formatting it would lose data: {verdict.reason}", "data-loss"
        return None

    def _of_controller(self, node: Node) -> Refusal | None:
        """A formatted controller copies the metadata from the others, so a majority must be up
        and caught up. Where no controller is left the cluster is recreated and none is required.
        An observer has nothing to lose."""
        answer = self.answer
        quorum = answer.quorum if answer else None
        if quorum is not None and quorum.dynamic and node.id not in quorum.voters:
            return None
        if "format-controller" not in self.allow:
            return "a controller of a cluster that has run would be formatted", "format-controller"
        if {controller.id for controller in self.spec.controllers} <= set(self.formatting):
            return None
        why = "a controller is formatted only while a majority of the others is caught up"
        if answer is None or quorum is None:
            return f"{why}, and Kafka cannot be asked: start the others first", None
        verdict = safety.may_lose_controllers(safety_view(answer), self.formatting)
        return None if verdict.allowed else (f"{why}: {verdict.reason}", None)
