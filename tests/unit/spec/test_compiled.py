"""The compiled shape of a spec against the models it is compiled from."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from provisioner.spec import compiled
from provisioner.spec.document import SpecFile
from provisioner.spec.scalars import Dialect
from provisioner.spec.yamlfile import read

ROOT = Path(__file__).parents[3]
GOOD = sorted(
    [*(ROOT / "specs").glob("*.yaml"), *(Path(__file__).parent / "good").glob("**/*.yaml")]
)


def test_the_table_is_of_these_models() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "make_shape.py"))["text"]()
    shipped = (ROOT / "provisioner" / "spec" / "shape.json").read_text("utf-8")
    assert shipped == made, "run tools/make_shape.py"


def plain(value: Any) -> Any:
    """Models and parts as dicts, with the type of everything else."""
    if isinstance(value, (BaseModel, compiled.Part)):
        given = value.model_fields_set
        return {name: (name in given, plain(item)) for name, item in vars(value).items()}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return type(value).__name__, value


def by_pydantic(data: Any) -> Any:
    try:
        return SpecFile.model_validate(data)
    except ValidationError:
        return None


def same(data: Any) -> bool:
    """Whether it was understood; where it was, as pydantic does."""
    found = compiled.understood(data)
    if found is not None:
        assert plain(found) == plain(by_pydantic(data))
    return found is not None


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_is_valid_needs_no_pydantic(path: Path) -> None:
    data = read(path, Dialect.STRICT, "invalid-spec").data
    assert same(data) or by_pydantic(data) is None


LAB: dict[str, Any] = read(ROOT / "specs" / "lab.yaml", Dialect.STRICT, "invalid-spec").data
KRAFT: dict[str, Any] = read(
    ROOT / "specs" / "three-nodes.yaml", Dialect.STRICT, "invalid-spec"
).data
TOPICS: dict[str, Any] = KRAFT | {
    "topics": {"t": {"profile": "p", "placement": {"0": [1, 2]}}, "u": {"partitions": 1}},
    "topic_profiles": {"p": {"partitions": 1, "replication": 2, "config": {"retention.ms": 1}}},
    "topic_files": ["topics/*.yaml"],
    "topics_scope": ["t*", "[u-w]"],
    "policy": {"protect": ["p?"]},
}
WORDS = st.sampled_from(
    [
        *(
            "lab",
            "lab\n",
            "3.9.1",
            "",
            " ",
            "a" * 64,
            "/data",
            "PLAINTEXT://:9092",
            "512m",
            "absent",
        ),
        *("mapping", "maven", "bundled", "static", "report", "\ud800", "é", "http://x/y z", "1"),
        *("a*", "[z-a]", "[!a]"),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 70_000) | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=3,
)


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [
        place
        for key, item in items
        for place in [
            (*at, key),
            *(places(item, (*at, key)) if isinstance(item, (dict, list)) else []),
        ]
    ]


def put(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """A copy with ``new`` at that place."""
    if not at:
        return new
    copy = value.copy()
    copy[at[0]] = put(copy[at[0]], at[1:], new)
    return copy


@given(st.data())
def test_never_more_than_pydantic_takes(data: st.DataObject) -> None:
    """One value of a valid spec replaced, or a key added: what the table takes, pydantic takes, and
    makes the same of it."""
    spec = data.draw(st.sampled_from([LAB, KRAFT, TOPICS]))
    place = data.draw(st.sampled_from(places(spec)))
    same(put(spec, place, data.draw(VALUES)))
    fields = [name for rules in compiled.table().values() for name in rules]
    parents = [(), *(at for at in places(spec) if isinstance(dug(spec, at), dict))]
    parent = data.draw(st.sampled_from(parents))
    key = data.draw(st.sampled_from(fields) | WORDS)
    same(put(spec, parent, {**dug(spec, parent), key: data.draw(VALUES)}))


def dug(value: Any, at: tuple[Any, ...]) -> Any:
    for key in at:
        value = value[key]
    return value


def test_the_words_of_topics_need_no_pydantic() -> None:
    assert same(TOPICS)


def test_a_spec_is_not_changed() -> None:
    found = compiled.understood(LAB)
    assert found is not None
    with pytest.raises(AttributeError, match="cluster"):
        setattr(found, "cluster", "other")  # noqa: B010
    assert found.model_copy(update={"cluster": "other"}).cluster == "other"
    assert found.cluster == LAB["cluster"]
