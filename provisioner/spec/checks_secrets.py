"""Secrets that stand in ``env`` and ``jvm_opts``: they would be in the file, in every plan, and for
every user of the host to read in ``/proc``."""

from __future__ import annotations

import re
from typing import Any

from provisioner.spec.checks import Review
from provisioner.spec.yamlfile import Loc

NAME = re.compile(r"passw(or)?d|secret|credential|jaas|(?<!max)token", re.IGNORECASE)
PLACE = re.compile(r"(location|file|path|class|type|provider|algorithm|config)$", re.IGNORECASE)
"""Names that speak of a secret and hold none: where it is, what reads it."""
OPTION = re.compile(r"-D([^=\s]+)=.+", re.DOTALL)
HINT = (
    "the place for it will be a reference ({env: NAME}, {file: PATH}, {command: […]}), "
    "which is not yet supported"
)


def check_all(review: Review) -> None:
    """``env`` and ``jvm_opts`` of ``defaults`` and of every node."""
    layers: list[tuple[Any, Loc]] = [(review.built.shape.defaults, ("defaults",))]
    layers += [(item, (part, number)) for part, number, item in review.items()]
    for layer, loc in layers:
        for name, value in (layer.env or {}).items():
            if value and names_secret(name):
                _report(review, name, (*loc, "env", name))
        for number, option in enumerate(layer.jvm_opts or ()):
            given = OPTION.fullmatch(option)
            if given and names_secret(given[1]):
                _report(review, given[1], (*loc, "jvm_opts", number))


def names_secret(name: str) -> bool:
    """Whether what has this name is a secret itself."""
    return bool(NAME.search(name)) and not PLACE.search(name)


def _report(review: Review, name: str, loc: Loc) -> None:
    review.report(
        f"'{name}' is a secret, and secrets are never written into a spec",
        loc,
        HINT,
        key=isinstance(loc[-1], str),
    )
