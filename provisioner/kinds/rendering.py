"""The text of the files that are made of keys: the same for the file and for its digest."""

from __future__ import annotations

from provisioner.kinds import properties
from provisioner.plan.model import State

RESERVED = ("type", "mode", "owner")
MARK = "made by provision; what is changed by hand is put back by the next apply"


def text_of(state: State) -> str:
    """The whole file that a state of format ``properties`` or ``launch`` wants."""
    if state.args["format"] == "text":
        return str(state.fields["text"])
    values = {k: str(v) for k, v in state.fields.items() if k not in RESERVED and v is not None}
    if state.args["format"] == "launch":
        return "".join(f"{key}={value}\n" for key, value in sorted(values.items()))
    return properties.render(values, MARK)
