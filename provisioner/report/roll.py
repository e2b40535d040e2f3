"""What is said of a roll: why it ended early, and which nodes it did not come to."""

from __future__ import annotations

from provisioner.cleaning import clean
from provisioner.plan.model import Report

LIMITS = {
    "max-restarts": "--max-restarts is reached",
    "until": "--until: the next wave would not be over in time",
}


def ended(report: Report) -> list[str]:
    """A line where a limit ended the run: what was left."""
    if not report.ended:
        return []
    nodes = [c.id.name for c in report.not_started if c.action == "restart"]
    others = len(report.not_started) - len(nodes)
    parts = [f"not restarted: {clean(', '.join(nodes))}"] if nodes else []
    parts += [f"{others} other change{'s' if others > 1 else ''} not begun"] if others else []
    return [f"{LIMITS[report.ended]}; {'; '.join(parts)}"]


def until(words: str) -> str:
    """What ``--until`` means now."""
    return f"  --until: nothing is begun that is expected to end after {words}" if words else ""
