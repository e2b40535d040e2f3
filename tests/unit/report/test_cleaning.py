"""What reaches a terminal or a document, whoever wrote it."""

from __future__ import annotations

import io
import json
import sys
import unicodedata

import pytest

from provisioner.cleaning import CONTROL, block, clean, json_text, printable
from provisioner.errors import Problem
from provisioner.plan.model import Change, Event, Id, Plan, Refused, Report, UnknownState, Wave
from provisioner.report.formats import json as documents
from provisioner.report.text import Text
from provisioner.verbs.shared.console import Console

NASTY = "a\x1b[2J\x1b]0;owned\x07b\u202ec\u009bd\u2028e\x00f"
FORBIDDEN = {
    chr(code)
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) in ("Cc", "Cf", "Zl", "Zp")
} - {"\n", "\t"}


def test_the_list_of_format_characters_is_whole() -> None:
    assert {c for c in FORBIDDEN if not CONTROL.match(c)} == set()
    spoken = [chr(c) for c in range(0x20, 0x7F)] + ["é", "日", "ا", "\t"]
    assert not any(CONTROL.match(c) for c in spoken)


def test_foreign_text_is_one_line() -> None:
    assert clean(NASTY) == "ab?c?d?e?f"
    assert clean("one\n  ✓ broker-0: all is well\n") == "one ⏎   ✓ broker-0: all is well"


def test_foreign_lines_cannot_be_taken_for_ours() -> None:
    text = block("ended\n  ✓ start broker-1 (0.1 s)\nin sync: nothing to change")
    assert text.split("\n")[1:] == [
        "    | ✓ start broker-1 (0.1 s)",
        "    | in sync: nothing to change",
    ]


def test_only_our_own_colours_reach_a_stream() -> None:
    painted = Text(True).paint("ok", "green")
    assert printable(painted, True) == painted
    assert printable(painted, False) == "ok"
    assert "\x1b" not in printable("\x1b[5m\x1b[2J\x1b]0;x\x07", True)


@pytest.mark.parametrize("where", ["say", "answer"])
def test_nothing_acts_on_a_terminal(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last gate: also what nobody cleaned before, such as the name of a host."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", out)
    console = Console(False, prefix=NASTY + ": ")
    getattr(console, where)(NASTY)
    assert not FORBIDDEN & set(out.getvalue())


def everything(text: str) -> Report:
    """A report in which every text is ``text``."""
    id = Id("h" + text, "file", text)
    change = Change(id, "update", {text: text}, {text: (text,)}, (text,), reason=text)
    plan = Plan(
        waves=(Wave(1, (change,)),),
        refused=(Refused(id, text, None, change),),
        unread=(UnknownState(id, text),),
    )
    report = Report("c", target=text, plan=plan)
    report.failed.append((change, text))
    report.errors = (text,)
    return report


def test_a_document_has_no_secret_and_nothing_for_a_terminal() -> None:
    text = NASTY + " -Djavax.net.ssl.trustStorePassword=hunter2"
    problem = Problem("internal", text, text)
    body = documents.document("plan", 0, [everything(text)], [problem])
    found = documents.text(body)
    assert "hunter2" not in found
    assert not FORBIDDEN & set(found)
    assert json.loads(found)["clusters"][0]["target"].startswith(NASTY)


def test_a_plan_as_text_has_no_secret() -> None:
    text = "KEY_PASSWORD=hunter2 "
    report = everything(text)
    assert report.plan is not None
    shown = Text(verbose=True).plan(report.plan)
    shown += Text().event(Event("failed", text, change=report.plan.changes[0]))
    shown += Text().event(Event("note", text)) + Text().problem(Problem("internal", text, text))
    assert "hunter2" not in shown


def test_escapes_are_json() -> None:
    text = json.dumps({"a": "\u202e\U000e0001é"}, ensure_ascii=False)
    assert json.loads(json_text(text)) == json.loads(text)
    assert "é" in json_text(text)
