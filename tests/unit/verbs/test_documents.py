"""Documents that repeat what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provisioner.errors import CODES, Exit
from provisioner.verbs.shared.registry import files

ROOT = Path(__file__).parents[3]
ERRORS = ROOT / "docs" / "errors.md"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def cells(title: str) -> set[str]:
    """The first cell of every row of the table below that title."""
    part = ERRORS.read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    return set(re.findall(r"^\| `([^`]+)`", part, re.MULTILINE))


def test_the_document_of_error_codes_is_complete() -> None:
    assert cells("Error codes") == CODES


def test_the_document_of_exit_codes_is_complete() -> None:
    assert cells("Exit codes") == {str(int(code)) for code in Exit}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_index_of_decisions_is_complete_sorted_and_has_their_titles() -> None:
    index = (ROOT / "docs" / "README.md").read_text().split("## Decisions\n")[1]
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    rows = []
    for page in pages:
        found = re.match(r"# (\d+)\. (.+)\n", page.read_text())
        assert found is not None, page.name
        assert int(found[1]) == int(page.name[:4])
        rows.append(f"{found[1]}. [{found[2]}](decisions/{page.name})")
    assert index.split("\n") == ["", *rows, ""]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_name_only_verbs_that_there_are(path: Path) -> None:
    shown = re.findall(r"^(?:\$ )?(?:\.venv/bin/)?provision ([a-z]+)\b", path.read_text(), re.M)
    assert set(shown) <= set(files())
