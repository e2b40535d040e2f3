"""A wait ends for want of progress, and says each thing once."""

from __future__ import annotations

import threading
import time

import pytest

from provisioner.patience import Patience


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_only_what_changed_is_progress(clock: list[float]) -> None:
    patience = Patience(10)
    for mark in ("a", "b"):
        patience.mark(mark)
        clock[0] += 9
        patience.mark(mark)
        assert not patience.is_over
    clock[0] += 2
    assert patience.is_over
    assert (patience.idle, patience.seconds) == (11, 20)
    patience.mark("c")
    assert not patience.is_over


def test_news_are_told_late_and_once(clock: list[float]) -> None:
    patience = Patience(10)
    assert not patience.is_news("a")
    clock[0] += 4
    assert [patience.is_news(what) for what in ("a", "a", "b", "b")] == [True, False, True, False]


def test_a_pause_ends_with_the_signal() -> None:
    stop = threading.Event()
    patience = Patience(10, stop, (0.001, 0.001))
    assert not patience.pause()
    stop.set()
    assert patience.pause()
