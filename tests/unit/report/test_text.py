"""Plans and progress as text."""

from __future__ import annotations

from provisioner.plan.diff import because
from provisioner.plan.model import Change, Event, Id, Plan, UnknownState
from provisioner.report.text import Text


def test_a_text_of_several_lines_is_shown_by_the_lines_that_differ() -> None:
    before, after = (
        {"text": "[Service]\nUser=k\nStop=3\n"},
        {"text": "[Service]\nUser=k\nStop=300\n"},
    )
    id = Id("h", "file", "/etc/u.service")
    change = Change(id, "update", before, after, ("text",), reason=because(before, after))
    assert Text(False).change(change) == [
        "  ~ update file /etc/u.service on h  text differs",
        "      - Stop=3",
        "      + Stop=300",
    ]


def test_each_line_of_a_note_says_where() -> None:
    assert Text(False).event(Event("note", "one\ntwo", "h")) == "  h: one\n  h: two"


def test_what_is_unknown_of_a_host_for_one_reason_is_one_line() -> None:
    lost = [UnknownState(Id("h2", "file", f"/f{n}"), "connection lost") for n in range(12)]
    few = [
        UnknownState(Id("h1", "file", "/g"), "connection lost"),
        UnknownState(Id("", "topic", "t"), "no"),
    ]
    shown = Text().plan(Plan((), unread=(*lost, *few))).splitlines()
    assert shown[:3] == [
        "  ? 12 things on h2 (-v lists them): unknown: connection lost",
        "  ? file /g on h1: unknown: connection lost",
        "  ? topic t: unknown: no",
    ]
    assert len(Text(verbose=True).plan(Plan((), unread=tuple(lost))).splitlines()) == 13
