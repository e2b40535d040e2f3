"""The formats of ``--format``: each file here is one, with ``render(document, now) -> str``, a pure
function of the JSON document."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

TEXT = "text"
FORMATS = (TEXT, *sorted(module.name for module in pkgutil.iter_modules(__path__)))


def render(format: str, document: Mapping[str, Any], now: float) -> str:
    """The document in that format, which is none of ``text``; ``now`` in seconds since 1970."""
    text: str = importlib.import_module(f"{__name__}.{format}").render(document, now)
    return text
