"""The journals of several hosts as one log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisioner.report.journal import in_short, named, row, units
from provisioner.site.journals import SHOWN, Journals, merged, take


def entry(run: str, seq: int, time: str, host: str = "vm1", **more: Any) -> dict[str, Any]:
    return {"run": run, "seq": seq, "time": f"2026-01-01T00:00:{time}", "host": host, **more}


def test_a_run_keeps_its_own_order_whatever_the_clocks_say() -> None:
    mixed = [
        entry("b", 1, "20"),
        entry("a", 3, "11", "vm1"),
        entry("a", 1, "10", "vm1"),
        entry("a", 2, "59", "vm2"),  # a clock that is ahead
    ]
    assert [(e["run"], e["seq"]) for e in merged(mixed)] == [("a", 1), ("a", 2), ("a", 3), ("b", 1)]


def test_an_intent_and_its_outcome_are_one_unit_for_each_host() -> None:
    changes = ["start vm1/service/broker-1"]
    other = ["start vm2/service/broker-2"]
    found = units(
        [
            entry("a", 1, "10", wave=4, outcome="intent", changes=changes),
            entry("a", 2, "10", "vm2", wave=4, outcome="intent", changes=other),
            entry("a", 4, "10", wave=4, outcome="failed", changes=changes, note="no port"),
            entry("a", 9, "10", wave=1, outcome="done", changes=["create topic/atu"]),
        ]
    )
    assert [(u["host"], u["outcome"]) for u in found] == [
        ("vm1", "failed"),
        ("vm2", "not ended"),
        ("vm1", "done"),
    ]
    assert found[0]["note"] == "no port"


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ("start vm/service/broker-1", ("start", "service", "broker-1")),
        ("create vm/file//opt/kafka/bin", ("create", "file", "/opt/kafka/bin")),
        ("create topic/atu", ("create", "topic", "atu")),
        ("update broker-config/broker-1", ("update", "broker-config", "broker-1")),
    ],
)
def test_a_change_by_its_parts(change: str, parts: tuple[str, str, str]) -> None:
    assert named(change, "vm") == parts


def test_many_changes_are_counted() -> None:
    paths = [f"/opt/kafka/config/server-{n}.properties" for n in range(5)]
    changes = [f"create vm/file/{path}" for path in paths] + ["start vm/service/broker-1"]
    assert in_short(changes, "vm", False) == "create 5 × file; start 1 × service"
    assert in_short(changes, "vm", True).count("create /opt/kafka/config/") == 5
    assert in_short(changes[:1], "vm", False) == "create server-0.properties"
    assert in_short(changes[-1:], "vm", False) == "start broker-1"


def test_older_lines_that_were_left_off_are_said() -> None:
    found = Journals()
    lines = [json.dumps({"run": "a", "seq": number}) for number in (6, 7)]
    take(found, "vm1", ["7", *lines])
    assert found.notes == ["vm1: the first 5 lines are not shown"]
    assert [e["seq"] for e in found.entries] == [6, 7]


@pytest.mark.parametrize("line", ["", "{", "[]", "3", '{"run": "a"}', '{"seq": "x"}'])
def test_what_is_no_line_of_a_journal(line: str) -> None:
    found = Journals()
    take(found, "vm1", ["1", line])
    assert found.entries == []
    assert len(found.notes) == 1


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[1, 2]",
        "5",
        "null",
        "[" * 100_000,
        '{"run": "a"}',
        '{"seq": "x"}',
        '{"seq": Infinity}',
        '{"seq": NaN}',
        '{"seq": 1, "changes": 5}',
        '{"seq": 1, "changes": [5]}',
        '{"seq": 1, "changes": {"a": 1}}',
        '{"seq": 1, "time": 5}',
        '{"seq": 1, "note": {}}',
        '{"seq": 1, "wave": "x"}',
        '{"seq": ' + "9" * 5000 + "}",
        '{"seq": 1, "noted": []}',
        '{"seq": 1, "noted": {"placement/a": 5}}',
        '{"seq": 1, "noted": {"placement/a": {"0": [[1]]}}}',
        '{"seq": 1, "noted": {"placement/a": {"0": {"b": 1}}}}',
    ],
)
def test_a_line_that_is_none_of_ours_is_a_remark(line: str) -> None:
    """Whoever owns the journal can write anything into it."""
    found = Journals()
    take(found, "vm1", ["2", line, json.dumps({"run": "a", "seq": 1, "changes": ["start x/y/z"]})])
    assert [note[:37] for note in found.notes] == ["vm1: a line of the journal is broken:"]
    assert len(found.entries) == 1
    assert [row(unit, True) for unit in units(merged(found.entries))]


def test_many_broken_lines_are_a_few_remarks() -> None:
    found = Journals()
    take(found, "vm1", ["5000", *["x"] * 5000])
    assert len(found.notes) == SHOWN + 1
    assert found.notes[-1] == f"vm1: so are {5000 - SHOWN} more"
