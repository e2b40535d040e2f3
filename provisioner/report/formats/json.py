"""One JSON document for each run: ``schema`` 1, the contract's shape."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from provisioner.cleaning import json_text
from provisioner.errors import Notice, Problem
from provisioner.plan.masking import masked
from provisioner.plan.model import (
    Change,
    Deferred,
    Id,
    Pending,
    Plan,
    Refused,
    Report,
    UnknownState,
    Unmanaged,
)
from provisioner.report import forecast


def document(
    command: str,
    exit_code: int,
    reports: Iterable[Report],
    problems: Iterable[Problem] = (),
    warnings: Iterable[Notice] = (),
) -> dict[str, Any]:
    """The whole document. ``in_sync`` and ``complete`` are those of all clusters together;
    ``warnings`` those of no cluster, to which the clusters' are added."""
    reports = list(reports)
    clusters = [cluster(report) for report in reports]
    said = dict.fromkeys([*warnings, *(notice for r in reports for notice in r.warnings)])
    states = [entry["in_sync"] for entry in clusters]
    return {
        "schema": 1,
        "command": command,
        "exit_code": int(exit_code),
        "in_sync": False if False in states else None if None in states or not states else True,
        "complete": bool(clusters) and all(entry["complete"] for entry in clusters),
        "errors": [problem(item) for item in problems],
        "warnings": [warning(notice) for notice in said],
        "clusters": clusters,
    }


def text(body: Mapping[str, Any], indent: int | None = None) -> str:
    """A document as text: secrets masked in every string, what a terminal would act on escaped."""
    plain = json.dumps(safe(body), ensure_ascii=False, indent=indent, default=str)
    return json_text(plain)


def render(body: Mapping[str, Any], now: float) -> str:
    """As a ``--format``; the document has no clock in it."""
    return text(body) + "\n"


def safe(item: Any) -> Any:
    """The same value with the secrets in its strings masked."""
    if isinstance(item, str):
        return masked(item)
    if isinstance(item, Mapping):
        return {safe(name): safe(part) for name, part in item.items()}
    if isinstance(item, (list, tuple)):
        return [safe(part) for part in item]
    return item


def problem(item: Problem) -> dict[str, Any]:
    return {
        "code": item.code,
        "message": item.message,
        "hint": item.hint or None,
        "file": item.file,
        "line": item.line,
        "column": item.column,
        "host": item.host,
    }


def warning(item: Notice) -> dict[str, Any]:
    return {
        "message": item.message,
        "file": item.file,
        "line": item.line,
        "column": item.column,
    }


def cluster(report: Report) -> dict[str, Any]:
    plan = report.plan or Plan()
    return {
        "cluster": report.cluster,
        "target": report.target,
        "exit_code": int(report.exit_code),
        "in_sync": report.in_sync,
        "complete": report.complete,
        "healthy": report.healthy,
        "limited": report.limited,
        "changes": [change(item) for item in plan.changes],
        "deferred": [deferred(item) for item in plan.deferred],
        "unmanaged": [unmanaged(item) for item in plan.unmanaged],
        "unknown": [unread(item) for item in plan.unread],
        "refused": [refused(item) for item in plan.refused],
        "checks": [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in report.checks],
        "applied": [named(item.id, action=item.action) for item in report.applied],
        "failed": [
            named(item.id, action=item.action, message=message) for item, message in report.failed
        ],
        "not_started": [named(item.id, action=item.action) for item in report.not_started],
        "warnings": [warning(notice) for notice in report.warnings],
        "seconds": round(report.seconds, 3),
        **sections(report),
    }


def sections(report: Report) -> dict[str, Any]:
    """What only some verbs have to say."""
    found = {
        "path": report.path or None,
        "errors": list(report.errors) or None,
        "ended": report.ended or None,
        "forecast": None if report.forecast is None else forecast.values(report.forecast),
        "kept": None if report.kept is None else list(report.kept),
        "locks": None if report.locks is None else [asdict(lock) for lock in report.locks],
        "log": None if report.log is None else list(report.log),
        "hosts": None if report.hosts is None else list(report.hosts),
        "drill": report.drill,
        **(report.status or {}),
    }
    said = set(report.status or ())
    return {key: value for key, value in found.items() if value is not None or key in said}


def named(id: Id, **more: Any) -> dict[str, Any]:
    return {"kind": id.kind, "name": id.name, "host": id.host or None, **more}


def change(item: Change) -> dict[str, Any]:
    return {
        "id": str(item.id),
        **named(item.id),
        "action": item.action,
        "wave": item.wave,
        "before": values(item.before),
        "after": values(item.after),
        "fields": list(item.fields),
        "effect": item.effect,
        "reason": item.reason,
        **({"offline": list(item.offline)} if item.offline else {}),
        **lost(item),
    }


def lost(item: Change) -> dict[str, Any]:
    """What it destroys, for a change that destroys data; null is not known."""
    if item.loss is None:
        return {}
    readers = None if item.loss.readers is None else list(item.loss.readers)
    return {"effect": item.effect, "loss": {**asdict(item.loss), "readers": readers}}


def values(fields: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if fields is None else {name: value(v) for name, v in fields.items()}


def value(item: Any) -> Any:
    """A plain value (``plan.masking`` has hidden secrets); pending ones by what they wait for."""
    if isinstance(item, Pending):
        return {"pending": item.what}
    if isinstance(item, tuple):
        return [value(part) for part in item]
    return item


def deferred(item: Deferred) -> dict[str, Any]:
    return named(item.id, action=item.action, reason=item.reason)


def unmanaged(item: Unmanaged) -> dict[str, Any]:
    entry = named(item.id)
    if item.fields:
        entry["fields"] = list(item.fields)
    if item.detail:
        entry["detail"] = item.detail
    return entry


def unread(item: UnknownState) -> dict[str, Any]:
    return named(item.id, reason=item.reason)


def refused(item: Refused) -> dict[str, Any]:
    entry = named(item.id, reason=item.reason, allow=item.allow)
    if item.value:
        entry["allow_value"] = item.value
    if item.change is not None:
        entry |= {"before": values(item.change.before), "after": values(item.change.after)}
        entry |= lost(item.change)
    return entry
