"""Runs the specs in ``good/`` and ``bad/``: see README.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from provisioner.errors import ProvisionError
from provisioner.spec.load import load

HERE = Path(__file__).parent
BASES = YAML(typ="safe", pure=True).load(HERE / "bases.yaml")


def cases(folder: str) -> list[Any]:
    return [
        pytest.param(case, id=f"{path.stem}: {case['name']}")
        for path in sorted((HERE / folder).glob("*.yaml"))
        for case in YAML(typ="safe", pure=True).load_all(path)
    ]


def run(case: dict[str, Any], folder: Path) -> Any:
    text = case["spec"] + "".join(BASES[name] for name in case.get("base", "").split())
    (folder / "spec.yaml").write_text(text)
    if "inventory" in case:
        (folder / "inventory.yaml").write_text(case["inventory"])
    for name, content in case.get("files", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return load(folder / "spec.yaml", env={"HOME": "/home/me"}, each_host=case.get("host"))


@pytest.mark.parametrize("case", cases("bad"))
def test_a_bad_spec_gives_all_its_problems(case: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ProvisionError) as raised:
        run(case, tmp_path)
    found = raised.value.problems
    for problem in found:
        assert problem.file is not None
        assert Path(problem.file).is_relative_to(tmp_path)
        assert problem.excerpt.endswith("^")
        assert problem.code == case.get("code", problem.code)
    wanted = [text.partition("; ") for text in case["problems"]]
    files = {str(tmp_path / name): f"{name}:" for name in case.get("files", {})}
    shown = [f"{files.get(p.file or '', '')}{p.line}:{p.column} {p.message}" for p in found]
    shown = [text.replace(f"{tmp_path}/", "") for text in shown]
    padded = [*wanted, *[("", "", "")] * len(shown)]
    assert [s[: len(w[0])] or s for s, w in zip(shown, padded, strict=False)] == [
        w[0] for w in wanted
    ]
    for problem, (_, _, hint) in zip(found, wanted, strict=True):
        assert hint in problem.hint


@pytest.mark.parametrize("case", cases("good"))
def test_a_good_spec_gives_these_values(case: dict[str, Any], tmp_path: Path) -> None:
    spec = run(case, tmp_path)
    for path, wanted in case["values"].items():
        found = eval(
            path if "spec" in path else f"spec.{path}", {"spec": spec}
        )  # the path is written in the case
        assert plain(found) == wanted, path


def plain(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value if isinstance(value, (int, float, dict, type(None))) else str(value)
