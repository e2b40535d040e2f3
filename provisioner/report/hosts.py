"""How each host would be reached, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisioner.cleaning import clean
from provisioner.report.text import table

SHOWN = (
    *("connection", "address", "port", "user", "keys", "jumps", "proxy_command", "known_hosts"),
    *("connect_timeout", "become", "become_user", "kafka_address", "groups"),
)
Values = Mapping[str, Any]


def as_text(entry: Values) -> list[str]:
    """The host's name, then a row per setting: its value and its source."""
    rows: list[tuple[str, str, str]] = []
    for key in SHOWN:
        value = entry[key]
        if value in (None, []):
            continue
        title, origin = f"  {key.replace('_', ' ')}", clean(entry["from"].get(key, ""))
        for part in value if isinstance(value, list) else [value]:
            rows.append((title, _shown(part), origin))
            title = origin = ""
    return [clean(entry["name"]), table(rows)]


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean(f"{value:g} s" if isinstance(value, float) else str(value))
