"""Words for what a saved plan was made from and what is no longer so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from provisioner.cleaning import clean
from provisioner.plan.basis import EXISTS, Moved

LONGEST = 80
"""Characters of a value."""


def words(moved: Sequence[Moved]) -> str:
    """All of it: ``topic atu: retention.ms was 1, is 2; topic old: …``."""
    said = [f"{_named(each)}: {_said(each)}" for each in moved]
    return "; ".join(dict.fromkeys(said))


def _named(each: Moved) -> str:
    where = f" on {each.id.host}" if each.id.host else ""
    return clean(f"{each.id.kind} {each.id.name}{where}")


def _said(each: Moved) -> str:
    if each.about == "untold":
        if each.now:
            return f"what it is now is not known: {clean(str(each.now))}"
        return f"{clean(each.fact)} was {_value(each.was)}, and is not known now"
    if each.about == "new":
        return "it differs now, and is not in the plan"
    if each.about == "over":
        why = f": {clean(str(each.now))}" if each.now else ""
        return f"the plan has {each.fact or 'a change'} of it, which would not be done now{why}"
    if each.about == "other":
        return f"the plan has {_value(each.was)}, and now it would be {_value(each.now)}"
    if each.fact == EXISTS:
        return "it did not exist, and does now" if each.now else "it existed, and is gone"
    return f"{clean(each.fact)} was {_value(each.was)}, is {_value(each.now)}"


def _value(value: Any) -> str:
    if value is None:
        return "not set"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return clean(text if len(text) <= LONGEST else f"{text[:LONGEST]}…")
