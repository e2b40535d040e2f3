"""Documents that repeat what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from provisioner.errors import CODES, Exit

ERRORS = Path(__file__).parents[3] / "docs" / "errors.md"


def cells(title: str) -> set[str]:
    """The first cell of every row of the table below that title."""
    part = ERRORS.read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)`", part, re.MULTILINE))


def test_the_document_of_error_codes_is_complete() -> None:
    assert cells("Error codes") == CODES


def test_the_document_of_exit_codes_is_complete() -> None:
    assert cells("Exit codes") == {str(int(code)) for code in Exit}
