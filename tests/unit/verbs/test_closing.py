"""What apply says at its end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.kinds.service.holds import HELD
from provisioner.plan.model import Change, Id, Plan, Refused, Report, UnknownState, Wave
from provisioner.spec.types import Spec, Topic
from provisioner.verbs.shared.console import Console
from provisioner.verbs.shared.context import Context
from provisioner.verbs.shared.summary import closing

BROKER = Id("h", "service", "broker-1")
HOLD = Refused(BROKER, f"{HELD}the disk (provision start ends the hold)")
TOPIC = Refused(Id("", "topic", "old"), "it would lose 3 records", "delete-topic")
START = Change(BROKER, "start", {}, {}, ())
STRANGE = UnknownState(Id("h", "file", "/x"), "permission denied")
START_IT = "to release the hold: provision start x.yaml --node broker-1"
AGAIN = "to continue: provision apply x.yaml"
PERMIT = "to permit what was refused: provision apply x.yaml --allow delete-topic"
OLDER = Refused(Id("", "topic", "older"), "it would be deleted", "delete-topic", value="older")
OLD = Refused(Id("", "topic", "old"), "it would be deleted", "delete-topic", value="old")
CUT = Refused(Id("", "topic", "cut"), "it would keep less", "data-loss")


def said(shown: Plan | None, left: Plan | None, **report: Any) -> str:
    found = Report("one", exit_code=2, plan=shown, **report)
    if left is not None:
        found.verified = left
    context = Context(Path("x.yaml"), Console(False))
    return "\n".join(closing(found, cast(Spec, None), context))


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (Plan(refused=(HOLD,)), [START_IT]),
        (Plan(refused=(HOLD, TOPIC)), [START_IT, PERMIT, AGAIN]),
        (Plan(refused=(TOPIC,)), [PERMIT, AGAIN]),
        (Plan(refused=(OLD, OLDER, CUT)), [f"{PERMIT}=old,older --allow data-loss", AGAIN]),
        (Plan(refused=(OLD,) * 21), [f"{PERMIT}={','.join(['old'] * 20)},…", AGAIN]),
        (Plan(refused=(HOLD,), unread=(STRANGE,)), [START_IT, AGAIN]),
    ],
)
def test_what_was_shown_is_not_shown_again(left: Plan, told: list[str]) -> None:
    assert said(left, left).splitlines() == told


def test_what_is_new_is_shown() -> None:
    text = said(Plan(refused=(TOPIC,)), Plan(refused=(TOPIC, HOLD)))
    assert text.count("it is held: the disk") == 1
    assert text.endswith(f"{START_IT}\n{PERMIT}\n{AGAIN}")
    assert "start service broker-1" in said(Plan(), Plan(waves=(Wave(1, (START,)),)))


def test_what_failed_is_applied_again() -> None:
    text = said(Plan(refused=(HOLD,)), None, failed=[(START, "no")])
    assert text.splitlines() == ["0 done, 1 failed, 0 not started", START_IT, AGAIN]


def test_thousands_of_topics_are_no_line() -> None:
    topics = [Topic(f"t-{number}", 3, 1) for number in range(2000)]
    spec = SimpleNamespace(cluster="one", version="4.2.0", topics=topics, brokers=[], bootstrap=())
    context = Context(Path("x.yaml"), Console(False))
    found = closing(Report("one", exit_code=0), cast(Spec, spec), context)
    (line,) = [line for line in found if "is up" in line]
    assert line.endswith(", t-19 (3 × 1) and 1,980 more")
    assert len(line) < 500
