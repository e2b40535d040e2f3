"""Streams: colour, broken pipes, control characters, tracebacks."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.cli.conftest import Provision, clean_environment

RED = b"\x1b[31m"


def on_a_terminal(folder: Path, *argv: str, **env: str) -> bytes:
    """What a terminal gets that is stdout and stderr of the command."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "provisioner", *argv],
            cwd=folder,
            env={**clean_environment(folder), **env},
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        found = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # a pty ends with EIO
                break
            if not part:
                break
            found += part
        process.wait(60)
        return found
    finally:
        os.close(ours)


def test_colour_on_a_terminal(tmp_path: Path) -> None:
    assert RED in on_a_terminal(tmp_path, "validate", "nowhere.yaml")


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_it_is_not_wanted(tmp_path: Path, setting: dict[str, str]) -> None:
    said = on_a_terminal(tmp_path, "validate", "nowhere.yaml", **setting)
    assert b"nowhere.yaml" in said
    assert b"\x1b" not in said


def test_no_colour_into_a_pipe(provision: Provision) -> None:
    ran = provision("validate", "nowhere.yaml")
    assert ran.err
    assert "\x1b" not in ran.err


def test_text_of_a_file_cannot_steer_the_terminal(provision: Provision, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text('cluster: "a\\x1b]0;owned\\x07b"\n"\\x1b[5mkey": 1\n')
    ran = provision("validate", "bad.yaml")
    assert ran.code == 1
    assert not set(ran.out + ran.err) & {"\x1b", "\x07"}


@pytest.mark.parametrize("argv", [["schema"], ["--help"], ["validate", "one.yaml"]])
def test_a_reader_that_has_gone(spec: Path, argv: list[str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "provisioner", *argv],
            cwd=spec.parent,
            env=clean_environment(spec.parent),
            stdout=theirs,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
        )
    finally:
        os.close(theirs)
    assert done.stderr == ""
    assert done.returncode in (0, 1)


BUG = """
import sys
from provisioner.verbs import validate
from dataclasses import replace
validate.VERB = replace(validate.VERB, story=lambda args, context: 1 / 0)
from provisioner.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run_with_a_bug(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BUG, *argv],
        cwd=folder,
        env=clean_environment(folder),
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_no_traceback_without_debug(spec: Path) -> None:
    done = run_with_a_bug(spec.parent, "validate", spec.name)
    assert done.returncode == 1
    assert "division by zero" in done.stderr
    assert "--debug" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_traceback_with_debug(spec: Path) -> None:
    done = run_with_a_bug(spec.parent, "validate", spec.name, "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
