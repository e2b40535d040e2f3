"""``--allow NAME[=VALUE]``: the names, and what a command line permits."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.errors import fail
from provisioner.plan.rules import ALL

ALLOW = (
    "delete-topic",
    "wipe-log-dir",
    "shrink-replicas",
    "offline",
    "data-loss",
    "format-controller",
    "lower-feature",
    "finalize-migration",
    "revert-migration",
)
NAMING = frozenset({"delete-topic", "wipe-log-dir"})
"""The ``--allow`` names that take a VALUE. Others with a VALUE permit nothing: the user meant
less than they would permit."""


def allowed(words: Sequence[str]) -> dict[str, frozenset[str]]:
    """``--allow NAME[=VALUE]`` → name → values; no values, or ``ALL`` among them, allows all; what
    ``useless`` names is left out. Raises ``usage``."""
    found: dict[str, set[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in ALLOW:
            raise fail("usage", f"--allow {name} is not known", f"known: {', '.join(ALLOW)}")
        if equals and name not in NAMING:
            continue
        if equals and not all(value.split(",")):
            raise fail("usage", f"--allow {word} has an empty value", f"write --allow {name}=NAME")
        found.setdefault(name, set()).update(value.split(",") if equals else [ALL])
    return {
        name: frozenset(values - {ALL} if values == {ALL} else values)
        for name, values in found.items()
    }


def useless(words: Sequence[str]) -> list[str]:
    """Warnings about permissions that never permit anything, whatever the plan."""
    named = [(word, word.partition("=")[0]) for word in words if "=" in word]
    return [
        f"--allow {word} permits nothing: {name} takes no value"
        for word, name in named
        if name in ALLOW and name not in NAMING
    ]
