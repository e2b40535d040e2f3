"""Each thing that a run tells has its sentence, and no sentence is left over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import provisioner
from provisioner.plan.model import Event
from provisioner.report.events import WORDS, words

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
