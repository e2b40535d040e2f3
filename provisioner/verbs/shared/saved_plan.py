"""Saved plans: ``plan -o FILE``, ``apply FILE``. One is applied only if it still holds."""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
from pathlib import Path
from typing import Any

from provisioner.artifacts.cache import write_whole
from provisioner.errors import fail
from provisioner.plan.model import Id, Plan
from provisioner.report.formats.json import change, deferred, refused, text
from provisioner.spec.types import Spec
from provisioner.verbs.shared.context import Context

FORMAT = "provision-plan"


def content(plan: Plan, spec: Spec) -> dict[str, Any]:
    """What must be equal when the plan is applied. Reasons and waves may be worded differently, and
    what is optional depends on the cache of the machine that plans."""
    entries = [change(item) for item in plan.changes if not _optional(item.id, plan)]
    for entry in entries:
        entry.pop("reason")
    return {
        "spec": spec.digest,
        "changes": entries,
        "deferred": [deferred(item) for item in plan.deferred],
        "refused": [refused(item) for item in plan.refused],
    }


def _optional(id: Id, plan: Plan) -> bool:
    """A class-data archive: it costs only speed whether there is one."""
    state = plan.wanted.get(id)
    return state is not None and bool(state.args.get("optional"))


def digest(plan: Plan, spec: Spec) -> str:
    data = json.dumps(content(plan, spec), sort_keys=True, default=str)
    return hashlib.sha256(data.encode()).hexdigest()


def save(path: Path, context: Context, args: argparse.Namespace, spec: Spec, plan: Plan) -> None:
    """Writes the plan atomically, readable by its owner only."""
    body = {
        "format": FORMAT,
        "schema": 1,
        "spec": str(context.path.resolve()),
        "inventory": str(Path(args.inventory).resolve()) if args.inventory else None,
        "limit": args.limit,
        "allow": list(args.allow),
        "fresh_cluster_id": spec.fresh_cluster_id,
        "digest": digest(plan, spec),
        **content(plan, spec),
        "spec_digest": spec.digest,
    }
    body["spec"] = str(context.path.resolve())
    try:
        write_whole(path, (text(body, indent=1) + "\n").encode(), mode=0o600)
    except OSError as error:
        raise fail(
            "not-permitted", f"the plan cannot be written: {error}", file=str(path)
        ) from None


def read(path: Path) -> dict[str, Any] | None:
    """The saved plan in a file, or None where the file is no plan. Raises ``stale-plan``."""
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
    if body.get("schema") != 1:
        raise fail("unknown-plan", "this plan was saved by another version", file=str(path))
    return body


def approve(saved: dict[str, Any], plan: Plan, spec: Spec, path: Path) -> None:
    """Raises ``stale-plan`` unless the current plan equals the saved one."""
    if saved["spec_digest"] != spec.digest:
        why = "the spec was changed after the plan was saved"
    elif saved["digest"] != digest(plan, spec):
        why = "the cluster changed after the plan was saved"
    else:
        return
    again = shlex.join(["provision", "plan", str(saved["spec"]), "-o", str(path)])
    raise fail("stale-plan", why, again, file=str(path))
