"""What of a supervised service is repaired without a restart: enablement, and drop-ins."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.plan.model import Change, Id, Present, State


def mended(id: Id, state: State, seen: Present, fields: Sequence[str]) -> Change:
    """What is repaired without a restart."""
    before = {name: seen.fields[name] for name in fields}
    after = {name: state.fields[name] for name in fields}
    reason = "it is not enabled at boot"
    reasons = strangers(seen, fields) or [reason]
    return Change(id, "update", before, after, tuple(fields), reason="; ".join(reasons))


def strangers(seen: Present, fields: Sequence[str]) -> list[str]:
    """The lines of the drop-ins that are not ours."""
    if "drop_ins" not in fields:
        return []
    lines = [line for line in seen.volatile["drop_in_lines"] if not line.endswith(": ")]
    return ["a drop-in not made by provision: " + "; ".join(lines[:6])]
