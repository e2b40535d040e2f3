"""A run's requests and lock checks grow by chunks, not by topics."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from provisioner.kafka.port import KafkaRefused
from provisioner.kafka.requests.configs import AlterTopicConfig
from provisioner.kafka.requests.request import Request
from provisioner.plan.model import Change, Id
from provisioner.run.records import pieces
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run import model_run
from tests.unit.run.model_run import ModelActor, ModelKafka, ModelSession, converged, session


@dataclass
class Counts:
    """What a run did: exchanges with Kafka, requests in them, lock checks, batches of hosts."""

    exchanges: int = 0
    requests: int = 0
    locks: int = 0
    batches: int = 0
    names: list[str] = field(default_factory=list)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    found = Counts()
    send_all, act = ModelKafka.send_all, ModelActor.act

    def counted(kafka: ModelKafka, requests: Sequence[Request]) -> list[KafkaRefused | None]:
        found.exchanges += 1
        found.requests += len(requests)
        return send_all(kafka, requests)

    def acted(actor: ModelActor, batch: Any) -> Any:
        found.batches += 1
        return act(actor, batch)

    def holds(run: ModelSession) -> bool:
        found.locks += 1
        return True

    monkeypatch.setattr(ModelKafka, "send_all", counted)
    monkeypatch.setattr(ModelActor, "act", acted)
    monkeypatch.setattr(ModelSession, "holds_lock", holds)
    return found


def with_topics(number: int, spec: str = "kraft") -> ModelCluster:
    """A cluster in sync whose spec has so many topics more."""
    model = ModelCluster.made(spec)
    first = model.spec.topics[0]
    more = tuple(replace(first, name=f"more-{n}", config={"x": "1"}) for n in range(number))
    model.spec = replace(model.spec, topics=(*model.spec.topics, *more))
    model.site.spec = model.spec
    return model


@pytest.mark.parametrize(("topics", "chunks"), [(10, 1), (500, 1), (600, 2), (1200, 3)])
def test_topics_are_made_in_chunks(counts: Counts, topics: int, chunks: int) -> None:
    model = with_topics(topics)
    results = converged(model, session(model))
    assert len(results.applied) == topics
    assert not results.failed
    assert counts == Counts(chunks, topics, chunks, counts.batches)
    assert counts.batches <= 4  # lines of the journal
    assert model.plan().in_sync


def test_zookeeper_mode_gets_fewer_at_once(counts: Counts) -> None:
    """Its controller makes one topic after another."""
    model = with_topics(250, "lab")
    assert len(converged(model, session(model)).applied) == 250
    assert (counts.exchanges, counts.locks) == (3, 3)


@pytest.mark.parametrize(("topics", "chunks"), [(10, 1), (600, 2), (1200, 3)])
def test_settings_are_changed_in_chunks(counts: Counts, topics: int, chunks: int) -> None:
    model = with_topics(topics)
    converged(model, session(model))
    for number in range(topics):
        model.topic_config(f"more-{number}", {"x": "2"})
    counts.__init__()  # type: ignore[misc]
    results = converged(model, session(model))
    assert len(results.applied) == topics
    assert (counts.exchanges, counts.locks) == (chunks, chunks)


class Strict(ModelKafka):
    """Refuses settings of some topics, as a policy of its own may."""

    refused: Sequence[str] = ()

    def send(self, request: Request) -> None:
        if isinstance(request, AlterTopicConfig) and request.name in self.refused:
            raise KafkaRefused("POLICY_VIOLATION", f"topic {request.name}: not you")
        super().send(request)


def test_what_kafka_refuses_of_some_is_said_of_these_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = with_topics(600)
    converged(model, session(model))
    for number in range(600):
        model.topic_config(f"more-{number}", {"x": "2"})
    monkeypatch.setattr(Strict, "refused", ("more-1", "more-10"))
    monkeypatch.setattr(model_run, "ModelKafka", Strict)
    results = converged(model, session(model))
    assert {change.id.name: why for change, why in results.failed} == {
        "more-1": "POLICY_VIOLATION: topic more-1: not you",
        "more-10": "POLICY_VIOLATION: topic more-10: not you",
    }
    assert len(results.applied) == 598
    assert not results.not_started
    left = {change.id for change in model.plan().changes}
    assert left == {change.id for change, _ in results.failed}


def test_a_lost_lock_ends_it_before_the_next_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    model = with_topics(1200)
    held = iter([True, False])
    monkeypatch.setattr(ModelSession, "holds_lock", lambda run: next(held))
    results = converged(model, session(model))
    assert len(results.applied) == 500
    assert ["no longer has the lock" in why for _, why in results.failed] == [True]
    assert len(results.not_started) == 699


# --- the journal --------------------------------------------------------------------------------


def changes(number: int) -> list[Change]:
    return [
        Change(Id("", "topic", f"{n:05}{'x' * 200}"), "create", None, {}) for n in range(number)
    ]


def test_lines_of_the_journal_stay_below_what_a_command_takes() -> None:
    """Linux: 131,072 bytes of one argument."""
    every = changes(3000)
    noted = {str(every[7].id): {str(n): [1, 2, 3] for n in range(10_000)}}
    found = list(pieces(every, noted))
    assert [change for some, _ in found for change in some] == every
    known: dict[str, object] = {}
    for some, of_some in found:
        line = json.dumps([[str(change.id) for change in some], of_some])
        assert len(line) < 110_000
        for values in of_some.values():
            known |= values
    assert known == noted[str(every[7].id)]


def test_few_changes_are_one_line() -> None:
    assert len(list(pieces(changes(3), {}))) == 1
    assert list(pieces((), {})) == [([], {})]
