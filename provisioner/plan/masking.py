"""Secrets that must not be shown: values of sensitive keys, and secrets inside free text.

For a key of a file the name decides (``shown``); in text that a host or a person wrote (a command
line, a unit, the end of a log) anything like ``password=VALUE`` is masked.
"""

from __future__ import annotations

import re
from typing import Any

SENSITIVE = re.compile(r"password|passwd|secret|jaas|credential|token|\.key$|\.pem$", re.IGNORECASE)
"""Keys whose values are never shown, in whichever file: Kafka's own sensitive ones
(``ssl.key.password``, ``sasl.jaas.config``, ``ssl.keystore.key``, …) are all among them."""

MASK = "***"
VALUE = r"""(?:\*\*\*|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[^\s"']+)"""
INSIDE = re.compile(
    rf"""([\w.-]*(?:password|passwd|secret|token|credential)[\w.-]*["']?\s*[=:]\s*){VALUE}""",
    re.IGNORECASE,
)
BEARER = re.compile(r"(\w[\w+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)")
PEM = re.compile(
    r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
HINT = re.compile(r"passw|secret|token|credential|://|PRIVATE KEY", re.IGNORECASE)


def masked(text: str) -> str:
    """The text without the secrets in it: ``-Dx.keyStorePassword=***``, ``https://me:***@host``.

    It may hide a word that is no secret; it changes nothing where no such name stands.
    """
    if not HINT.search(text):
        return text
    text = PEM.sub(rf"\1{MASK}\2", text)
    text = BEARER.sub(rf"\1{MASK}", text)
    return INSIDE.sub(rf"\1{MASK}", text)


def shown(name: str, value: Any) -> Any:
    """A value as plans show it: secrets never."""
    if value is not None and SENSITIVE.search(name):
        return {"secret": True, "changed": True}
    if isinstance(value, tuple):
        return tuple(masked(part) if isinstance(part, str) else part for part in value)
    return masked(value) if isinstance(value, str) else value
