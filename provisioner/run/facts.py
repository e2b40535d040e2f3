"""Facts of a host (``facts.sh``). They are parsed strictly: paths are made of them."""

from __future__ import annotations

import re

from provisioner.kinds.layout import Facts

_NUMBER = r"[0-9]{1,10}"
_NAME = r"[^\x00-\x1f\x7f:/]{1,256}"
_WORD = r"[A-Za-z0-9_.-]{1,64}"
_PATH = r"/[^\x00-\x1f\x7f]{0,4000}"
_MAYBE = f"(?:{_WORD})?"


def read_facts(text: str) -> Facts:
    """Raises ValueError for an invalid answer."""
    values = dict(line.split("=", 1) for line in text.split("\n") if "=" in line)

    def value(name: str, pattern: str) -> str:
        found = values.get(name, "")
        if not re.fullmatch(pattern, found):
            raise ValueError(f"{name} is {found[:60]!r}")
        return found

    uid = value("uid", _NUMBER)
    return Facts(
        value("login", _NAME),
        int(uid),
        value("user", _NAME),
        value("group", _NAME),
        value("home", _PATH),
        value("exists", "true|false") == "true",
        value("arch", _WORD),
        value("system", _MAYBE),
        value("libc", _MAYBE) or "glibc",
        int(uid) == 0,
        values.get("hostname", "") if re.fullmatch(_WORD, values.get("hostname", "")) else "",
        values.get("open", "")[:500],
    )
