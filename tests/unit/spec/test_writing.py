"""What is written is read back as the same, whatever is in it, and always in the same form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.spec.scalars import Dialect, writable
from provisioner.spec.writing import text_of
from provisioner.spec.yamlfile import parse

TRICKY = [
    "yes", "No", "on", "null", "~", "", " ", "true", "1e3", "1_000", "0x1f", "012", "+1", "12:30",
    "-0", "3.10", ".5", "=", "!", "!tag", "*anchor", "&a", "a: b", "a #b", "[a]", "{a}", "a,b",
    "- a", "'", '"', "\\", "%", "@", "`", "|", ">", "?", "ä", "a" * 300, "compact,delete", "*",
]  # fmt: skip
PRINTED = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]))
TEXTS = st.sampled_from(TRICKY) | PRINTED.filter(writable)
KEYS = TEXTS.filter(lambda text: text not in ("user", "client_id", "<<"))
INTS = st.integers(-(2**63), 2**63 - 1)
VALUES = st.recursive(
    TEXTS | INTS | st.booleans(),
    lambda inner: st.lists(inner, min_size=1) | st.dictionaries(KEYS, inner, min_size=1),
    max_leaves=12,
)


def read(text: str) -> Any:
    document = parse(text, "spec", Dialect.STRICT, "invalid-spec")
    assert document.problems == [], text
    return document.data


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1))
def test_any_document_is_read_back_as_it_was(data: dict[str, Any]) -> None:
    text = text_of([("Some words.", data)])
    assert read(text) == data
    assert text_of([("Some words.", data)]) == text


@settings(max_examples=40, deadline=None)
@given(st.floats(min_value=1e-9, max_value=1e15))
def test_a_decimal_is_read_back_exactly(value: float) -> None:
    data = read(text_of([("", {"request_percentage": value})]))
    assert float(data["request_percentage"]) == value


def test_a_version_is_quoted() -> None:
    assert text_of([("", {"version": "3.10.0"})]) == 'version: "3.10.0"\n'


def test_parts_become_one_mapping_with_their_comments() -> None:
    topics = {f"topic-{n}": {"partitions": n, "config": {"retention.ms": 10**18}} for n in (1, 2)}
    text = text_of(
        [
            ("Words of a comment. " * 6, {"cluster": "a", "bootstrap": ["b:1", "c:2"]}),
            ("", {"quotas": [{"user": None, "producer_byte_rate": 1}]}),
            ("Topics.", {"topics": topics}),
        ]
    )
    assert text == (
        f"# {'Words of a comment. ' * 4}Words of a\n# comment. Words of a comment.\n"
        "cluster: a\n"
        "bootstrap: [b:1, c:2]\n"
        "\n"
        "quotas:\n"
        "  - {user: null, producer_byte_rate: 1}\n"
        "\n"
        "# Topics.\n"
        "topics:\n"
        "  topic-1: {partitions: 1, config: {retention.ms: 1000000000000000000}}\n"
        "  topic-2: {partitions: 2, config: {retention.ms: 1000000000000000000}}\n"
    )


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "\0", "\u2028"])
def test_what_no_file_of_ours_may_hold_is_refused(text: str) -> None:
    assert not writable(text)
    with pytest.raises(ValueError, match="the value contains"):
        text_of([("", {"a": text})])
