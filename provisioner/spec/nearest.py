"""The known name that a misspelt one was meant to be, without comparing it with all of them.

    NameIndex(names).nearest("num.io.thread")     ("num.io.threads", 0.96)

A name is found by the pairs of letters that it shares with the word; only the ``COMPARED`` names
that share most are compared letter by letter, which is a hundred times as dear.
"""

from __future__ import annotations

import difflib
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable

COMPARED = 4
SIMILAR = 0.6
"""Below this ratio a name is not worth naming; that of ``difflib.get_close_matches``."""


class NameIndex:
    """Names, by the pairs of letters in them. Built once for each list of names."""

    def __init__(self, names: Iterable[str]):
        self._pairs: dict[str, list[str]] = defaultdict(list)
        self._sizes: dict[str, int] = {}
        for name in dict.fromkeys(names):
            pairs = _pairs(name)
            self._sizes[name] = len(pairs)
            for pair in pairs:
                self._pairs[pair].append(name)

    def nearest(self, word: str) -> tuple[str, float]:
        """The most similar name and its ratio (0 to 1); ``("", 0.0)`` where none is similar."""
        pairs = _pairs(word)
        shared: Counter[str] = Counter()
        for pair in pairs:
            shared.update(self._pairs.get(pair, ()))
        sizes, own = self._sizes, len(pairs)
        ranked = heapq.nsmallest(
            COMPARED, ((-n / (own + sizes[name]), name) for name, n in shared.items())
        )
        best = ("", 0.0)
        for _, name in ranked:
            matcher = difflib.SequenceMatcher(None, name, word)
            if matcher.quick_ratio() < SIMILAR or matcher.quick_ratio() <= best[1]:
                continue
            ratio = matcher.ratio()
            if ratio >= SIMILAR and ratio > best[1]:
                best = (name, ratio)
        return best


def _pairs(word: str) -> set[str]:
    return {word[at : at + 2] for at in range(len(word) - 1)}
