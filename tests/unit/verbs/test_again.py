"""The commands that a person is told to go on with mean the same cluster, and can be copied."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from provisioner.plan.model import Id, Plan, Report, UnknownState
from provisioner.verbs.shared import arguments
from provisioner.verbs.shared.command import _in_words, _rerun
from provisioner.verbs.shared.console import Console
from provisioner.verbs.shared.context import Context, narrowed


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "'my lab.yaml'"),
        (
            "-i 'the inv.yaml' --limit 'kfk[0:1]'",
            "'my lab.yaml' -i 'the inv.yaml' --limit 'kfk[0:1]'",
        ),
    ],
)
def test_a_spec_is_named_as_it_was_given(given: str, words: str) -> None:
    args = arguments.parse(["apply", "my lab.yaml", *shlex.split(given)])
    context = Context(Path("my lab.yaml"), Console(False), more=narrowed(args, args.limit))
    assert context.words == words


def test_those_that_failed_are_run_again_with_the_same_inventory() -> None:
    args = arguments.parse(["drift", "a b.yaml", "-i", "inv.yaml", "--each", "lab"])
    bad = [Report("x", target="vm2", exit_code=2), Report("x", target="vm7", exit_code=3)]
    assert _rerun(args, bad) == "provision drift 'a b.yaml' -i inv.yaml --each lab --limit vm2:vm7"


def test_one_line_of_many_says_why_it_cannot_tell() -> None:
    unread = [UnknownState(Id("vm", "service", name), "no route to host") for name in ("a", "b")]
    report = Report("x", exit_code=3, plan=Plan(unread=tuple(unread)))
    assert _in_words(report) == "cannot tell\n  no route to host"
