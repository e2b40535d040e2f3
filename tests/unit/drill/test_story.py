"""Steps as they are told: each once, when it has ended, whatever ended it."""

from __future__ import annotations

import pytest

from provisioner.drill import phrases as drill_phrases
from provisioner.drill.account import Account, Moved
from provisioner.drill.story import Outcome, Story
from provisioner.kafka.port import PartitionView
from provisioner.plan.model import Line
from provisioner.report.drill import told
from provisioner.report.text import Text
from provisioner.run.results import Interrupted

GOOD = Account(6, 0, 0, 0, False, (4, 6, 1, 3))


def test_a_step_is_told_when_it_has_ended() -> None:
    heard: list[Line] = []
    story = Story(heard.append)
    with story.step("stop", "why") as line:
        line.detail = "broker-1 is stopped"
        assert heard == []
    assert [(each.name, each.ok, each.detail) for each in heard] == [
        ("stop", True, "broker-1 is stopped")
    ]
    assert story.lines == heard
    assert story.ok


def test_a_step_that_fails_is_told_and_fails() -> None:
    story = Story(lambda line: None)
    with pytest.raises(RuntimeError), story.step("read"):
        raise RuntimeError("not all came")
    assert (story.lines[0].ok, story.lines[0].detail) == (False, "not all came")
    assert not story.ok


def test_an_interrupted_step_says_what_follows() -> None:
    story = Story(lambda line: None)
    with pytest.raises(Interrupted), story.step("goes-on"):
        raise Interrupted(2)
    assert story.lines[0].detail == "interrupted: healing now"


def test_lost_counts_what_was_there_before_too() -> None:
    assert Outcome().lost is None
    assert Outcome(account=GOOD).lost == 0
    assert Outcome(account=Account(6, 2, 0, 0, None), vanished=3).lost == 5


def test_a_line_has_its_mark_and_below_it_what_it_shows() -> None:
    line = Line("stop", "controlled shutdown", True, 1.24, "broker-1 is stopped")
    assert told(Text(), line) == (
        "  ✓ stop (1.2 s): broker-1 is stopped\n      controlled shutdown"
    )
    line.ok, line.shows = False, ""
    assert told(Text(), line) == "  ✗ stop (1.2 s): broker-1 is stopped"


def test_text_of_others_has_no_control_characters() -> None:
    assert "\x1b" not in told(Text(), Line("stop", detail="a\x1b[31mb"))


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (GOOD, "across partitions they arrived as …, 4, 6, 1, 3, …"),
        (Account(3, 0, 0, 0, None, (0, 1)), "there is one partition, so one order: 0, 1, …"),
        (Account(3, 0, 0, 0, True, (0, 1)), "this time also across partitions, by chance"),
        (Account(3, 0, 0, 1, False, (1, 0)), "order broken"),
    ],
)
def test_order_in_words(account: Account, said: str) -> None:
    assert said in drill_phrases.order(account)


def test_layout_and_moves_name_brokers_not_only_numbers() -> None:
    """The sheet's readers take describe's partition numbers for brokers."""
    layout = drill_phrases.layout({0: PartitionView(0, 2, (2, 0), (2, 0))})
    assert layout == "partition 0 led by broker 2, replicas on 2, 0"
    assert drill_phrases.moves([Moved("purchases", 1, 1, 2)]) == "purchases-1: broker 1 → 2"
