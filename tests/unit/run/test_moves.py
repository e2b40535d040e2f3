"""Replicas that move: throttle, move, in sync, throttle gone, wherever a run ends."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import Any

import pytest

from provisioner.kafka.port import ClusterView, LogDirView, PartitionView
from provisioner.kafka.requests.reassignments import ListReassignments, Moving
from provisioner.kinds.ids import placement_id, throttle_id, topic_id
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Absent, Change, Plan, Present, State, Unknown
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.plan.test_properties import nothing_left
from tests.unit.run.model_run import Killed, ModelKafka, converged, on_model, runner, session
from tests.unit.run.test_holds import become, holding

PURCHASES = placement_id("purchases")
RATE = "leader.replication.throttled.rate"
LIST = "follower.replication.throttled.replicas"


def thinned(replication: int = 1, partitions: int = 3) -> ModelCluster:
    model = ModelCluster.made("lab")
    model.topic("purchases", partitions, replication, {"retention.ms": "604800000"})
    return model


def done(changes: list[Change]) -> list[str]:
    return [f"{change.action} {change.id}" for change in changes]


def throttled(model: ModelCluster) -> bool:
    brokers = any(RATE in values for values in model.dynamic.values())
    return brokers or any(LIST in topic.config for topic in model.topics.values())


def test_in_one_run_with_the_throttle_first_and_last() -> None:
    model = thinned()
    results = converged(model, session(model))
    assert done(results.applied) == [
        "create throttle/cluster",
        "update placement/purchases",
        "delete throttle/cluster",
    ]
    assert not results.failed
    assert all(len(replicas) == 3 for replicas in model.topics["purchases"].replicas)
    nothing_left(model)


def test_no_replica_moves_without_it() -> None:
    """In the order in which Kafka is asked."""
    model = thinned()
    seen: list[bool] = []
    reassign = model.call_reassign

    def watched(**words: object) -> None:
        seen.append(throttled(model))
        reassign(**words)  # type: ignore[arg-type]

    model.call_reassign = watched  # type: ignore[method-assign]
    converged(model, session(model))
    assert seen == [True]
    assert not throttled(model)


def test_as_many_at_once_as_the_policy_lets() -> None:
    model = thinned(partitions=3)
    move = replace(model.spec.policy.move, per_broker=1)
    model.spec = replace(model.spec, policy=replace(model.spec.policy, move=move))
    model.site.spec = model.spec
    plan = model.plan()
    assert [c.fields for c in of(plan)] == [of(plan)[0].fields]
    assert len(of(plan)[0].fields) < 3
    assert any(item.id == PURCHASES and item.foreseen for item in plan.deferred)
    results = converged(model, session(model))
    assert not results.failed
    moved = [c.fields for c in results.applied if c.id == PURCHASES]
    assert sorted(name for fields in moved for name in fields) == ["0", "1", "2"]
    nothing_left(model)


def of(plan: Plan) -> list[Change]:
    return [change for change in plan.changes if change.id == PURCHASES]


@pytest.mark.parametrize("steps", range(12))
def test_killed_anywhere_the_next_run_finishes(steps: int) -> None:
    model = thinned(partitions=2)
    with contextlib.suppress(Killed):
        converged(model, session(model, steps))
    results = converged(model, session(model))
    assert not results.failed
    assert not throttled(model)
    nothing_left(model)


def test_a_topic_that_grows_as_well_grows_first() -> None:
    model = thinned(partitions=2)
    results = converged(model, session(model))
    assert done(results.applied) == [
        "update topic/purchases",
        "create throttle/cluster",
        "update placement/purchases",
        "delete throttle/cluster",
    ]
    assert not results.failed


@pytest.mark.parametrize("partitions", [2, 3])
def test_a_higher_minimum_of_in_sync_replicas_waits_for_them(partitions: int) -> None:
    model = thinned(replication=1, partitions=partitions)
    topics = tuple(
        replace(t, config={**t.config, "min.insync.replicas": "2"}) if t.name == "purchases" else t
        for t in model.spec.topics
    )
    model.spec = model.site.spec = replace(model.spec, topics=topics)
    plan = model.plan()
    now = [change.fields for change in plan.changes if change.id == topic_id("purchases")]
    assert now == ([] if partitions == 3 else [("partitions",)])
    assert any(item.id == topic_id("purchases") for item in plan.deferred)
    results = converged(model, session(model))
    assert done(results.applied)[-1] in ("update topic/purchases", "delete throttle/cluster")
    assert "update topic/purchases" in done(results.applied)
    assert not results.failed
    nothing_left(model)


def test_one_with_its_own_placement_grows_and_its_new_partition_goes_where_it_belongs() -> None:
    model = thinned(replication=3, partitions=2)
    pins = tuple((n % 3, (n + 1) % 3) for n in range(3))
    topics = tuple(
        replace(t, placement=pins, replication=2) if t.name == "purchases" else t
        for t in model.spec.topics
    )
    model.spec = model.site.spec = replace(model.spec, topics=topics)
    model.site.options = replace(model.site.options, allow={"shrink-replicas": frozenset()})
    results = converged(model, session(model))
    assert not results.failed
    assert model.topics["purchases"].replicas == [list(pin) for pin in pins]
    nothing_left(model)


def test_fewer_only_where_it_is_allowed_and_then_without_a_throttle() -> None:
    model = ModelCluster.made("lab")
    model.topic("atu", 1, 3, {})
    results = converged(model, session(model))
    assert not results.applied
    model.site.options = replace(model.site.options, allow={"shrink-replicas": frozenset()})
    results = converged(model, session(model))
    assert done(results.applied) == ["update placement/atu"]
    assert len(model.topics["atu"].replicas[0]) == 1
    nothing_left(model)


def test_one_that_does_nothing_is_a_failure_by_name() -> None:
    model = thinned()
    planned = model.planned()
    with on_model(model):
        results = runner(model, planned, (PURCHASES,)).carry_out(planned.plan.waves)
    ((failed, why),) = results.failed
    assert failed.id == PURCHASES
    assert "the change did not take effect: 0 is" in why


# --- a broker that is away --------------------------------------------------------------------


def under_way(to: list[int]) -> ModelCluster:
    """This tool was moving partition 0 from broker 0 when it was ended, and so was Kafka."""
    model = thinned(partitions=1)
    topics = tuple(
        replace(t, partitions=1, replication=2) if t.name == "purchases" else t
        for t in model.spec.topics
    )
    model.spec = model.site.spec = replace(model.spec, topics=topics)
    model.topics["purchases"].moving = {0: to}
    model.site.note({str(PURCHASES): {"0": to}})
    return model


def without(model: ModelCluster, broker: int, *, held: bool = False) -> ModelCluster:
    name = f"broker-{broker}"
    if held:
        become(model, holding(model.spec, name))
    model.kill(name)
    return model


def test_a_move_to_a_broker_that_is_not_up_waits_for_it() -> None:
    model = without(under_way([0, 2]), 2)
    (item,) = [each for each in model.plan().deferred if each.id == PURCHASES]
    assert item.reason == "partition 0 moving to broker-2, which is not up"
    assert not item.foreseen
    assert not of(model.plan())
    results = converged(model, session(model))
    assert done(results.applied)[0] == "start localhost/service/broker-2"
    assert not results.failed
    assert model.topics["purchases"].replicas == [[0, 2]]


def test_a_move_to_a_broker_that_does_not_come_back_goes_elsewhere() -> None:
    model = without(under_way([0, 2]), 2, held=True)
    (change,) = of(model.plan())
    assert change.after == {"0": (0, 1)}
    results = converged(model, session(model))
    assert not results.failed
    assert model.topics["purchases"].replicas == [[0, 1]]


def test_a_wait_for_a_broker_that_is_away_is_short_and_names_it() -> None:
    state = State({"0": (1, 2)}, args={"now": frozenset({"0"})})
    kind = KINDS["placement"]

    def why(
        away: tuple[int, ...],
        *moving: str,
        now: tuple[int, ...] = (0, 1),
        kept: tuple[int, ...] = (),
    ) -> str:
        volatile = {"away": away, "kept_away": kept, "moving": dict.fromkeys(moving, (1, 2))}
        return kind.held_up(state, Present({"0": now}, volatile=volatile))

    assert why((2,), "0") == "broker 2, to which replicas move, is not up"
    assert why((), "0", kept=(1,)) == (
        "broker 1, which has to be in sync with what moves, is not up"
    )
    assert why((), "0") == ""
    assert why((), "1").startswith("nothing moves any more")
    assert why((), now=(2, 1)) == "", "it has arrived, and is still deleted where it was"
    assert kind.held_up(state, Absent()) == ""


def halfway(isr: tuple[int, ...] = (0, 1), **more: Any) -> ClusterView:
    """Partition 0 moves from broker 0 to broker 2, and stays on broker 1."""
    view = thinned(partitions=1).view()
    assert view is not None
    ongoing = {("purchases", 0): Moving((1, 2, 0), adding=(2,), removing=(0,))}
    partition = PartitionView(0, 0, (0, 1), isr, adding=(2,))
    topics = [
        replace(topic, partitions=(partition,)) if topic.name == "purchases" else topic
        for topic in view.topics
    ]
    answers = {**view.answers, ListReassignments(): ongoing}
    noted = {str(PURCHASES): ({"0": [1, 2]},)}
    return replace(view, topics=tuple(topics), answers=answers, noted=noted, **more)


def progress(isr: tuple[int, ...], *sizes: int) -> object:
    """``sizes``: the bytes that brokers 0, 1 and 2 have."""
    place = ("purchases", 0)
    dirs = {
        id: (LogDirView(f"/logs-{id}", size, partitions={place: size}),)
        for id, size in enumerate(sizes)
    }
    found = seen(halfway(isr, log_dirs=dirs))
    assert isinstance(found, Present)
    return KINDS["placement"].progress(found)


def test_what_is_written_meanwhile_is_no_progress_of_a_move() -> None:
    begun = progress((0, 1), 500, 500, 100)
    assert progress((0, 1), 900, 900, 100) == begun
    assert progress((0, 1), 900, 900, 200) != begun
    arrived = progress((0, 1, 2), 900, 900, 900)
    assert arrived != begun
    assert progress((0, 1, 2), 999, 999, 999) == arrived, "it is in sync, and grows as all do"
    assert progress((0, 2), 900, 900, 900) != arrived


def test_a_move_needs_the_brokers_that_keep_a_replica_too() -> None:
    view = halfway()
    brokers = tuple(replace(b, fenced=b.id == 1) for b in view.brokers)
    found = seen(replace(view, brokers=brokers))
    assert isinstance(found, Present)
    state = State({"0": (1, 2)}, args={"now": frozenset({"0"})})
    why = KINDS["placement"].held_up(state, found)
    assert why == "broker 1, which has to be in sync with what moves, is not up"


# --- whose it is ---------------------------------------------------------------------------------


def moving(noted: dict[str, tuple[object, ...]] | None) -> ClusterView:
    """Somebody has asked Kafka to bring partition 0 to brokers 1 and 2."""
    view = thinned(partitions=1).view()
    assert view is not None
    ongoing = {("purchases", 0): Moving((1, 2, 0), adding=(1, 2), removing=(0,))}
    return replace(view, answers={**view.answers, ListReassignments(): ongoing}, noted=noted)


def seen(view: ClusterView) -> object:
    model = thinned(partitions=1)
    return KINDS["placement"].read(view, model.spec)[PURCHASES]


def test_what_the_journal_has_is_ours() -> None:
    found = seen(moving({str(PURCHASES): ({"0": [1, 2]},)}))
    assert isinstance(found, Present)
    assert found.fields["0"] == (0,)
    assert found.volatile["moving"] == {"0": (1, 2)}


@pytest.mark.parametrize(
    "noted",
    [
        {},
        {str(PURCHASES): ({"0": [2, 1]},)},
        {str(PURCHASES): ({"x": 1, "1": [1, 2], "9" * 5000: [1]},)},
    ],
)
def test_what_it_has_not_is_somebody_elses(noted: dict[str, tuple[object, ...]]) -> None:
    found = seen(moving(noted))
    assert isinstance(found, Unknown)
    assert found.reason == "somebody else is moving replicas of partition 0 (to brokers 1, 2)"


def test_a_limit_that_somebody_else_has_set_is_reported_and_stays() -> None:
    model = ModelCluster.made("lab")
    model.broker_config(1, {RATE: "10000000"})
    view = model.view()
    assert view is not None
    kind = KINDS["throttle"]
    assert kind.deeper(view, model.spec)
    observed = kind.read(replace(view, noted={}), model.spec)
    assert observed[throttle_id()] == Absent()
    (found,) = kind.find(observed, {}, model.spec)
    assert found.id.name == "broker-1"
    ours = {str(throttle_id()): ({"broker-1": [10000000, None]},)}
    assert isinstance(kind.read(replace(view, noted=ours), model.spec)[throttle_id()], Present)


def test_neither_is_configuration_of_a_topic_or_a_broker() -> None:
    model = ModelCluster.made("lab")
    model.broker_config(1, {RATE: "10000000"})
    model.topic_config("atu", {LIST: "0:1"})
    view = model.view()
    assert view is not None
    for kind in ("topic", "broker-config"):
        observed = KINDS[kind].read(view, model.spec)
        assert not any(
            name in seen.fields
            for seen in observed.values()
            if isinstance(seen, Present)
            for name in (RATE, LIST)
        )


# --- while it moves ------------------------------------------------------------------------------


def test_a_throttle_that_somebody_removes_is_set_again_before_anything_arrives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = thinned()
    arrive, looks = model._arrive, 0

    def meddled() -> None:
        nonlocal looks
        if any(topic.moving for topic in model.topics.values()):
            looks += 1
        if looks == 1:
            model.dynamic.clear()
        if looks > 3 and any(topic.moving for topic in model.topics.values()):
            assert throttled(model)
            assert all(model.dynamic[id].get(RATE) for id in range(3))
            arrive()

    monkeypatch.setattr(model, "_arrive", meddled)
    results = converged(model, session(model))
    assert looks > 3
    assert not results.failed
    assert not throttled(model)
    nothing_left(model)


def test_one_broker_alone_does_not_say_that_it_has_arrived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = thinned()
    late = thinned().view()
    assert late is not None
    asked: list[int] = []

    def views(kafka: ModelKafka) -> dict[str, ClusterView]:
        asked.append(1)
        now = kafka.view()
        return {"localhost:9092": now, "localhost:9093": late if len(asked) < 3 else now}

    monkeypatch.setattr(ModelKafka, "bootstrap_views", views)
    results = converged(model, session(model))
    assert len(asked) == 3
    assert not results.failed
