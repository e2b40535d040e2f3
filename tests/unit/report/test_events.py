"""Each thing that a run tells has its sentence, and no sentence is left over."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import provisioner
from provisioner.plan.model import Event
from provisioner.report.events import WORDS, words
from provisioner.report.status import recoveries

SOURCE = Path(provisioner.__file__).parent


def test_what_is_told_has_a_sentence() -> None:
    files = [path for part in ("run", "site", "drill") for path in (SOURCE / part).glob("*.py")]
    texts = [path.read_text() for path in files]
    told = {about for text in texts for about in re.findall(r'about="([\w-]+)"', text)}
    assert told == set(WORDS)


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (Event("waiting", about="thing", subject="broker 1"), "waiting for broker 1"),
        (Event("waiting", "atu-0", about="gate", subject="broker-1"), "broker-1 waits: atu-0"),
        (
            Event("wave", counts=(("create", "2 files"), ("update", "1 topic"))),
            "create 2 files, update 1 topic",
        ),
        (Event("note", "{subject} as a host says it"), "{subject} as a host says it"),
        (Event("note", "{message}", about="kafka"), "waiting for Kafka to answer: {message}"),
    ],
)
def test_sentences(event: Event, said: str) -> None:
    assert words(event) == said


def test_how_much_is_missing_is_told_where_it_is_known() -> None:
    waits = Event("waiting", "a-0 is late", about="gate", subject="broker-1")
    assert words(waits) == "broker-1 waits: a-0 is late"
    told = words(replace(waits, behind=(1, None)))
    assert told == "broker-1 waits: a-0 is late (1 partition behind)"
    told = words(replace(waits, behind=(3, 1_200_000_000)))
    assert told == "broker-1 waits: a-0 is late (3 partitions, 1.2 GB behind)"
    told = words(replace(waits, behind=(3, 1_200_000_000), seconds=24.4))
    assert told == "broker-1 waits: a-0 is late (3 partitions, 1.2 GB behind, about 24 s)"


def test_a_recovery_is_told_by_node() -> None:
    brokers = [
        {"id": 1, "recovering": {"done": 312, "total": 2040, "unit": "segments"}},
        {"id": 2, "recovering": None},
    ]
    assert recoveries(brokers) == ["  broker-1 starts: recovering 312 of 2,040 segments"]
