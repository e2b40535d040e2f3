"""Documents name only code and commands that exist."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from provisioner.errors import ProvisionError
from provisioner.verbs.shared.arguments import parse

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "provisioner"
ABOUT_CODE = [ROOT / "docs" / "lifecycle.md", ROOT / "CONTRIBUTING.md"]
FOR_USERS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]

PATH = re.compile(r"(?:[\w.-]+/)*[\w.-]*\.(?:py|sh)|(?:[\w.-]+/)+")
NAME = re.compile(r"([a-z_/]+(?:\.[a-z_]+)*)\.([a-z_]+)(?:\(.*\))?")
PRIVATE = re.compile(r"_[a-z]\w*")
CLASS = re.compile(r"([A-Z][a-z]\w+)(?:\(.*\))?")
VALUES = {"defaults", "node"}
"""What a dotted name may begin with that is no module: the spec's words, a variable."""
ENDINGS = ("", " specs/lab.yaml", " VALUE specs/lab.yaml")
"""What inline code may leave out."""
PLACEHOLDER = re.compile(r"NAME|TOPIC|CLUSTER|VERB|RUN")


def label(path: Path) -> str:
    return str(path.relative_to(ROOT))


def quoted(path: Path) -> list[str]:
    """The inline code of a page, without its blocks."""
    prose = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    return [" ".join(words.split()) for words in re.findall(r"`([^`]+)`", prose)]


@cache
def sources() -> dict[str, str]:
    """Every module of the package, by its dotted name without the package's."""
    files = sorted(PACKAGE.rglob("*.py"))
    names = [file.relative_to(PACKAGE).with_suffix("") for file in files]
    return {".".join(n.parts): f.read_text() for n, f in zip(names, files, strict=True)}


@cache
def properties() -> frozenset[str]:
    """Every property in the tables of Kafka's versions."""
    tables = [table.read_text() for table in (PACKAGE / "spec" / "tables").glob("*.json")]
    return frozenset(re.findall(r'^\s*"([\w.]+)": ', "\n".join(tables), re.MULTILINE))


def exists(path: str) -> bool:
    """In the repository, in the package, or somewhere in the package by the end of its path."""
    return (
        (ROOT / path).exists()
        or (PACKAGE / path).exists()
        or any(PACKAGE.rglob(path.strip("/") if path.endswith("/") else path))
    )


def defined(text: str, name: str) -> bool:
    found = rf"^\s*(?:def|class) {name}\b|^\s+{name}: |^{name}\b.*="
    return re.search(found, text, re.MULTILINE) is not None


def missing(words: str) -> bool:
    """Whether this inline code names a path, function or class that does not exist."""
    if PLACEHOLDER.search(words) or words in properties() or (ROOT / words).exists():
        return False
    if PATH.fullmatch(words):
        return not exists(words)
    if found := NAME.fullmatch(words):
        module = found[1].replace("/", ".")
        ours = [t for n, t in sources().items() if f".{n}".endswith(f".{module}")]
        return module not in VALUES and not any(defined(text, found[2]) for text in ours)
    if PRIVATE.fullmatch(words):
        return not any(defined(text, words) for text in sources().values())
    if found := CLASS.fullmatch(words):
        return not any(defined(text, found[1]) for text in sources().values())
    return False


@pytest.mark.parametrize("path", ABOUT_CODE, ids=label)
def test_every_path_function_and_class_exists(path: Path) -> None:
    assert [words for words in quoted(path) if missing(words)] == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("run/executor.py", False),
        ("run/nothing.py", True),
        ("kinds/", False),
        ("rooms/", True),
        ("gates.gate", False),
        ("gates.door", True),
        ("doors.gate", True),
        ("kinds/service/kind.judge", False),
        ("log.dirs", False),
        ("_finish", False),
        ("_no_such_function", True),
        ("Observer.read", False),
        ("Unread", True),
    ],
)
def test_what_is_missing(words: str, expected: bool) -> None:
    assert missing(words) is expected


def commands(path: Path) -> dict[str, bool]:
    """Every `provision …` command and whether it is whole: a line of a block is, inline code may
    leave out the spec."""
    blocks = re.findall(r"```.*?```", path.read_text(), re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.split("\n")]
    inline = [words for words in quoted(path) if re.search(r" -|\.yaml", words)]
    shown = {**dict.fromkeys(inline, False), **dict.fromkeys(lines, True)}
    found = {words.removeprefix(".venv/bin/"): whole for words, whole in shown.items()}
    return {words: whole for words, whole in found.items() if re.match(r"provision [a-z-]", words)}


def refusal(command: str) -> str:
    """What the parser says of a command; empty where it takes it."""
    words = shlex.split(command, comments=True)[1:]
    words = words[: words.index(">")] if ">" in words else words
    if words == ["--version"]:  # answered before any parser is built
        return ""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            parse(words)
    except ProvisionError as error:
        return str(error)
    except SystemExit:  # --help
        pass
    return ""


@pytest.mark.parametrize("path", FOR_USERS, ids=label)
def test_every_command_is_one_that_the_parser_takes(path: Path) -> None:
    refused = {}
    for command, whole in commands(path).items():
        reasons = [refusal(command + ending) for ending in (ENDINGS[:1] if whole else ENDINGS)]
        if all(reasons):
            refused[command] = reasons[0]
    assert refused == {}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_option_that_does_not_exist_is_found(ending: str) -> None:
    assert refusal("provision plan --no-such" + ending)


def test_commands_are_found() -> None:
    assert sum(len(commands(path)) for path in FOR_USERS) > 40
