"""What many words cost: counted in comparisons, not in seconds."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import ProvisionError
from provisioner.spec import properties, shape
from provisioner.spec.load import load
from provisioner.spec.nearest import COMPARED, NameIndex

BROKER = """cluster: c
kafka: {version: "4.3.1"}
controllers: [{id: 100, host: localhost, port: 9192}]
brokers: [{id: 1, host: localhost, listeners: [PLAINTEXT://:9092], log_dirs: [one]}]
"""
NAMES = sorted(properties.table("4.3.1").broker)
INDEX = NameIndex(NAMES)


class Counted(difflib.SequenceMatcher):  # type: ignore[type-arg]
    """Says how often two words were looked at letter by letter, or by their counts."""

    seen: ClassVar[Counter[str]] = Counter()

    def ratio(self) -> float:
        self.seen["ratio"] += 1
        return super().ratio()

    def real_quick_ratio(self) -> float:
        self.seen["quick"] += 1
        return super().real_quick_ratio()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    monkeypatch.setattr(difflib, "SequenceMatcher", Counted)
    Counted.seen = Counter()
    return Counted.seen


def test_four_hundred_unknown_properties_are_each_compared_with_a_few_names(
    tmp_path: Path, counted: Counter[str]
) -> None:
    keys = [f"no.such.property.{number}.at.all" for number in range(200)]
    keys += [f"{name}x" for name in NAMES[:200]]
    config = "".join(f"    {key}: 1\n" for key in keys)
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"{BROKER}defaults:\n  config:\n{config}")
    with pytest.raises(ProvisionError) as raised:
        load(spec)
    # A few that are a letter away are a key of the spec or a secret.
    assert len(raised.value.problems) >= 390
    assert counted.total() <= 2 * COMPARED * len(keys)


def test_two_thousand_topics_are_each_looked_at_a_fixed_number_of_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: Counter[str] = Counter()
    real = properties.check_value

    def check_value(scope: str, key: str, *rest: Any) -> Any:
        looked[scope] += 1
        return real(scope, key, *rest)

    monkeypatch.setattr(properties, "check_value", check_value)
    topics = "".join(
        f"  t-{number}: {{partitions: 3, replication: 1, config: {{retention.ms: {number}}}}}\n"
        for number in range(2000)
    )
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"{BROKER}topics:\n{topics}")
    assert len(load(spec).topics) == 2000
    assert looked == {"topic": 2000}


class Places(set[Any]):
    """Says how often all of it was looked through."""

    looked = 0

    def __iter__(self) -> Any:
        Places.looked += 1
        return super().__iter__()


def test_two_thousand_wrong_topics_are_cut_out_in_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shape.without
    monkeypatch.setattr(shape, "without", lambda document, doomed: real(document, Places(doomed)))
    monkeypatch.setattr(Places, "looked", 0)
    topics = "".join(f"  t-{number}: {{partitons: 3, replication: 1}}\n" for number in range(2000))
    spec = tmp_path / "spec.yaml"
    spec.write_text(f"{BROKER}topics:\n{topics}")
    with pytest.raises(ProvisionError) as raised:
        load(spec)
    assert len(raised.value.problems) == 4000
    assert Places.looked < 10


@pytest.mark.parametrize("name", NAMES)
def test_a_letter_that_lacks_is_one_of_the_name(name: str) -> None:
    middle = len(name) // 2
    found, ratio = INDEX.nearest(name[:middle] + name[middle + 1 :])
    best = difflib.get_close_matches(name[:middle] + name[middle + 1 :], NAMES, n=1)
    assert found == name or [found] == best
    assert ratio > 0.85 or len(name) < 6


@given(st.sampled_from(NAMES), st.integers(0, 60), st.sampled_from("abcxyz.-0"))
def test_what_comparing_with_all_names_finds_is_found(name: str, at: int, letter: str) -> None:
    """A letter put in anywhere: never worse than the search through all names."""
    word = name[:at] + letter + name[at:]
    every = max(difflib.SequenceMatcher(None, other, word).ratio() for other in NAMES)
    assert INDEX.nearest(word)[1] >= every - 1e-9 or INDEX.nearest(word)[0] == name


def test_what_is_like_nothing_has_no_nearest() -> None:
    assert INDEX.nearest("qqqqqqqq") == ("", 0.0)
    assert INDEX.nearest("") == ("", 0.0)
    assert NameIndex([]).nearest("a.b") == ("", 0.0)
