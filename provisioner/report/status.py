"""A cluster as it is, as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.report import matrix
from provisioner.report.text import Text
from provisioner.spec.types import Spec

Values = Mapping[str, Any]


def told(spec: Spec, found: Values, unread: list[str], text: Text) -> str:
    """Brokers, then what coordinates them, then topics, then what could not be read."""
    mode = "KRaft" if spec.is_kraft else "ZooKeeper mode"
    identity = f", cluster id {found['cluster_id']}" if found["cluster_id"] else ""
    parts = [text.paint(f"{spec.cluster}: Kafka {spec.version}, {mode}{identity}", "bold"), ""]
    parts += [matrix.brokers(text, found["brokers"])]
    if spec.is_kraft:
        parts += [matrix.controllers(text, found["controllers"])]
    else:
        parts += [matrix.zookeeper(text, found["zookeeper"])]
    if found["topics"] is not None:
        parts += ["", _topics(found, text)]
    if unread:
        parts += ["", *(text.paint(f"? {reason}", "yellow") for reason in unread)]
    return "\n".join(parts)


def _topics(found: Values, text: Text) -> str:
    ids = [each["id"] for each in found["brokers"]]
    shown = [t for t in found["topics"] if text.verbose or not t["internal"]]
    hidden = len(found["topics"]) - len(shown)
    more = f"\n{hidden} internal, counted above, shown with -v" if hidden else ""
    return matrix.topics(text, shown, ids) + text.paint(more, "dim")
