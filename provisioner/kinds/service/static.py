"""Static values that a running broker reports, against the file it should have read."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.plan.model import Present, State


def static_differences(
    state: State, observation: Present
) -> dict[str, tuple[str | None, str | None]]:
    """Keys whose static value in the running process differs from the wanted file: key →
    (running, wanted). It is Kafka's own report, so a copied command line with an old digest is
    caught too."""
    static = observation.volatile.get("static")
    wanted = state.args.get("static")
    if not isinstance(static, Mapping) or not isinstance(wanted, Mapping):
        return {}
    differences: dict[str, tuple[str | None, str | None]] = {}
    for key, value in sorted(static.items()):
        if key in ALIASES or value is None:
            continue
        if plain(value) != plain(wanted.get(key)):
            differences[key] = (value, wanted.get(key))
    return differences


def offline_log_dirs(state: State, observation: Present) -> tuple[str, ...]:
    """The log dirs that the running broker took offline after a disk error and that look usable
    now: Kafka uses them again only after a restart."""
    found = observation.volatile.get("offline_log_dirs")
    mine = state.args.get("log_dirs", ())
    return tuple(path for path in found if path in mine) if isinstance(found, tuple) else ()


ALIASES = frozenset({"broker.id", "node.id"})
"""Kafka fills the one from the other, whichever the file has."""


def plain(value: object) -> str | None:
    """A value as it compares: Kafka trims, and writes lists and booleans in its own way."""
    if value is None:
        return None
    text = str(value).strip()
    if text.lower() in ("true", "false"):
        return text.lower()
    return ",".join(part.strip() for part in text.split(","))
