"""The current properties of a node, as far as they are known."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.plan.model import Id, Observed, Present
from provisioner.spec.types import Node


def settings_now(node: Node, seen: Observed) -> Mapping[str, object]:
    """Those a broker runs with, because an edited file has no effect yet; else those of its
    file; empty where that cannot be read."""
    service = seen.get(Id(node.host, "service", node.name))
    if isinstance(service, Present) and service.fields["running"]:
        static: Mapping[str, object] | None = service.volatile.get("static")
        if static:
            return static
    file = seen.get(Id(node.host, "file", node.properties))
    return file.fields if isinstance(file, Present) else {}
