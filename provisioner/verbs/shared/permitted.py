"""``--allow NAME[=VALUE]``: the names, and what a command line permits."""

from __future__ import annotations

from collections.abc import Sequence

from provisioner.errors import fail

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
    """``--allow NAME[=VALUE]`` → name → values; an empty set allows all; what ``useless`` names is
    left out. Raises ``usage``."""
    found: dict[str, frozenset[str]] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if name not in ALLOW:
            raise fail("usage", f"--allow {name} is not known", f"known: {', '.join(ALLOW)}")
        if equals and name not in NAMING:
            continue
        values = frozenset(value.split(",")) if equals else frozenset()
        bare = name in found and not found[name]
        found[name] = frozenset() if bare or not equals else found.get(name, frozenset()) | values
    return found


def useless(words: Sequence[str]) -> list[str]:
    """Warnings about permissions that never permit anything, whatever the plan."""
    named = [(word, word.partition("=")[0]) for word in words if "=" in word]
    return [
        f"--allow {word} permits nothing: {name} takes no value"
        for word, name in named
        if name in ALLOW and name not in NAMING
    ]
