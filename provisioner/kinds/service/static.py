"""Static values that a running broker reports, against the file it should have read."""

from __future__ import annotations

from collections.abc import Mapping

from provisioner.kinds.live import BOOTSTRAP, plain, reaches
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
    # What Kafka takes live is made so without a restart (the kind of the dynamic configuration).
    live = state.args.get("live", frozenset()) & observation.volatile.get("changeable", frozenset())
    differences: dict[str, tuple[str | None, str | None]] = {}
    for key, value in sorted(static.items()):
        if key in ALIASES or value is None:
            continue
        if key in live and wanted.get(key) is not None:
            continue
        if key in state.args.get("later", ()) and not _outlived(key, value, wanted.get(key)):
            continue
        if plain(value) != plain(wanted.get(key)):
            differences[key] = (value, wanted.get(key))
    return differences


def _outlived(key: str, value: str, wanted: str | None) -> bool:
    """Whether a value that waits for the next start is of no use any more."""
    return key == BOOTSTRAP and wanted is not None and not reaches(value, wanted)


def offline_log_dirs(state: State, observation: Present) -> tuple[str, ...]:
    """The log dirs that the running broker took offline after a disk error and that look usable
    now: Kafka uses them again only after a restart."""
    found = observation.volatile.get("offline_log_dirs")
    mine = state.args.get("log_dirs", ())
    return tuple(path for path in found if path in mine) if isinstance(found, tuple) else ()


ALIASES = frozenset({"broker.id", "node.id"})
"""Kafka fills the one from the other, whichever the file has."""
