"""A cluster as it is, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provisioner.cleaning import clean
from provisioner.plan.age import duration
from provisioner.report import matrix
from provisioner.report.migration import migration
from provisioner.report.text import Text
from provisioner.report.units import size
from provisioner.spec.features import shown
from provisioner.spec.types import Spec

Values = Mapping[str, Any]


def told(spec: Spec, found: Values, unread: list[str], text: Text) -> str:
    """Brokers, then what coordinates them, then topics, then what could not be read."""
    kraft = bool(found.get("controllers")) if spec.bootstrap else spec.is_kraft
    mode = ", KRaft" if kraft else ", ZooKeeper mode"
    if spec.bootstrap and found["topics"] is None:
        mode = ""
    identity = f", cluster id {found['cluster_id']}" if found["cluster_id"] else ""
    parts = [text.paint(f"{spec.cluster}: Kafka {spec.version}{mode}{identity}", "bold"), ""]
    parts += [matrix.brokers(text, found["brokers"])]
    if found.get("controllers"):
        parts += [matrix.controllers(text, found["controllers"])]
    if found.get("zookeeper"):
        parts += [matrix.zookeeper(text, found["zookeeper"])]
    if found.get("migration"):
        parts += [text.paint(f"  {migration(found['migration'])}", "yellow")]
    parts += [text.paint(line, "yellow") for line in holds(found["holds"])]
    parts += [text.paint(line, "yellow") for line in recoveries(found["brokers"])]
    if found["topics"] is not None:
        parts += ["", _topics(found, text)]
    parts += _features(found)
    parts += _moves(found, text)
    if unread:
        parts += ["", *(text.paint(f"? {reason}", "yellow") for reason in unread)]
    return "\n".join(parts)


def holds(found: Sequence[Values]) -> list[str]:
    """``broker-1 is left alone for 3 d: disk swap (hold in the spec)``."""
    lines = []
    for item in found:
        since = "" if item["seconds"] is None else f" for {duration(item['seconds'])}"
        by = " (hold in the spec)" if item["spec"] else ""
        lines.append(f"  {clean(item['name'])} is left alone{since}: {clean(item['reason'])}{by}")
    return lines


def recoveries(brokers: Sequence[Values]) -> list[str]:
    """``broker-1 starts: recovering 312 of 2,040 segments``."""
    return [
        f"  broker-{each['id']} starts: recovering {found['done']:,} of {found['total']:,} "
        f"{found['unit']}"
        for each in brokers
        if (found := each.get("recovering"))
    ]


def _moves(found: Values, text: Text) -> list[str]:
    """What moves, and what limits it; nothing where neither is."""
    lines = []
    for move in found.get("moves") or ():
        was, to = (", ".join(map(str, move[key])) for key in ("from", "to"))
        left = "" if move["bytes_left"] is None else f", {size(move['bytes_left'])} left"
        whose = "" if move["ours"] else ", begun by somebody else"
        place = f"{clean(move['topic'])}-{move['partition']}"
        lines.append(
            text.paint(f"moving {place} from brokers {was} to {to}{left}{whose}", "yellow")
        )
    limits = [each for each in found.get("throttles") or () if "broker" in each]
    if limits:
        brokers = ", ".join(str(each["broker"]) for each in limits)
        lines.append(text.paint(f"replication is throttled on brokers {brokers}", "yellow"))
    return ["", *lines] if lines else []


def _features(found: Values) -> list[str]:
    """``features: metadata.version 29 (4.2-IV1), up to 30 (4.3-IV0); …``, where any is known."""
    words = []
    for each in found.get("features") or ():
        name, top = each["name"], each["supported"][1]
        more = f", up to {shown(name, top)}" if top > each["finalized"] else ""
        words.append(f"{clean(name)} {shown(name, each['finalized'])}{more}")
    return ["", f"features: {'; '.join(words)}"] if words else []


def _topics(found: Values, text: Text) -> str:
    ids = [each["id"] for each in found["brokers"]]
    shown = [t for t in found["topics"] if text.verbose or not t["internal"]]
    hidden = len(found["topics"]) - len(shown)
    more = f"\n{hidden} internal, counted above, shown with -v" if hidden else ""
    return matrix.topics(text, shown, ids) + text.paint(more, "dim")
