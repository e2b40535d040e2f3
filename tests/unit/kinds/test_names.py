"""Nothing outside ``kinds/`` knows a kind by its name: what others must know of one, it says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import provisioner
from provisioner.kinds.registry import KINDS

ROOT = Path(provisioner.__file__).parent


def named(tree: ast.AST) -> Iterator[int]:
    """The lines where a kind's name stands: in an ``Id``, looked up among the kinds, or compared
    with an id's kind."""
    for node in ast.walk(tree):
        found: list[ast.AST] = []
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "Id":
            found = [*node.args, *(word.value for word in node.keywords)]
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("KINDS"):
            found = [node.slice]
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(isinstance(side, ast.Attribute) and side.attr == "kind" for side in sides):
                found = sides
        names = (each for part in found for each in ast.walk(part))
        if any(isinstance(each, ast.Constant) and each.value in KINDS for each in names):
            yield node.lineno  # type: ignore[attr-defined]


def test_no_name_of_a_kind_stands_outside_kinds() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in sorted(ROOT.rglob("*.py"))
        if "kinds" not in path.relative_to(ROOT).parts
        for line in named(ast.parse(path.read_text()))
    ]
    assert found == []


def test_what_is_a_name_of_a_kind() -> None:
    text = """
Id(host, "topic", name)
KINDS["topic"].read(view)
change.id.kind in ("topic", "broker")
part["file"]
note.kind == "done"
"""
    assert sorted(named(ast.parse(text))) == [2, 3, 4]
