"""The ledger's own clients, on a library that does not answer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from tests.ledger import clients
from tests.ledger.clients import Payer
from tests.ledger.history import Ended, History, Place


class Producer:
    """Every record is acknowledged; transactions end only if ``answers``, and records are sent only
    if ``sends``."""

    def __init__(self, answers: bool, sends: bool = True):
        self.sends = sends
        result = SimpleNamespace(wait=lambda timeout_ms: answers)
        self._transaction_manager = SimpleNamespace(
            begin_commit=lambda: result, begin_abort=lambda: result
        )
        self._sender = SimpleNamespace(wakeup=lambda: None)

    def begin_transaction(self) -> None:
        pass

    def send(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(
            add_callback=lambda told: told(SimpleNamespace(offset=0)),
            add_errback=lambda told: None,
        )

    def flush(self, timeout: float) -> None:
        if not self.sends:
            raise KafkaTimeoutError


def payer(monkeypatch: pytest.MonkeyPatch, *made_in_turn: Producer) -> tuple[Payer, History]:
    """One with these producers, one after another, and what it records."""
    made, history = list(made_in_turn), History()
    monkeypatch.setattr(Payer, "made", lambda self: made.pop(0))
    monkeypatch.setattr(clients, "end_producer", lambda producer, seconds: None)
    monkeypatch.setattr(Payer, "pace", lambda self, seconds: None)
    return Payer("payer", {}, [Place("paid", 0)], history), history


def outcomes(history: History) -> list[str]:
    return [event.outcome for event in history.events() if isinstance(event, Ended)]


def test_every_fourth_transaction_is_aborted(monkeypatch: pytest.MonkeyPatch) -> None:
    found, history = payer(monkeypatch, Producer(True))
    for _ in range(4):
        found.step()
    assert outcomes(history) == ["committed", "committed", "committed", "aborted"]
    assert found.quiet()


def test_an_end_that_nobody_answers_is_unknown_and_another_producer_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, history = payer(monkeypatch, Producer(False), Producer(True))
    found.step()
    found.step()
    assert outcomes(history) == ["unknown", "committed"]


def test_records_that_are_not_sent_are_given_up_with_their_transaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found, history = payer(monkeypatch, Producer(True, sends=False), Producer(True))
    found.step()
    found.step()
    assert outcomes(history) == ["unknown", "committed"]
