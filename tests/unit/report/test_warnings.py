"""Warnings: what they look like in the document, and that no way to its end loses them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import Notice
from provisioner.plan.model import Report
from provisioner.report.formats.json import document
from provisioner.verbs.shared.command import run
from provisioner.verbs.shared.registry import every

NEEDED = {
    "drill": ["--node", "broker-1"],
    "destroy": ["--confirm", "t"],
    "maintain": ["--host", "k1", "--", "true"],
}
SPEC = """\
cluster: t
inventory: hosts.yml
kafka: {version: "3.9.1", home: /srv/kafka, user: kafka}
zookeeper: [{id: 1, host: k1}]
brokers: [{id: 1, host: k1, listeners: [PLAINTEXT://localhost:9092], log_dirs: [d]}]
"""
UNEXPECTED = """\
all:
  host: {k1: }
  hosts: {k2: }
"""
SKIPPED = "'host' in group all is skipped: only vars, children and hosts mean something here"


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    (tmp_path / "hosts.yml").write_text(UNEXPECTED)
    return tmp_path / "spec.yaml"


def ran(argv: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, Any, str]:
    code = run(argv)
    out, err = capsys.readouterr()
    return code, json.loads(out) if "--json" in argv else out, err


def test_the_shape() -> None:
    whole = Notice("one", "f.yaml", 3, 5)
    plain = Notice("two")
    reports = [Report("a", warnings=[whole, plain]), Report("b", warnings=[whole])]
    body = document("plan", 0, reports, [], [plain])
    one = {"message": "one", "file": "f.yaml", "line": 3, "column": 5}
    two = {"message": "two", "file": None, "line": None, "column": None}
    assert body["warnings"] == [two, one]
    assert [cluster["warnings"] for cluster in body["clusters"]] == [[one, two], [one]]


@pytest.mark.parametrize("verb", sorted(verb.name for verb in every() if verb.of_clusters))
def test_every_verb_says_them_beside_the_errors(
    verb: str, spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [verb, str(spec), *NEEDED.get(verb, [])]
    code, body, err = ran([*argv[:2], "--json", *argv[2:]], capsys)
    assert (code, len(body["errors"])) == (1, 2)
    file = str(spec.parent / "hosts.yml")
    assert body["warnings"] == [{"message": SKIPPED, "file": file, "line": 2, "column": 3}]
    assert err == f"warning: {file}:2:3: {SKIPPED}\n"
    code, _, err = ran(argv, capsys)
    assert (code, err.count("error: "), err.count("warning: ")) == (1, 2, 1)


def test_one_that_goes_well_has_them_in_its_cluster(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (spec.parent / "hosts.yml").write_text(UNEXPECTED.replace("k2", "k1"))
    code, body, err = ran(["validate", str(spec), "--json"], capsys)
    assert code == 0
    assert [warning["line"] for warning in body["warnings"]] == [2]
    assert body["clusters"][0]["warnings"] == body["warnings"]
    assert err.count("warning: ") == 1


def test_many_clusters_say_the_same_once(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = UNEXPECTED.replace("k2", "k1: , k3") + "  children: {g: {hosts: {k1: , k3: }}}\n"
    (spec.parent / "hosts.yml").write_text(lines)
    code, body, err = ran(["validate", str(spec), "--each", "g", "--json"], capsys)
    assert code == 0
    assert len(body["warnings"]) == 1
    assert [len(cluster["warnings"]) for cluster in body["clusters"]] == [1, 1]
    assert err.count("warning: ") == 1
    code, body, err = ran(["validate", str(spec), "--each", "h", "--json"], capsys)
    assert (code, len(body["warnings"]), err.count("warning: ")) == (1, 1, 1)


def test_a_missing_inventory_has_the_line_of_the_spec(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (spec.parent / "hosts.yml").unlink()
    code, body, _ = ran(["validate", str(spec), "--json"], capsys)
    (error,) = body["errors"]
    assert (code, error["code"]) == (1, "invalid-inventory")
    assert (error["file"], error["line"], error["column"]) == (str(spec), 2, 12)
    assert "cannot be read: No such file" in error["message"]
