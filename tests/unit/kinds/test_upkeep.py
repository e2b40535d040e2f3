"""A throttle while replicas move: set again where it was taken away, raised where it is too low."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.kafka.port import (
    DYNAMIC_BROKER,
    BrokerView,
    ClusterView,
    ConfigEntry,
    LogDirView,
    PartitionView,
    TopicView,
)
from provisioner.kafka.requests.reassignments import ListReassignments, Moving
from provisioner.kinds.ids import throttle_id
from provisioner.kinds.throttle.kind import LISTS, RATES, read
from provisioner.kinds.throttle.upkeep import inflow, upkeep
from provisioner.plan.model import Change, State
from tests.unit.plan.model_cluster import spec_of

MB = 1_000_000
SET: dict[str, Any] = {"broker-0": MB, "broker-1": MB, "topic-atu": ("0:0", "0:1")}
NOTED = {str(throttle_id()): (SET,)}


def view(
    rates: Mapping[int, int | None], size: int = 0, lists: bool = True, noted: Any = NOTED
) -> ClusterView:
    """Partition 0 of atu goes from broker 0, which leads it, to broker 1 as well."""

    def configs(rate: int | None) -> dict[str, ConfigEntry]:
        layers = ((DYNAMIC_BROKER, str(rate)),) if rate else ()
        return {k: ConfigEntry(None, DYNAMIC_BROKER, False, False, layers) for k in RATES}

    config = dict(zip(LISTS, SET["topic-atu"], strict=True)) if lists else {}
    topic = TopicView("atu", False, (PartitionView(0, 0, (0,), (0,), adding=(1,)),), config)
    return ClusterView(
        "id",
        0,
        tuple(BrokerView(id, "localhost", 9092 + id) for id in rates),
        (topic,),
        {id: configs(rate) for id, rate in rates.items()},
        log_dirs={0: (LogDirView("/logs", size, partitions={("atu", 0): size}),)},
        answers={ListReassignments(): {("atu", 0): Moving((0, 1), adding=(1,), removing=())}},
        noted=noted,
    )


def mended(now: ClusterView, first: ClusterView | None = None, seconds: float = 0.0) -> Any:
    spec = spec_of("lab")
    return upkeep(throttle_id(), State(SET), read(now, spec), now, first or now, seconds)


def test_nothing_is_done_where_it_is_as_it_was_set() -> None:
    assert mended(view({0: MB, 1: MB})) is None


def test_what_somebody_took_away_is_set_again() -> None:
    """Kafka's own tool removes the rates of all brokers."""
    change = mended(view({0: None, 1: None}))
    assert isinstance(change, Change)
    assert change.after == {"broker-0": MB, "broker-1": MB}
    assert "somebody removed the replication throttle of broker-0, broker-1" in change.reason
    assert mended(view({0: MB, 1: MB}, lists=False)).after == {"topic-atu": SET["topic-atu"]}
    assert mended(view({0: None, 1: None}, lists=False)).after == SET


def test_a_broker_that_is_away_and_a_topic_that_is_gone_are_not_told() -> None:
    assert mended(view({0: MB})) is None
    assert mended(replace(view({0: MB, 1: MB}, lists=False), topics=())) is None


def test_what_somebody_else_has_set_stays() -> None:
    assert mended(view({0: MB, 1: 7 * MB})) is None


def test_a_rate_below_what_is_written_is_raised_and_both_are_said() -> None:
    first, now = view({0: MB, 1: MB}, 10 * MB), view({0: MB, 1: MB}, 30 * MB)
    assert inflow(now, first, 10.0) == 2 * MB
    assert mended(now, first, 2.0) is None
    change = mended(now, first, 10.0)
    assert change.after == {"broker-0": 3 * MB, "broker-1": 3 * MB}
    assert change.reason == (
        "the rate of 1.0 MB/s is below 1.5 × the 2.0 MB/s that are written to what moves: "
        "raised to 3.0 MB/s"
    )
    slower = view({0: MB, 1: MB}, 16 * MB)
    assert mended(slower, first, 10.0) is None
    assert mended(first, now, 10.0) is None  # retention deletes meanwhile


def test_what_is_written_to_a_broker_that_is_filled_counts_for_it_and_for_the_leader() -> None:
    def filled(size: int) -> ClusterView:
        partition = PartitionView(0, 0, (0, 1, 2), (0, 2))
        topic = TopicView("atu", False, (partition,))
        answers: Any = {ListReassignments(): {}}
        return replace(view({0: MB, 1: MB}, size), topics=(topic,), answers=answers)

    assert inflow(filled(10 * MB), filled(0), 10.0) == 2 * MB, "two follow the leader"
    whole = replace(filled(10 * MB), noted={str(throttle_id()): (SET, {"over": 1})})
    assert inflow(whole, filled(0), 10.0) == 0
