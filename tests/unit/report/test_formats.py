"""The formats for pipelines: pure functions of one document."""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from provisioner.errors import Notice, Problem
from provisioner.plan.model import (
    Change,
    Check,
    Deferred,
    Forecast,
    Id,
    Loss,
    Plan,
    Refused,
    Report,
    UnknownState,
    Unmanaged,
    Wave,
)
from provisioner.report.formats import FORMATS, render
from provisioner.report.formats.json import document
from provisioner.report.formats.markdown import LIMIT
from provisioner.report.text import Text

NOW = 1_700_000_000.25
FILE = Id("vm", "file", "/srv/kafka/config/server-1.properties")
TOPIC = Id("", "topic", "atu")


def differing(name: str = "atu-lab", target: str | None = None) -> Report:
    change = Change(
        FILE,
        "update",
        {"num.io.threads": "8"},
        {"num.io.threads": "4"},
        ("num.io.threads",),
        reason="num.io.threads is '8', not '4'",
    )
    loss = Change(TOPIC, "delete", {}, None, effect="loss", reason="said to be absent")
    plan = Plan(
        (Wave(1, (change, loss)),),
        (Deferred(Id("", "topic", "later"), "the cluster is not up"),),
        (Refused(Id("", "topic", "old"), "would delete 1,204 records", "delete-topic"),),
        (Unmanaged(Id("", "topic", "scratch")), Unmanaged(FILE, ("a.key",))),
        (UnknownState(Id("vm2", "service", "broker-2"), "connection timed out after 10 s"),),
    )
    report = Report(name, target, 2, plan, complete=False, in_sync=False, seconds=0.5)
    report.checks = [
        Check("leaders", True, "every partition has a leader"),
        Check("min-isr", None, "?"),
    ]
    return report


def in_sync(name: str = "calm") -> Report:
    return Report(name, plan=Plan(), in_sync=True, healthy=True)


def shown(format: str, *reports: Report, command: str = "drift", **more: Any) -> str:
    return render(format, document(command, 2, reports, **more), NOW)


@pytest.mark.parametrize("format", FORMATS[1:])
def test_the_same_state_gives_the_same_text(format: str) -> None:
    assert shown(format, differing(), in_sync()) == shown(format, differing(), in_sync())


def test_junit_fails_for_what_differs_and_errs_for_what_is_unknown() -> None:
    root = Xml.fromstring(shown("junit", differing(), in_sync()))
    first, second = root.findall("testsuite")
    counts = {key: first.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "9", "failures": "3", "errors": "2", "skipped": "1"}
    assert first.get("name") == "atu-lab"
    failed = [c.get("name") for c in first.findall("testcase") if c.find("failure") is not None]
    assert failed == [f"vm/file/{FILE.name}", "topic/atu", "topic/old"]
    assert [c.get("name") for c in second.findall("testcase")] == ["in sync"]


@pytest.mark.parametrize("command", ["plan", "status"])
def test_junit_of_a_plan_fails_nothing(command: str) -> None:
    root = Xml.fromstring(shown("junit", differing(), command=command))
    assert not [*root.iter("failure"), *root.iter("error"), *root.iter("skipped")]
    assert len(list(root.iter("testcase"))) == 9


def test_junit_takes_any_text() -> None:
    report = differing("a<b>\"&'\x00\x1b\ud800")
    assert Xml.fromstring(shown("junit", report)).find("testsuite") is not None


def test_junit_has_the_errors_of_a_run_that_came_to_nothing() -> None:
    text = shown("junit", problems=[Problem("invalid-spec", "unknown key", file="a.yaml")])
    (case,) = Xml.fromstring(text).iter("testcase")
    assert case.get("name") == "invalid-spec"
    assert case.find("error") is not None


def series(text: str) -> dict[str, str]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return dict(line.rsplit(" ", 1) for line in lines)


def test_prometheus() -> None:
    found = series(shown("prometheus", differing(target="vm"), in_sync()))
    mine = '{cluster="atu-lab",target="vm"'
    assert found == {
        f'provision_drift{mine},kind="file",action="update"}}': "1",
        f'provision_drift{mine},kind="file",action="unmanaged"}}': "1",
        f'provision_drift{mine},kind="topic",action="delete"}}': "1",
        f'provision_drift{mine},kind="topic",action="refused"}}': "1",
        f'provision_drift{mine},kind="topic",action="unmanaged"}}': "1",
        f"provision_in_sync{mine}}}": "0",
        'provision_in_sync{cluster="calm"}': "1",
        f"provision_complete{mine}}}": "0",
        'provision_complete{cluster="calm"}': "1",
        'provision_healthy{cluster="calm"}': "1",
        f"provision_last_run_timestamp_seconds{mine}}}": "1700000000.250",
        'provision_last_run_timestamp_seconds{cluster="calm"}': "1700000000.250",
    }


def test_prometheus_has_each_series_once() -> None:
    one, two = differing(), differing()
    one.path, two.path = "a.yaml", 'b "2".yaml'
    lines = [x for x in shown("prometheus", one, two).splitlines() if not x.startswith("#")]
    names = [line.rsplit(" ", 1)[0] for line in lines]
    assert len(names) == len(set(names))
    assert 'provision_in_sync{cluster="atu-lab",spec="b \\"2\\".yaml"}' in names


def test_prometheus_says_nothing_of_what_is_not_known() -> None:
    report = Report("gone", exit_code=3, complete=False)
    found = series(shown("prometheus", report))
    assert set(found) == {
        'provision_complete{cluster="gone"}',
        'provision_last_run_timestamp_seconds{cluster="gone"}',
    }


def test_markdown_names_each_thing() -> None:
    text = shown("markdown", differing(), in_sync())
    assert "### `atu-lab`: differs, not all could be read, 1 to delete, 1 to update" in text
    assert "### `calm`: in sync, healthy" in text
    assert "`num.io.threads`: `8` → `4`" in text
    assert "| `-` | delete **loss** | topic `atu` |" in text
    assert "would delete 1,204 records; `--allow delete-topic`" in text
    assert "service `broker-2` on `vm2`: connection timed out after 10 s" in text


def test_markdown_says_a_value_once_and_no_digest() -> None:
    plain = Change(
        TOPIC,
        "update",
        {"retention.ms": "1", "segment.ms": None},
        {"retention.ms": "2", "segment.ms": "3"},
        reason="retention.ms is '1', not '2' and 1 more",
    )
    restart = Change(
        Id("vm", "service", "broker-1"),
        "restart",
        {"running_digest": "aa"},
        {"running_digest": "bb"},
        reason="config files changed since it started",
    )
    plan = Plan((Wave(1, (plain, restart)),))
    warnings = [Notice("topic atu has one copy", "s.yaml", 12, 3), Notice("and 380 more")]
    text = shown("markdown", Report("a", plan=plan, in_sync=False, warnings=warnings))
    rows = [line for line in text.splitlines() if line.startswith("| `~`")]
    assert rows[0].endswith(
        "| topic `atu` | `retention.ms`: `1` → `2`<br>`segment.ms`: `(not set)` → `3` |"
    )
    assert rows[1].endswith(
        "| service `broker-1` on `vm` | config files changed since it started |"
    )
    assert "**Warnings**\n\n- topic atu has one copy (`s.yaml:12`)\n- and 380 more\n" in text


def test_nothing_in_markdown_is_markup_of_a_host() -> None:
    nasty = "`x`|<img src=x>@team #1 [a](b)\n# Title"
    id = Id("h" + nasty, "file", nasty)
    change = Change(id, "update", {nasty: nasty}, {nasty: "b"}, (nasty,), reason=nasty)
    text = shown("markdown", Report(nasty, plan=Plan((Wave(1, (change,)),)), in_sync=False))
    outside = re.sub(r"`[^`\n]*`", "", text)
    assert not {"<img", "@team", "[a]", "#1"} & set(outside.split())
    assert "<img" not in outside
    assert "\n# Title" not in text
    rows = [line for line in text.splitlines() if line.startswith("| `~`")]
    assert len(rows) == 1
    assert rows[0].replace("\\|", "").count("|") == 5


def test_a_comment_is_never_too_long_and_counts_the_rest() -> None:
    ids = [Id("", "topic", f"topic-{n:05}") for n in range(3000)]
    changes = tuple(Change(id, "create", None, {}, reason="not there") for id in ids)
    text = shown("markdown", Report("big", plan=Plan((Wave(1, changes),)), in_sync=False))
    assert len(text) <= LIMIT
    shown_rows = sum(line.startswith("| `+`") for line in text.splitlines())
    left = int(text.splitlines()[-1].split(" and ")[1].split()[0])
    assert shown_rows + left == 3000


def test_what_destroys_data_is_seen_in_every_format() -> None:
    """The effect of the change, and of a refusal the whole word that would permit it."""
    gone = Change(TOPIC, "delete", {}, None, effect="loss", reason="3 records", loss=Loss(3))
    old = Id("", "topic", "old")
    kept = Refused(old, "it would be deleted", "delete-topic", value="old")
    report = Report("lab", plan=Plan((Wave(1, (gone,)),), refused=(kept,)), in_sync=False)
    assert "delete **loss**" in shown("markdown", report)
    assert "--allow delete-topic=old" in shown("markdown", report)
    assert "delete: 3 records [loss]" in shown("junit", report)
    (entry,) = json.loads(shown("json", report))["clusters"]
    assert entry["changes"][0]["effect"] == "loss"
    assert entry["changes"][0]["loss"]["records"] == 3
    assert entry["refused"][0]["allow_value"] == "old"
    plan = Text().plan(Plan((Wave(1, (gone,)),), refused=(kept,)))
    assert "- delete topic atu  [loss]  3 records" in plan
    assert "(--allow delete-topic=old)" in plan
    assert plan.endswith("1 to delete; 1 refused; 1 destroy data: atu")


def test_a_comment_has_the_forecast() -> None:
    report = differing()
    report.forecast = Forecast(
        ("broker-1", "broker-2", "broker-3"),
        (("broker-1", "broker-2"), ("broker-3",)),
        24.0,
        offline=("atu-0",),
        blocked=(("broker-1", "atu-1: broker 2 is *not* in sync"),),
    )
    text = render("markdown", document("plan", 0, [report]), NOW)
    assert "- restarts in this order: `broker-1` + `broker-2`, `broker-3`; about 24 s\n" in text
    assert "- `broker-1` waits: atu-1: broker 2 is &#42;not&#42; in sync\n" in text
    assert "- without a leader meanwhile: `atu-0`\n" in text


def test_a_forecast_that_is_not_known_is_null() -> None:
    report = differing()
    report.forecast = Forecast(("broker-1",), (("broker-1",),), None, untimed=("broker-1",))
    body = document("plan", 0, [report])
    assert body["clusters"][0]["forecast"] == {
        "restarts": ["broker-1"],
        "together": [["broker-1"]],
        "seconds": None,
        "offline": [],
        "blocked": [],
        "moves": {"partitions": 0, "bytes": 0, "seconds": 0.0},
    }
    assert "how long is not known" in render("markdown", body, NOW)
