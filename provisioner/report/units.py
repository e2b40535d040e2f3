"""Numbers with their units, as a person reads them."""

from __future__ import annotations


def size(count: int | None) -> str:
    """Bytes as a person reads them: ``12.3 MB``."""
    if count is None:
        return "?"
    value, units = float(count), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{value:.0f} {units[0]}" if units[0] == "bytes" else f"{value:.1f} {units[0]}"
