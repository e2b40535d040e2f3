"""The cluster id, from all observations.

A new one is made only if every node could be read and none has one; otherwise the existing one is
used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisioner.plan.model import Absent, Id, Observed, Present
from provisioner.spec.types import Spec


@dataclass(frozen=True)
class ClusterId:
    """``value`` to use, or None and ``reason``; ``sources`` maps each id found to the places
    that hold it; ``fresh``: no node has one yet."""

    value: str | None
    reason: str = ""
    sources: Mapping[str, tuple[str, ...]] | None = None
    fresh: bool = False
    conflict: bool = False


def storages(spec: Spec) -> list[Id]:
    """Every storage of the cluster, ZooKeeper's too."""
    return [Id(n.host, "storage", d.path) for n in spec.nodes for d in n.log_dirs]


def kept(spec: Spec) -> list[Id]:
    """The files that keep the id of a KRaft cluster, one per host."""
    hosts = sorted({node.host for node in spec.nodes})
    return [Id(h, "file", spec.cluster_id_file_on(h)) for h in hosts]


def cluster_id(spec: Spec, observed: Observed) -> ClusterId:
    """Reads the id out of the observations of all storages and of the kept files."""
    found: dict[str, list[str]] = {}
    unread = []
    for id in storages(spec) + (kept(spec) if spec.has_quorum else []):
        match observed.get(id):
            case Present(fields):
                value = fields.get("cluster_id") or fields.get("cluster.id")
                if value:
                    found.setdefault(str(value), []).append(f"{id.host}:{id.name}")
            case Absent():
                pass
            case _:
                unread.append(id.host)
    sources = {value: tuple(places) for value, places in found.items()}
    if len(found) > 1:
        listed = "; ".join(f"{value} in {', '.join(p)}" for value, p in sorted(sources.items()))
        return ClusterId(
            None, f"storages disagree about the cluster id: {listed}", sources, conflict=True
        )
    if found:
        value = next(iter(found))
        if spec.cluster_id and spec.cluster_id != value:
            return ClusterId(
                None,
                f"the spec says cluster_id {spec.cluster_id}, but {sources[value][0]} "
                f"belongs to {value}",
                sources,
                conflict=True,
            )
        return ClusterId(value, sources=sources)
    if unread:
        hosts = ", ".join(sorted(set(unread)))
        return ClusterId(
            None, f"the cluster id: not every storage could be read ({hosts})", sources
        )
    return ClusterId(spec.cluster_id or spec.fresh_cluster_id, "the cluster id", sources, True)
