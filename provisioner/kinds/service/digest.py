"""The digest of what a process is started with; the launcher on the host computes the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from provisioner.kinds import properties
from provisioner.kinds.live import HINT


def live(texts: Sequence[str]) -> frozenset[str]:
    """How lines of properties begin that the launch file, the second text, calls live."""
    lines = properties.canonical(texts[1]) if len(texts) > 1 else []
    named = [line.removeprefix(f"{HINT}=") for line in lines if line.startswith(f"{HINT}=")]
    return frozenset(f"1:{key}=" for value in named for key in value.split(",") if key)


def canonical(texts: Sequence[str], plain: Sequence[str] = ()) -> list[str]:
    """The canonical lines of properties file, launch file and logging configuration, in order,
    then of ``plain`` texts (the unit), of which every line counts that is no comment. Properties
    that Kafka takes live are left out: a process with an older value of one is in sync."""
    left_out = live(texts)
    lines = [
        f"{number}:{line}"
        for number, text in enumerate(texts, 1)
        for line in properties.canonical(text)
        if not line.startswith("hint.")
        and not (left_out and f"{number}:{line[: line.index('=') + 1]}" in left_out)
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
