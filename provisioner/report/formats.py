"""The formats of ``--format``: each is one module with ``render(document, now) -> str``, a pure
function of the JSON document. A new format is a file here and a line in ``MODULES``."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

TEXT = "text"
MODULES = {
    "json": "provisioner.report.json",
    "markdown": "provisioner.report.markdown",
    "junit": "provisioner.report.junit",
    "prometheus": "provisioner.report.prometheus",
}
FORMATS = (TEXT, *MODULES)


def render(format: str, document: Mapping[str, Any], now: float) -> str:
    """The document in that format, which is none of ``text``; ``now`` in seconds since 1970."""
    text: str = importlib.import_module(MODULES[format]).render(document, now)
    return text
