"""A drill as values, and in words."""

from __future__ import annotations

from provisioner.cleaning import clean
from provisioner.errors import Exit
from provisioner.plan.model import Line, Report
from provisioner.report.text import Text


def told(text: Text, line: Line) -> str:
    """``✓ stop (1.2 s): broker-1 is stopped`` and, below it, what that shows."""
    mark = text.paint("✓", "green") if line.ok else text.paint("✗", "red")
    head = f"  {mark} {line.name} ({line.seconds:.1f} s): {clean(line.detail)}"
    return head + (text.paint(f"\n      {line.shows}", "dim") if line.shows else "")


def closing(report: Report, spec: str) -> str:
    """One line about the drill, and the command to continue with."""
    drill = report.drill or {}
    node = drill["node"]
    if report.exit_code == Exit.YES and drill["consumed"] is not None:
        return (
            f"{node} was stopped and is back: {drill['consumed']} records read, "
            f"none lost, none duplicated, all in order within their partition; "
            f"{drill['acked_during']} of them acknowledged while it was away"
        )
    if report.exit_code > Exit.CANNOT_TELL:
        return f"interrupted; {node} is back and the cluster is healthy"
    if not drill["healed"]:
        return f"NOT healed; to continue: provision apply {spec}"
    return f"healed, but with the problems above; see: provision status {spec}"
