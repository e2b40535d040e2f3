"""Nodes that are left alone: held by ``stop --hold`` until ``start``, or by the spec until it is
taken out there. On the host a hold is a file in the state folder."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.kinds.kind import Difference, Record
from provisioner.plan.age import duration
from provisioner.plan.model import Change, Id, Present, Refused, Run, State

HELD = "it is held: "
"""Begins the refusal of a node that is left alone."""
OF_SPEC = "hold in the spec"
"""In the refusal of one that the spec holds."""
SPEC = "spec"


def observed(record: Record) -> tuple[dict[str, object], dict[str, object]]:
    """What of a hold is compared, and its age."""
    age = record.values.get("hold_age", "")
    fields: dict[str, object] = {"hold": record.values.get("hold")}
    if "hold_from" in record.values:
        fields["hold_from"] = record.values["hold_from"]
    return fields, {"hold_age": int(age)} if age.isdecimal() else {}


def judged(id: Id, state: State, seen: Present) -> Change | None:
    """The change that makes the hold on the host what the spec says, or ends one that the spec no
    longer has. What ``stop --hold`` keeps down stays as it is."""
    wanted, held = state.fields.get("hold"), seen.fields.get("hold")
    ours = seen.fields.get("hold_from") == SPEC
    if wanted and (held != wanted or not ours):
        reason = "the spec holds it: it is not started or restarted"
        return _change(id, held, wanted, reason)
    if not wanted and ours:
        return _change(id, held, None, "the spec no longer holds it")
    return None


def _change(id: Id, before: object, after: object, reason: str) -> Change:
    # More: what else differs of it a later round does, or refuses.
    return Change(
        id, "update", {"hold": before}, {"hold": after}, ("hold",), reason=reason, more=True
    )


def refusal(id: Id, seen: Present) -> Difference:
    """Of a held node that would be started or restarted."""
    how = OF_SPEC if seen.fields.get("hold_from") == SPEC else "provision start ends the hold"
    since = f", for {age(seen)}" if age(seen) else ""
    return Refused(id, f"{HELD}{seen.fields['hold']} ({how}{since})")


def age(seen: Present) -> str:
    """``3 d``: how long it has been held; empty where that is not known."""
    seconds = seen.volatile.get("hold_age")
    return duration(seconds) if isinstance(seconds, int) else ""


def step(id: Id, after: Mapping[str, object], state: State) -> Run:
    """Writes the spec's hold, or ends it."""
    why = str(after["hold"] or "")
    words = (str(state.args["state"]), id.name, why, SPEC)
    return Run("service/hold", words, str(state.args["state_owner"]))
