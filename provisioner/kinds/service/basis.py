"""What a saved plan of a process relies on."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.kinds.kind import as_observed
from provisioner.plan.basis import Facts
from provisioner.plan.model import Id, Present, State
from provisioner.plan.rules import Seen


def basis(id: Id, state: State, fields: Sequence[str] | None, seen: Seen) -> Facts:
    """Whether it runs and with what, and whether it is on hold. Which process it is does not
    matter: one that was restarted with the same files needs the same."""
    there = seen.things.get(id)
    if fields is None or not isinstance(there, Present):
        return {}
    held = {"hold": there.fields.get("hold"), "running": there.fields["running"]}
    return {**held, **as_observed(id, state, fields, seen)}
