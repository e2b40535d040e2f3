"""Partitions that nobody leads though their brokers are up."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import provisioner
from provisioner.kafka.port import BrokerView, ClusterView, KafkaRefused, PartitionView, TopicView
from provisioner.kafka.requests.leaders import ElectPreferredLeaders
from provisioner.run import leaderless, settling
from provisioner.run.leaderless import Leaderless
from provisioner.run.session import Session


def view(*leaders: int | None, up: tuple[int, ...] = (1, 2)) -> ClusterView:
    """A topic on brokers 1 and 2, and who leads its partitions."""
    partitions = [PartitionView(n, leader, (1, 2), ()) for n, leader in enumerate(leaders)]
    brokers = tuple(BrokerView(id, "h", 9092) for id in up)
    return ClusterView("id", 1, brokers, (TopicView("atu", False, tuple(partitions)),))


class World:
    """A clock, and a Kafka that is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, refuses: bool = False):
        self.now, self.sent, self.refuses = 0.0, list[Any](), refuses
        clock = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(leaderless, "time", clock)
        self.polled = Leaderless(cast(Session, SimpleNamespace(kafka=self)))

    def send(self, request: ElectPreferredLeaders) -> None:
        self.sent.append(request.partitions)
        if self.refuses:
            raise KafkaRefused("PREFERRED_LEADER_NOT_AVAILABLE", "nobody")

    def see(self, seen: ClusterView, *seconds: float) -> list[Any]:
        for now in seconds:
            self.now = now
            self.polled(seen)
        return self.sent


def test_kafka_is_asked_to_look_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert World(monkeypatch).see(view(1, None, 2), 0, 1, 2) == []
    sent = World(monkeypatch).see(view(1, None, 2), 0, 1, 2, 3, 4, 5)
    assert sent == [(("atu", 1),)]


def test_now_and_then_as_long_as_nobody_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, refuses=True)
    assert world.see(view(None), 0, 3, 4, 6, 9) == [(("atu", 0),)] * 3
    assert world.see(view(1), 12, 15) == world.sent


def test_what_waits_for_a_broker_is_left_to_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    assert World(monkeypatch).see(view(None, up=(1,)), 0, 5, 10) == []


def test_the_wait_of_a_run_looks_for_leaders(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[Any] = []
    monkeypatch.setattr(settling, "settle", lambda *args: waited.extend(args))
    run = cast(Session, SimpleNamespace(site="site", emit=print, stop="stop"))
    settling.wait_in_sync(run, {"broker-1"})
    *others, polled, filled = waited
    assert others == ["site", print, "stop", {"broker-1"}]
    assert filled == frozenset()
    assert isinstance(polled, Leaderless)


HEALTH = "provisioner.site.health"
BARE = {"run/settling.py", "run/canary.py"}
"""A canary is waited for within a roll: none of its log dirs is new."""


def test_whoever_changes_a_cluster_waits_like_that() -> None:
    root = Path(provisioner.__file__).parent
    assert {str(path.relative_to(root)) for path in waiting(root)} == BARE


def waiting(root: Path) -> Iterator[Path]:
    """The files beside the looks of ``site`` that wait without it."""
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            of_health = isinstance(node, ast.ImportFrom) and node.module == HEALTH
            if of_health and "settle" in {name.name for name in cast(Any, node).names}:
                yield path
