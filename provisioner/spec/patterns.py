"""Shell patterns of names: ``*`` anything, ``?`` one character, ``[a-z]`` and ``[!a-z]`` one of
several. Capitals count."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache


def matches(patterns: tuple[str, ...], name: str) -> bool:
    """Whether the name matches one of them."""
    return any(compiled.match(name) for compiled in _compiled(patterns))


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(fnmatch.translate(pattern)) for pattern in patterns)
