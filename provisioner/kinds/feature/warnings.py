"""What could be finalised, where the spec says nothing of features, and what cannot be undone."""

from __future__ import annotations

from provisioner.errors import Notice
from provisioner.kafka.port import ClusterView
from provisioner.kinds.feature.questions import FOUR, METADATA, Told, told
from provisioner.notices import Findings
from provisioner.spec import features
from provisioner.spec.types import Spec

OPEN, CLIENTS = "features that could be finalised", "clients that Kafka 4 refuses"


def warnings(view: ClusterView, spec: Spec) -> list[Findings[Notice]]:
    """None of a Kafka that somebody else runs: its version and its features are theirs."""
    known = told(view) if spec.is_kraft and not spec.bootstrap else None
    if known is None:
        return []
    said = _open(known) if spec.features is None and known.whole else ""
    old = known.range(METADATA)[1] < FOUR and not spec.version.startswith("3.")
    clients = (
        "Kafka 4 refuses clients older than 2.1, and which ones connect cannot be seen from here: "
        "look into the brokers' request metrics before they are upgraded"
    )
    return [
        Findings(OPEN, [Notice(said)] if said else []),
        Findings(CLIENTS, [Notice(clients)] if old else []),
    ]


def _open(known: Told) -> str:
    """``features could be raised: metadata.version from 21 (3.9-IV0) to 29 (4.2-IV1)``."""
    found = [
        f"{name} {_from(name, known.now(name))}to {features.shown(name, top)}"
        for name in known.names
        if (top := known.range(name)[1]) > known.now(name)
    ]
    if not found:
        return ""
    top = known.range(METADATA)[1]
    rises = top > known.now(METADATA)
    back = f"; {way_back(known.now(METADATA), top)}" if rises else ""
    return (
        f"features could be raised, which every broker supports: {', '.join(found)}. Name them "
        f"below features, or write features: latest{back}"
    )


def _from(name: str, level: int) -> str:
    return f"from {features.shown(name, level)} " if level else ""


def way_back(now: int, after: int) -> str:
    """What a raise of metadata.version takes away, by Kafka's own table of formats."""
    lost = features.lost_by(now, after)
    if lost:
        return f"after this you cannot go back to {lost}"
    return f"after this you can still go back (it can be lowered to {now} again)"
