"""A package whose start was put off."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest

from provisioner.packages import put_off

NAME = "package_that_starts_late"


def test_one_that_could_not_start_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / NAME).mkdir()
    text = (
        "import os\nif os.environ.get('NOT_YET'):\n    raise RuntimeError('not yet')\nVALUE = 1\n"
    )
    (tmp_path / NAME / "__init__.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(sys.modules, NAME, sys)  # so that it is taken out again at the end
    del sys.modules[NAME]
    put_off(NAME)
    package = import_module(NAME)
    monkeypatch.setenv("NOT_YET", "1")
    with pytest.raises(RuntimeError, match="not yet"):
        _ = package.VALUE
    monkeypatch.delenv("NOT_YET")
    assert package.VALUE == 1
