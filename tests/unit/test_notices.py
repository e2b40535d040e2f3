"""Many warnings: each rule gets its share, the rest is counted."""

from __future__ import annotations

import pytest

from provisioner.errors import Notice
from provisioner.notices import MOST, Findings, few, shares


def test_as_many_as_fit_are_all_told() -> None:
    found = [Findings("of a", ["a1", "a2"]), Findings("of b", []), Findings("of c", ["c1"])]
    assert [str(n) for n in few(found, Notice)] == ["a1", "a2", "c1"]


def test_the_rest_is_counted_and_every_rule_is_told() -> None:
    asked: list[str] = []

    def say(item: str) -> Notice:
        asked.append(item)
        return Notice(item)

    found = [Findings("of a", [f"a{n}" for n in range(398)]), Findings("of b", ["b1", "b2"])]
    told = [str(notice) for notice in few(found, say)]
    assert len(told) == MOST + 1
    assert told[-1] == "and 380 more: 380 of a"
    assert told[18:20] == ["b1", "b2"]
    assert asked == told[:MOST]


@pytest.mark.parametrize(
    ("sizes", "most", "given"),
    [([], 5, []), ([2, 9], 5, [2, 3]), ([9, 9, 9], 5, [2, 2, 1]), ([1, 1], 5, [1, 1])],
)
def test_shares(sizes: list[int], most: int, given: list[int]) -> None:
    assert shares(sizes, most) == given
