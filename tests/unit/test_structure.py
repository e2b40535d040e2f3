"""Rules about the code itself that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import provisioner

CODE = Path(provisioner.__file__).parent
SHELL = re.compile(
    r"""
    ^\s*(?:if|while|until|case)\s[^"\n]*;?\s*(?:then|do|in)\s*$   # compound commands by line
  | ^\s*(?:fi|done|esac)\b
  | \$\{?[A-Za-z_@#*0-9]                                        # an expansion
  | \$\(
  | \bset\s+-e\b
  | >/dev/null
    """,
    re.M | re.X,
)
LONG = 2
"""Lines from which on a string is a text and no line of one."""


def sources() -> list[Path]:
    return sorted(CODE.rglob("*.py"))


def texts(source: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of every string but docstrings."""
    tree = ast.parse(source.read_text())
    skipped = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in skipped:
            yield node.lineno, node.value


def is_shell(text: str) -> bool:
    return text.count("\n") >= LONG and bool(SHELL.search(text))


def test_the_rule_finds_what_it_is_for() -> None:
    scripts = [path.read_text() for path in CODE.rglob("*.sh") if "artifacts" not in path.parts]
    missed = [text for text in scripts if text.count("\n") >= LONG and not is_shell(text)]
    assert len(scripts) > 40
    assert not missed
    assert not is_shell("listeners=PLAINTEXT://:9092\nlog.dirs=/data\nnum.io.threads=4\n")


def test_no_shell_text_stands_in_python() -> None:
    """A script is a file beside the code (decision 8): there it is checked as what it is."""
    found = [
        f"{source.relative_to(CODE)}:{line}"
        for source in sources()
        for line, text in texts(source)
        if is_shell(text)
    ]
    assert not found


@pytest.mark.parametrize("path", sorted(CODE.rglob("*.sh")), ids=lambda path: path.name)
def test_every_script_is_one(path: Path) -> None:
    done = subprocess.run(["/bin/sh", "-n", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_function_of_the_shell_is_written_once() -> None:
    """Two that differ in a letter are two truths."""
    known: dict[str, str] = {}
    for path in sorted(CODE.rglob("*.sh")):
        if "artifacts" in path.parts:
            continue  # each of those is a program of its own on the host
        for name, body in re.findall(r"^(\w+)\(\) *\{(.*)$", path.read_text(), re.M):
            if name in ("start_of", "missing", "frame", "as"):
                assert name not in known, f"{path.name}: {name} is in {known[name]} too: {body}"
                known[name] = path.name
    assert "start_of" in known
    pattern = r"\(\.\*\).*/proc/.*/stat.*-f20"
    twice = [p.name for p in CODE.rglob("*.sh") if re.search(pattern, p.read_text())]
    assert len(twice) <= 1 or set(twice) <= {"start_of.sh", "processes.sh"}


def test_verbs_have_no_shell_of_a_host() -> None:
    """A verb reads by an Observer and changes by an Actor; ``lock --break`` by its Breaker."""
    forbidden = {"Script", "Shell", "shells"}
    found = []
    for source in sorted((CODE / "verbs").glob("*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.ImportFrom):
                used = {alias.name for alias in node.names} & forbidden
                found += [f"{source.name}:{node.lineno} {name}" for name in used]
            if isinstance(node, ast.Subscript) and getattr(node.value, "attr", "") in forbidden:
                found.append(f"{source.name}:{node.lineno} {ast.unparse(node)}")
    assert not found
