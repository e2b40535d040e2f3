"""What a terminal shows while something long goes on, and that nobody else gets any of it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.cli.conftest import clean_environment
from tests.contract.cli.test_terminal import on_a_terminal
from tests.terminal import cursor_shown, screen

SCRIPT = '''
"""A run as the console sees it. ARGV: how it ends, then a command line of ``validate`` or
``drift``."""
import os, signal, sys, time
from dataclasses import replace

from provisioner.errors import fail
from provisioner.plan.model import Change, Event, Id, Progress, Report
from provisioner.report import live
from provisioner.verbs import drift, validate
from provisioner.verbs.shared.opening import Meter

live.AFTER = 0.0


def until_shown(console):
    """A terminal has the lines now; nobody else ever has."""
    while console.live is not None and console.live._region is None:
        time.sleep(0.01)


def story(args, context):
    console = context.console
    meter = Meter(console)
    console.event(Event("note", "begins", "lab01"))
    for done in range(0, 50_000_001, 10_000_000):
        meter(Progress("send", "kafka-[b]3.9.1", "lab01", done, 50_000_000, "bytes"))
        until_shown(console)
    meter(Progress("send", "kafka-[b]3.9.1", "lab01", over=True))
    meter(Progress("start", "broker-1", "lab01"))
    until_shown(console)
    console.event(Event("waiting", "waiting for broker-1 to open its port", "lab01"))
    if ends == "error":
        raise fail("refused", "it broke")
    if ends == "bug":
        1 / 0
    if ends == "signal":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    meter(Progress("register", "broker-1", "lab01"))
    change = Change(Id("lab01", "service", "broker-1"), "start", None, None)
    console.event(Event("done", host="lab01", change=change, seconds=1.5))
    if ends == "done":
        meter(Progress("", "broker-1", "lab01", over=True))
    console.answer("the answer")
    return Report("one")


ends = sys.argv.pop(1)
for module in (drift, validate):
    module.VERB = replace(module.VERB, story=story)
from provisioner.cli import main

try:
    code = main(sys.argv[1:])
finally:
    if os.environ.get("IMPORTED"):
        open(os.environ["IMPORTED"], "w").write(str("rich" in sys.modules))
sys.exit(code)
'''
ENDS = ["done", "left", "error", "bug"]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def piped(script: Path, *argv: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Both streams into one pipe."""
    return subprocess.run(
        [sys.executable, str(script), *argv],
        cwd=script.parent,
        env={**clean_environment(script.parent), "LANG": "C.UTF-8", **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )


def terminal(script: Path, *argv: str, **env: str) -> str:
    said = on_a_terminal(
        script.parent, *argv, program=[sys.executable, str(script)], LANG="C.UTF-8", **env
    )
    return said.decode()


@pytest.mark.parametrize("ends", [*ENDS, "signal"])
def test_a_terminal_keeps_the_lines_of_a_pipe_and_has_its_cursor(script: Path, ends: str) -> None:
    plain = piped(script, ends, "validate", "one.yaml").stdout
    assert "\x1b" not in plain
    assert "  lab01: kafka-[b]3.9.1: 20 of 50 MB\n" in plain
    sent = terminal(script, ends, "validate", "one.yaml")
    assert "MB/s" in re.sub(r"\x1b\[[0-9;]*m", "", sent)
    assert "starting" in sent
    assert "\x1b[?25l" in sent
    assert cursor_shown(sent)
    assert screen(sent, 1000) == plain.splitlines()


def test_several_clusters_share_the_lines(script: Path) -> None:
    argv = ("done", "validate", "one.yaml", "two.yaml")
    plain = piped(script, *argv).stdout
    assert "two.yaml:   lab01: kafka-[b]3.9.1: 20 of 50 MB\n" in plain
    sent = terminal(script, *argv)
    assert re.search(r"one\.yaml: broker-1 on lab01 +starting", re.sub(r"\x1b\[[\d;]*m", "", sent))
    assert cursor_shown(sent)
    assert sorted(screen(sent, 1000)) == sorted(plain.splitlines())


def test_without_colours_the_lines_move_all_the_same(script: Path) -> None:
    sent = terminal(script, "done", "validate", "one.yaml", NO_COLOR="1")
    assert "starting" in sent
    assert not re.search(r"\x1b\[(?:3|4|9|10)\d", sent)
    assert screen(sent, 1000) == piped(script, "done", "validate", "one.yaml").stdout.splitlines()


QUIET = [
    ("validate", "dumb", ()),
    ("validate", "xterm", ("--json",)),
    ("drift", "xterm", ("--format", "markdown")),
    ("drift", "xterm", ("--output", "answer.txt")),
]


@pytest.mark.parametrize(("verb", "term", "argv"), QUIET)
def test_nothing_moves_for_a_document_a_file_or_a_dumb_terminal(
    script: Path, verb: str, term: str, argv: tuple[str, ...]
) -> None:
    sent = terminal(script, "done", verb, "one.yaml", *argv, TERM=term, NO_COLOR="1")
    assert "\x1b" not in sent
    assert "\r\n  lab01: kafka-[b]3.9.1: 20 of 50 MB\r\n" in sent


def test_what_draws_is_imported_on_a_terminal_only(script: Path, tmp_path: Path) -> None:
    found = tmp_path / "imported"
    for ends in ENDS:
        piped(script, ends, "validate", "one.yaml", IMPORTED=str(found))
        assert found.read_text() == "False"
    terminal(script, "done", "validate", "one.yaml", "--json", IMPORTED=str(found))
    assert found.read_text() == "False"
    terminal(script, "done", "validate", "one.yaml", IMPORTED=str(found))
    assert found.read_text() == "True"


LOOKS = """
import sys
from provisioner.cli import main
main(sys.argv[1:])
print("rich" in sys.modules)
"""


@pytest.mark.parametrize("verb", ["validate", "plan", "drift", "status", "verify", "log", "hosts"])
def test_a_verb_that_only_looks_imports_nothing_that_draws(spec: Path, verb: str) -> None:
    script = spec.parent / "looks.py"
    script.write_text(LOOKS)
    assert terminal(script, verb, spec.name).rstrip().endswith("False")


EVERYTHING = """
import importlib, pkgutil, sys
import provisioner
for module in pkgutil.walk_packages(provisioner.__path__, "provisioner."):
    if module.name not in ("provisioner.__main__", "provisioner.report.region"):
        importlib.import_module(module.name)
assert "rich" not in sys.modules
import provisioner.report.region
assert "rich" in sys.modules
"""


def test_one_module_imports_what_draws() -> None:
    done = subprocess.run([sys.executable, "-c", EVERYTHING], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
