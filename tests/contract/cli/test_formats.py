"""``--format`` and ``--output``: one answer, in one place, also when a run comes to nothing."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from tests.contract.cli.conftest import Provision

VERBS = ("plan", "drift", "verify", "status")


@pytest.mark.parametrize("verb", VERBS)
def test_errors_in_every_format(provision: Provision, verb: str) -> None:
    assert json.loads(provision(verb, "none.yaml", "--format", "json").out)["exit_code"] == 1
    assert Xml.fromstring(provision(verb, "none.yaml", "--format=junit").out).tag == "testsuites"
    assert provision(verb, "none.yaml", "--format", "markdown").out.startswith("## provision")
    ran = provision(verb, "none.yaml", "--format", "prometheus")
    assert (ran.code, ran.out.strip()) == (1, "")


@pytest.mark.parametrize("format", ["json", "markdown", "junit", "prometheus"])
def test_with_output_stdout_is_empty(provision: Provision, tmp_path: Path, format: str) -> None:
    file = tmp_path / "a file"
    ran = provision("drift", "none.yaml", "--format", format, "--output", str(file))
    assert (ran.code, ran.out) == (1, "")
    assert file.exists()
    assert list(tmp_path.glob(".a file*")) == []


def test_json_is_a_format(provision: Provision) -> None:
    ran = provision("drift", "none.yaml", "--json", "--format", "markdown")
    assert ran.code == 1
    assert "--json cannot be used with --format markdown" in ran.out + ran.err
    assert provision("drift", "none.yaml", "--format", "yaml").code == 1


def test_only_what_looks_has_formats(provision: Provision) -> None:
    ran = provision("apply", "none.yaml", "--format", "junit")
    assert ran.code == 1
    assert "unrecognized arguments: --format" in ran.out + ran.err
