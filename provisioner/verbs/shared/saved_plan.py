"""Saved plans: ``plan -o FILE``, ``apply FILE``. One whose basis moved is refused (decision 64)."""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from provisioner.artifacts.cache import write_whole
from provisioner.errors import fail
from provisioner.kinds.registry import KINDS
from provisioner.plan import basis
from provisioner.plan.basis import Moved, Part
from provisioner.plan.model import Id, Plan
from provisioner.report.formats.json import change, deferred, named, refused, text
from provisioner.report.moved import words
from provisioner.site.planning import Planned
from provisioner.spec.types import Spec
from provisioner.verbs.shared.context import Context

FORMAT = "provision-plan"
SCHEMA = 2


def content(plan: Plan) -> dict[str, Any]:
    """The plan as people and pipelines read it. ``made_from`` is what counts when it is applied."""
    return {
        "changes": [change(item) for item in plan.changes],
        "deferred": [deferred(item) for item in plan.deferred],
        "refused": [refused(item) for item in plan.refused],
    }


def save(path: Path, context: Context, args: argparse.Namespace, spec: Spec, made: Planned) -> None:
    """Writes the plan atomically, readable by its owner only."""
    body = {
        "format": FORMAT,
        "schema": SCHEMA,
        "spec": str(context.path.resolve()),
        "inventory": str(Path(args.inventory).resolve()) if args.inventory else None,
        "limit": args.limit,
        "allow": list(args.allow),
        "fresh_cluster_id": spec.fresh_cluster_id,
        "spec_digest": spec.digest,
        "made_from": [_written(part) for part in basis.parts(made.plan, made.seen, KINDS)],
        **content(made.plan),
    }
    try:
        write_whole(path, (text(body, indent=1) + "\n").encode(), mode=0o600)
    except OSError as error:
        raise fail(
            "not-permitted", f"the plan cannot be written: {error}", file=str(path)
        ) from None


def _written(part: Part) -> dict[str, Any]:
    entry = named(part.id, now=part.now, action=part.action, aim=part.aim)
    fields = None if part.fields is None else list(part.fields)
    return {**entry, "fields": fields, "basis": dict(part.basis)}


def plain(value: Any) -> Any:
    """A value as it looks when it was saved: secrets masked, lists for tuples."""
    return json.loads(text({"value": value}))["value"]


def parts_of(saved: Mapping[str, Any]) -> list[Part]:
    """What a saved plan does and foresees, and what it was made from."""
    return [
        Part(
            Id(entry["host"] or "", entry["kind"], entry["name"]),
            entry["now"],
            entry["action"],
            None if entry["fields"] is None else tuple(entry["fields"]),
            entry["aim"],
            entry["basis"],
        )
        for entry in saved["made_from"]
    ]


def read(path: Path) -> dict[str, Any] | None:
    """The saved plan in a file, or None where the file is no plan. Raises ``unknown-plan``."""
    try:
        with path.open("rb") as stream:
            if stream.read(1) != b"{":
                return None
            stream.seek(0)
            body = json.load(stream)
    except (OSError, ValueError):
        # Not to be read, or no plan: then it is taken for a spec, whose reader says what is wrong.
        return None
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        return None
    if body.get("schema") != SCHEMA:
        raise fail("unknown-plan", "this plan was saved by another version", file=str(path))
    return body


def approve(saved: Mapping[str, Any], now: Planned, spec: Spec, path: Path) -> None:
    """Raises ``stale-plan``, which names all that moved, unless everything is so that the saved
    plan was made from."""
    again = shlex.join(["provision", "plan", str(saved["spec"]), "-o", str(path)])
    if saved["spec_digest"] != spec.digest:
        why = "the spec was changed after the plan was saved"
        raise fail("stale-plan", why, again, file=str(path))
    if found := left_behind(parts_of(saved), now, spec):
        why = f"the cluster changed after the plan was saved: {words(found)}"
        raise fail("stale-plan", why, again, file=str(path))


def left_behind(saved: Sequence[Part], now: Planned, spec: Spec) -> list[Moved]:
    """What is no longer as the saved plan was made from."""
    return basis.moved(saved, now.plan, now.seen, spec, KINDS, plain)
