"""The digest of what a process is started with; the launcher on the host computes the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from provisioner.kinds import properties


def canonical(texts: Sequence[str], plain: Sequence[str] = ()) -> list[str]:
    """The canonical lines of properties file, launch file and logging configuration, in order,
    then of ``plain`` texts (the unit), of which every line counts that is no comment."""
    lines = [
        f"{number}:{line}"
        for number, text in enumerate(texts, 1)
        for line in properties.canonical(text)
        if not line.startswith("hint.")
    ]
    for number, text in enumerate(plain, len(texts) + 1):
        kept = [line.strip(" \t\f\r") for line in text.split("\n")]
        kept = [line for line in kept if line and line[0] not in "#;"]
        lines += [f"{number}:{place:06d}={line}" for place, line in enumerate(kept, 1)]
    return sorted(lines, key=lambda line: line.encode("utf-8", "surrogateescape"))


def digest(key: str, texts: Sequence[str], plain: Sequence[str] = ()) -> str:
    """The first 128 bits of SHA-256 over the canonical lines between two copies of the host's key,
    in hex. The key is a secret of the host, so that nothing can be guessed back from /proc."""
    lines = [key, *canonical(texts, plain), key]
    data = "".join(line + "\n" for line in lines)
    return hashlib.sha256(data.encode("utf-8", "surrogateescape")).hexdigest()[:32]
