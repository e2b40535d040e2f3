"""What a saved plan of a log dir relies on."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.kinds.kind import as_observed
from provisioner.plan.basis import Facts
from provisioner.plan.model import Id, State
from provisioner.plan.rules import Seen

IDENTITY = ("cluster_id", "node_id", "myid", "directory_id", "empty", "mounted")


def basis(id: Id, state: State, fields: Sequence[str] | None, seen: Seen) -> Facts:
    """Whose it is and which, and whether there is anything in it."""
    return as_observed(id, state, None if fields is None else IDENTITY, seen)
