"""The properties that a node has now, as far as anybody can tell."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.plan.model import Id, Observed, Present
from provisioner.spec.types import Node


def settings_now(node: Node, seen: Observed) -> Mapping[str, object]:
    """Those that a broker runs with, for a file that somebody edited holds nothing yet; else those
    of its file, nothing where that cannot be read."""
    service = seen.get(Id(node.host, "service", node.name))
    if isinstance(service, Present) and service.fields["running"]:
        static: Mapping[str, object] | None = service.volatile.get("static")
        if static:
            return static
    file = seen.get(Id(node.host, "file", node.properties))
    return file.fields if isinstance(file, Present) else {}
