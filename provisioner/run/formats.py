"""A node of a cluster that has run is formatted only where nothing is lost by it."""

from __future__ import annotations

from collections.abc import Collection

from provisioner.kafka.port import ClusterView
from provisioner.plan import safety
from provisioner.plan.diff import Differences
from provisioner.plan.model import Desired, Observed, Present, Refused
from provisioner.run.gates import safety_view
from provisioner.run.target import Target
from provisioner.spec.types import Node

Refusal = tuple[str, str | None]
"""Why, and the ``--allow`` word that would permit it."""


def guard_formats(
    target: Target,
    found: Differences,
    states: Desired,
    seen: Observed,
    answer: ClusterView | None,
) -> None:
    """Refuses the formats that would lose something; what depends on them is then held back."""
    made = [c for c in found.changes if c.id.kind == "storage" and c.action == "create"]
    formats = made if target.spec.is_kraft else []
    if not formats or not _has_run(seen, answer):
        return
    nodes = {change.id: target.spec.node(str(states[change.id].args["node"])) for change in formats}
    controllers = {node.id for node in nodes.values() if node.is_controller}
    for change in formats:
        node = nodes[change.id]
        refusal = _of_broker(target, node, answer) if node.is_broker else None
        if node.is_controller and refusal is None:
            refusal = _of_controller(target, node, controllers, answer)
        if refusal:
            found.changes.remove(change)
            found.refused.append(Refused(change.id, refusal[0], refusal[1], change))


def _has_run(seen: Observed, answer: ClusterView | None) -> bool:
    """Whether this cluster has lived: it answers, or a manifest records a storage that a running
    node was seen to use."""
    return answer is not None or any(
        id.kind == "storage" and isinstance(o, Present) and bool(o.volatile.get("recorded"))
        for id, o in seen.items()
    )


def _of_broker(target: Target, node: Node, answer: ClusterView | None) -> Refusal | None:
    if "data-loss" in target.options.allow:
        return None
    if answer is None:
        why = "a broker of a cluster that has run would be formatted, and Kafka cannot be asked"
        return f"{why} whether its partitions are in sync elsewhere", "data-loss"
    verdict = safety.may_lose_disk(safety_view(answer), node.id)
    if not verdict.allowed:
        return f"formatting it would lose data: {verdict.reason}", "data-loss"
    return None


def _of_controller(
    target: Target, node: Node, formatting: Collection[int], answer: ClusterView | None
) -> Refusal | None:
    """``formatting``: the controllers that the plan formats, this one among them.

    They learn what they lost from the others, so a majority must be there and caught up; none is
    asked for where no controller is left, which is a cluster made anew. One that does not vote has
    nothing to lose.
    """
    quorum = answer.quorum if answer else None
    if quorum is not None and quorum.dynamic and node.id not in quorum.voters:
        return None
    if "format-controller" not in target.options.allow:
        return "a controller of a cluster that has run would be formatted", "format-controller"
    if {controller.id for controller in target.spec.controllers} <= set(formatting):
        return None
    why = "a controller is formatted only while a majority of the others is caught up"
    if answer is None or quorum is None:
        return f"{why}, and Kafka cannot be asked: start the others first", None
    verdict = safety.may_lose_controllers(safety_view(answer), formatting)
    return None if verdict.allowed else (f"{why}: {verdict.reason}", None)
