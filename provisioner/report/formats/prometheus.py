"""A textfile for Prometheus' node_exporter: each series once, whatever the number of specs.

What is not known has no series, so that an alert on 0 never means "could not be read".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

METRICS = {
    "provision_drift": "Differences from the spec, by kind and action.",
    "provision_in_sync": "Whether nothing differs from the spec.",
    "provision_complete": "Whether everything that the spec wants could be read.",
    "provision_healthy": "Whether the cluster is healthy.",
    "provision_last_run_timestamp_seconds": "When provision last looked.",
}
Values = Mapping[str, Any]
Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]


def render(document: Values, now: float) -> str:
    """``now`` in seconds since 1970."""
    entries = document["clusters"]
    samples = [s for entry in entries for s in _samples(entry, _labels(entry, entries), now)]
    lines = []
    for name, help in METRICS.items():
        mine = {labels: value for metric, labels, value in samples if metric == name}
        if mine:
            lines += [f"# HELP {name} {help}", f"# TYPE {name} gauge"]
            lines += [f"{name}{_braces(labels)} {_number(mine[labels])}" for labels in sorted(mine)]
    return "\n".join(lines) + "\n" if lines else ""


def _labels(entry: Values, entries: Sequence[Values]) -> Labels:
    """What tells this cluster from the others: two specs of one cluster are told by their files."""
    labels = [("cluster", str(entry["cluster"]))]
    if entry["target"]:
        labels.append(("target", str(entry["target"])))
    alike = [
        e for e in entries if (e["cluster"], e["target"]) == (entry["cluster"], entry["target"])
    ]
    if len(alike) > 1:
        labels.append(("spec", str(entry.get("path", ""))))
    return tuple(labels)


def _samples(entry: Values, labels: Labels, now: float) -> Iterator[Sample]:
    counts: Counter[tuple[str, str]] = Counter()
    counts.update((item["kind"], item["action"]) for item in entry["changes"])
    counts.update((item["kind"], "refused") for item in entry["refused"])
    counts.update((item["kind"], "unmanaged") for item in entry["unmanaged"])
    for (kind, action), count in counts.items():
        yield "provision_drift", (*labels, ("kind", kind), ("action", action)), count
    for name in ("in_sync", "complete", "healthy"):
        if entry[name] is not None:
            yield f"provision_{name}", labels, int(entry[name])
    yield "provision_last_run_timestamp_seconds", labels, now


def _braces(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
