"""The judge of the ledger: a history in which all is well is clean, and every anomaly is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger import checker
from tests.ledger.checker import STALLED, Gap, Verdict, check
from tests.ledger.history import (
    Acknowledged,
    Assigned,
    Audit,
    Committed,
    Ended,
    Event,
    Failed,
    History,
    Message,
    Outcome,
    Place,
    Read,
    Sent,
)

HERE, THERE = Place("orders", 0), Place("orders", 1)
ENDS: tuple[Outcome, ...] = ("committed", "committed", "aborted", "unknown")


class Story:
    """A history in which all is well, and what Kafka then has."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.kept: dict[Place, dict[int, Message]] = {HERE: {}, THERE: {}}
        self.numbers: dict[str, int] = {}
        self.ends: dict[Place, int] = {HERE: 0, THERE: 0}
        self.position: dict[Place, int] = {HERE: 0, THERE: 0}
        self.time = 0.0

    def write(self, writer: str, place: Place, transaction: str = "", there: bool = True) -> None:
        number = self.numbers[writer] = self.numbers.get(writer, -1) + 1
        message, offset = Message(writer, number), self.ends[place]
        self.time += 0.1
        self.events += [
            Sent(message, place, transaction),
            Acknowledged(self.time, message, place, offset),
        ]
        if there:
            self.kept[place][offset] = message
        self.ends[place] += 1

    def transaction(self, name: str, outcome: Outcome, there: bool, places: list[Place]) -> None:
        for place in places:
            self.write("payer", place, name, there=there)
        for place in set(places):
            self.ends[place] += 1  # its marker
        self.events.append(Ended(name, outcome))

    def read(self, reader: str, *, commit: bool, fresh: bool) -> None:
        """``fresh``: the group was dealt anew, and goes on where it committed."""
        if fresh:
            self.events.append(Assigned(reader, "readers", (HERE, THERE)))
            self.position |= self.committed()
        for place, kept in self.kept.items():
            for offset in sorted(kept):
                if offset >= self.position[place]:
                    self.events.append(Read(reader, "readers", place, offset, kept[offset]))
            self.position[place] = self.ends[place]
            if commit:
                self.events.append(Committed(reader, "readers", place, self.ends[place]))

    def committed(self) -> dict[Place, int]:
        found = {HERE: 0, THERE: 0}
        for event in self.events:
            if isinstance(event, Committed):
                found[event.place] = event.offset
        return found

    def audit(self) -> Audit:
        stored = {("readers", place): offset for place, offset in self.committed().items()}
        return Audit(self.kept, stored)

    def verdict(self) -> Verdict:
        return check(self.events, self.audit(), "story")


def story() -> Story:
    """One with something of everything in it."""
    made = Story()
    made.read("r1", commit=False, fresh=True)
    for place in (HERE, THERE, HERE):
        made.write("a", place)
        made.write("b", place)
    made.transaction("t1", "committed", True, [HERE, THERE, HERE])
    made.read("r1", commit=True, fresh=False)
    made.transaction("t2", "aborted", False, [HERE, THERE])
    made.transaction("t3", "unknown", True, [HERE, THERE])
    made.write("a", HERE)
    made.read("r2", commit=True, fresh=True)
    return made


@st.composite
def stories(draw: st.DrawFn) -> Story:
    made = Story()
    made.read("r1", commit=False, fresh=True)
    places = st.sampled_from([HERE, THERE])
    for step in range(draw(st.integers(0, 20))):
        match draw(st.sampled_from(["write", "write", "transaction", "read"])):
            case "write":
                made.write(draw(st.sampled_from("ab")), draw(places))
            case "transaction":
                outcome = draw(st.sampled_from(ENDS))
                there = outcome == "committed" or (outcome == "unknown" and draw(st.booleans()))
                made.transaction(f"t{step}", outcome, there, draw(st.lists(places, min_size=1)))
            case _:
                fresh = draw(st.booleans())
                reader = draw(st.sampled_from(["r1", "r2"])) if fresh else "r1"
                made.read(reader if fresh else "r1", commit=draw(st.booleans()), fresh=fresh)
                if fresh and reader != "r1":
                    made.events.append(Assigned("r1", "readers", (HERE, THERE)))
                    made.position |= made.committed()
    return made


@given(stories())
def test_where_all_is_well_nothing_is_found(made: Story) -> None:
    verdict = made.verdict()
    assert verdict.clean, str(verdict)


def only(made: Story) -> set[str]:
    return set(made.verdict().anomalies)


def plain(made: Story) -> list[tuple[Place, int]]:
    """Where messages are that were acknowledged outside of a transaction."""
    return [(p, o) for p, kept in made.kept.items() for o, m in kept.items() if m.writer in "ab"]


@given(stories(), st.data())
def test_whichever_message_is_missing_it_is_found(made: Story, data: st.DataObject) -> None:
    candidates = plain(made)
    if not candidates:
        return
    place, offset = data.draw(st.sampled_from(candidates))
    gone = made.kept[place].pop(offset)
    (case,) = made.verdict().anomalies["lost"]
    assert case.startswith(str(gone))


@given(stories(), st.data())
def test_whichever_message_is_there_twice_it_is_found(made: Story, data: st.DataObject) -> None:
    candidates = plain(made)
    if not candidates:
        return
    place, offset = data.draw(st.sampled_from(candidates))
    made.kept[place][made.ends[place]] = made.kept[place][offset]
    assert "duplicated" in only(made)


def test_two_messages_that_changed_places() -> None:
    made = story()
    first, second = [o for o in sorted(made.kept[HERE]) if made.kept[HERE][o].writer == "a"][:2]
    kept = made.kept[HERE]
    kept[first], kept[second] = kept[second], kept[first]
    assert {"out of order", "moved", "vanished"} == only(made)


def test_a_reader_that_goes_back_without_being_told_to() -> None:
    made = story()
    again = next(event for event in made.events if isinstance(event, Read))
    made.events.append(replace(again, reader="r2"))
    assert only(made) == {"out of order"}


def test_one_that_is_told_to_begin_anew_may() -> None:
    made = Story()
    made.read("r1", commit=False, fresh=True)
    made.write("a", HERE)
    made.read("r1", commit=False, fresh=False)
    made.read("r1", commit=True, fresh=True)
    assert made.verdict().clean
    assert made.verdict().read == 2


def test_a_group_that_begins_before_what_it_committed() -> None:
    made = story()
    made.events.append(Assigned("r3", "readers", (HERE,)))
    offset = min(made.kept[HERE])
    made.events.append(Read("r3", "readers", HERE, offset, made.kept[HERE][offset]))
    assert only(made) == {"commit went back"}


def test_commits_that_go_down() -> None:
    made = story()
    made.events.append(Committed("r2", "readers", HERE, 1))
    audit = Audit(made.kept, {("readers", HERE): 99})
    cases = check(made.events, audit).anomalies["commit went back"]
    assert cases == [f"r2 committed 1 of orders-0 after {made.ends[HERE]}"]


def test_a_commit_that_kafka_forgot() -> None:
    made = story()
    found = check(made.events, Audit(made.kept, {("readers", HERE): 2})).anomalies
    assert set(found) == {"commit went back"}
    assert found["commit went back"] == [
        f"readers committed {made.ends[HERE]} of orders-0, Kafka has 2"
    ]


def test_a_message_that_no_member_of_the_group_read() -> None:
    made = story()
    dropped = next(event for event in made.events if isinstance(event, Read))
    made.events.remove(dropped)
    assert only(made) == {"skipped by a group"}


def test_a_transaction_that_was_aborted_and_is_read() -> None:
    made = Story()
    made.read("r1", commit=False, fresh=True)
    made.transaction("t", "aborted", True, [HERE])
    made.read("r1", commit=True, fresh=False)
    (read, there) = made.verdict().anomalies["aborted and read"]
    assert read == "r1 read payer.0 from orders-0:0"
    assert there == "payer.0 is in orders-0 at 0"


def test_a_part_of_a_transaction() -> None:
    made = story()
    last = max(o for o in made.kept[THERE] if made.kept[THERE][o].writer == "payer")
    del made.kept[THERE][last]
    assert "torn transaction" in only(made)
    assert made.verdict().anomalies["torn transaction"] == ["t3: 1 of 2 messages are there"]


def test_a_part_of_one_that_was_committed_is_lost() -> None:
    made = Story()
    made.transaction("t", "committed", True, [HERE, THERE])
    del made.kept[THERE][0]
    assert only(made) == {"lost"}


def test_what_was_read_and_then_replaced() -> None:
    """A leader that had not all of it came up, and others wrote at the same offsets."""
    made = Story()
    made.read("r1", commit=False, fresh=True)
    made.events += [Sent(Message("a", 0), HERE), Read("r1", "readers", HERE, 0, Message("a", 0))]
    made.kept[HERE][0] = Message("b", 0)
    assert only(made) == {"vanished"}


def test_what_was_acknowledged_after_the_audit_began_need_not_be_in_it() -> None:
    made = story()
    audit, known = made.audit(), len(made.events)
    kept = Audit({p: dict(k) for p, k in audit.kept.items()}, audit.stored)
    made.write("a", HERE)
    made.events.append(Committed("r2", "readers", HERE, made.ends[HERE]))
    assert check(made.events, kept, known=known).clean
    assert set(check(made.events, kept).anomalies) == {"lost", "commit went back"}


def test_the_longest_gap_of_each_partition_to_the_end() -> None:
    def at(seconds: float, place: Place) -> Acknowledged:
        return Acknowledged(seconds, Message("a", int(seconds * 10)), place, int(seconds * 10))

    events = [at(10.0, HERE), at(10.5, THERE), at(13.5, HERE), at(14.0, HERE)]
    audit = Audit({HERE: {100: Message("a", 100), 135: Message("a", 135), 140: Message("a", 140)}})
    gaps = check(events, audit).gaps
    assert (gaps[HERE].seconds, gaps[HERE].began) == (3.5, 0.0)
    # Nothing more came of the other one while this one went on.
    assert (gaps[THERE].seconds, gaps[THERE].began) == (3.5, 0.5)
    verdict = check(events, audit, since=2)
    assert verdict.longest == pytest.approx(0.5)
    assert "lost 1, duplicated 0, out of order 0; longest gap 0.50 s" in str(verdict)


def test_a_value_and_its_message() -> None:
    assert Message.of(b"a.7") == Message.of("a.7") == ("a", 7)
    assert str(Message("a", 7)) == "a.7"
    with pytest.raises(ValueError, match="no writer of the ledger made b'7'"):
        Message.of(b"7")


def test_every_event_is_a_line_of_the_file(tmp_path: Path) -> None:
    history = History(tmp_path / "ledger.jsonl")
    history.add(Sent(Message("a", 0), HERE), Ended("t", "aborted"))
    history.close()
    first, second = (tmp_path / "ledger.jsonl").read_text().splitlines()
    assert first == (
        '{"event": "Sent", "message": ["a", 0], "place": ["orders", 0], "transaction": ""}'
    )
    assert '"outcome": "aborted"' in second
    assert len(history.events()) == 2


@pytest.mark.parametrize(
    ("outcome", "given_up"), [("committed", 1), ("aborted", 1), ("unknown", 0), (None, 0)]
)
def test_a_message_of_a_transaction_that_was_given_up_is_not_counted(
    outcome: Outcome | None, given_up: int
) -> None:
    ended = [] if outcome is None else [Ended("t", outcome)]
    message = Message("payer", 0)
    events = [Sent(message, HERE, "t"), Failed(message, "expired"), *ended]
    assert check(events, Audit({HERE: {}}, {})).failed == given_up


def test_a_message_that_was_given_up_is_counted() -> None:
    message = Message("a", 0)
    events = [Sent(message, HERE, ""), Failed(message, "expired")]
    assert check(events, Audit({HERE: {}}, {})).failed == 1


def test_what_a_test_of_a_change_accepts() -> None:
    checker.kept(Verdict("slow", {}, {HERE: Gap(STALLED + 1, 0.0)}))
    checker.clean(Verdict("well", {}, {HERE: Gap(STALLED, 0.0)}))
    for wrong in (Verdict("lost", {"lost": ["a-0"]}, {}), Verdict("given up", {}, {}, failed=1)):
        with pytest.raises(AssertionError):
            checker.kept(wrong)
        with pytest.raises(AssertionError):
            checker.clean(wrong)
    with pytest.raises(AssertionError):
        checker.clean(Verdict("slow", {}, {HERE: Gap(STALLED + 1, 0.0)}))
