"""What Kafka refuses fails by name; what does not depend on it is done in the same run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from provisioner.kinds.ids import placement_id, throttle_id, topic_id
from provisioner.plan.model import Change
from tests.unit.plan.model_cluster import Impossible, ModelCluster
from tests.unit.run.model_run import converged, session

ATU, PURCHASES = topic_id("atu"), topic_id("purchases")
MISSING = "needs CREATE on topic atu"


def refusing(call: Callable[..., None], when: Callable[..., bool]) -> Callable[..., None]:
    """The model's handling of a request, but for those to which Kafka says no."""

    def handled(**words: Any) -> None:
        if when(**words):
            raise Impossible(MISSING)
        call(**words)

    return handled


def without_create(model: ModelCluster, name: str) -> ModelCluster:
    handled = refusing(model.call_create_topic, lambda **words: words["name"] == name)
    model.call_create_topic = handled  # type: ignore[method-assign]
    return model


def done(changes: list[Change]) -> list[str]:
    return [f"{change.action} {change.id}" for change in changes]


def test_the_other_things_of_the_unit_are_done() -> None:
    model = without_create(ModelCluster.made("lab"), "atu")
    model.delete_topic("atu")
    model.delete_topic("purchases")
    results = converged(model, session(model))
    assert [(change.id, why) for change, why in results.failed] == [
        (ATU, f"INVALID_REQUEST: {MISSING}")
    ]
    assert done(results.applied) == ["create topic/purchases"]
    assert not results.not_started


def test_and_so_is_the_whole_of_a_chain_beside_it() -> None:
    model = without_create(ModelCluster.made("lab"), "atu")
    model.delete_topic("atu")
    model.topic("purchases", 3, 1, {"retention.ms": "604800000"})
    results = converged(model, session(model))
    assert [change.id for change, _ in results.failed] == [ATU]
    assert done(results.applied) == [
        "create throttle/cluster",
        "update placement/purchases",
        "delete throttle/cluster",
    ]


def test_nothing_moves_without_its_throttle() -> None:
    model = ModelCluster.made("lab")
    model.topic("purchases", 3, 1, {"retention.ms": "604800000"})
    model.delete_topic("atu")
    handled = refusing(model.call_alter_broker_config, lambda **words: True)
    model.call_alter_broker_config = handled  # type: ignore[method-assign]
    results = converged(model, session(model))
    assert [change.id for change, _ in results.failed] == [throttle_id()]
    assert done(results.applied) == ["create topic/atu"]
    assert [change.id for change in results.not_started] == [placement_id("purchases")]
    assert not model.topics["purchases"].moving


def test_what_may_have_been_carried_out_ends_the_run() -> None:
    """A connection that went in the middle is no refusal; both were in one request."""
    model = ModelCluster.made("lab")
    model.delete_topic("atu")
    model.delete_topic("purchases")
    run = session(model)

    def cut(**words: Any) -> None:
        from provisioner.kafka.port import KafkaUnavailable

        raise KafkaUnavailable("the connection was lost")

    model.call_create_topic = cut  # type: ignore[method-assign]
    results = converged(model, run)
    assert [change.id for change, _ in results.failed] == [ATU, PURCHASES]
    assert not results.not_started
