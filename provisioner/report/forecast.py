"""A forecast, in words and as the JSON document has it."""

from __future__ import annotations

from typing import Any

from provisioner.plan.model import Forecast
from provisioner.report.units import size


def lines(found: Forecast | None) -> list[str]:
    """What a plan says of it; nothing where nothing is bounced or moved."""
    if found is None:
        return []
    said = [copied(found)] if found.moves.partitions else []
    if not found.restarts:
        return said
    said.append(f"restarts in this order: {order(found)}; {duration(found)}")
    said += [f"{name} waits: {reason}" for name, reason in found.blocked]
    if found.offline:
        said.append(f"without a leader meanwhile: {', '.join(found.offline)}")
    return said


def copied(found: Forecast) -> str:
    """``copies 3 partitions, 1.2 GB; about 24 s``: at the rate of the policy, if nothing else is
    in the way."""
    moves = found.moves
    what = f"{moves.partitions} partition{'' if moves.partitions == 1 else 's'}"
    how_much = "how much is not known" if moves.bytes is None else size(moves.bytes)
    last = "" if moves.seconds is None else f"; the run takes at least {moves.seconds:.0f} s"
    return f"copies replicas of {what}, {how_much}{last}"


def gate(found: Forecast | None, words: str) -> str:
    """What a gate is for: where some nodes go together, no word says that each goes alone."""
    several = found is not None and any(len(batch) > 1 for batch in found.together)
    return words.replace("one at a time", "in batches") if several else words


def order(found: Forecast) -> str:
    """``broker-1, broker-2 + broker-3``: those with a plus go together."""
    return ", ".join(" + ".join(batch) for batch in found.together)


def duration(found: Forecast) -> str:
    if found.seconds is not None:
        return f"about {found.seconds:.0f} s, as long as the last time"
    never = f"never timed: {', '.join(found.untimed)}"
    if found.at_least:
        return f"more than {found.at_least:.0f} s, how long is not known ({never})"
    return "how long is not known: none of them was restarted before"


def held_against(found: Forecast | None) -> list[str]:
    """What a run took, and what was expected."""
    if found is None or found.took is None or not found.restarts:
        return []
    said = "no forecast" if found.seconds is None else f"forecast {found.seconds:.0f} s"
    return [f"the restarts took {found.took:.0f} s ({said})"]


def values(found: Forecast) -> dict[str, Any]:
    """In the contract's shape; what is not known is null."""
    moves = found.moves
    return {
        "restarts": list(found.restarts),
        "together": [list(batch) for batch in found.together],
        "seconds": found.seconds,
        "offline": list(found.offline),
        "blocked": [{"name": name, "reason": reason} for name, reason in found.blocked],
        "moves": {
            "partitions": moves.partitions,
            "bytes": moves.bytes,
            "seconds": moves.seconds,
        },
        **({"took": round(found.took, 1)} if found.took is not None else {}),
    }
