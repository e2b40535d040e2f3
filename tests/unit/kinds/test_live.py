"""What Kafka takes without a restart: which keys, in which steps, and what a run does with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.kinds.live import later_steps, live_keys, live_of, next_step
from provisioner.plan.model import Change, Plan, Wave
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import ModelCluster, spec_of


@pytest.mark.parametrize(
    ("key", "now", "target", "steps"),
    [
        ("num.io.threads", "8", "20", ["16", "20"]),
        ("num.io.threads", "20", "4", ["10", "5", "4"]),
        ("num.io.threads", "8", "16", ["16"]),
        ("num.replica.fetchers", "1", "4", ["2", "4"]),
        ("log.retention.ms", "8", "2000", ["2000"]),
        ("num.io.threads", "8", "8", []),
    ],
)
def test_steps(key: str, now: str, target: str, steps: list[str]) -> None:
    assert later_steps(key, now, target) == steps


def test_a_step_suits_every_broker() -> None:
    assert next_step("num.io.threads", ["8", "6"], "20") == "12"
    assert next_step("num.io.threads", ["8", "6"], "1") == "4"


@pytest.mark.parametrize("version", ["3.9.1", "4.3.1"])
def test_which_keys(version: str) -> None:
    live = live_keys(version)
    assert {"num.io.threads", "log.retention.ms", "min.insync.replicas"} <= live
    # a listener's and a broker's own keys, classes, what only a start reads, throttles
    assert not live & {"listeners", "ssl.keystore.location", "metric.reporters", "num.partitions"}
    assert not [key for key in live if "throttled" in key]


def test_a_controller_takes_what_it_has_in_common_with_every_broker() -> None:
    spec = spec_of("three")
    of = {node.name: live_of(spec, node) for node in spec.nodes}
    assert of["controller-100"] == of["broker-1"]
    mine = {"num.io.threads": "4"}
    nodes = [replace(n, config=mine if n.name == "broker-1" else n.config) for n in spec.nodes]
    own = replace(spec, nodes=tuple(nodes))
    assert "num.io.threads" in live_of(own, own.node("broker-1"))
    assert "num.io.threads" in live_of(own, own.node("controller-100"))
    nodes = [replace(n, config=mine if n.name == "controller-100" else n.config) for n in nodes]
    apart = replace(spec, nodes=tuple(nodes))
    assert "num.io.threads" not in live_of(apart, apart.node("controller-100"))


def edited(name: str, *, only: str = "", **config: str) -> ModelCluster:
    """A cluster in sync whose spec was edited then."""
    model = ModelCluster.made(name).copy()
    keys = {key.replace("_", "."): value for key, value in config.items()}

    def change(node: Any) -> Any:
        mine = only in ("", node.name) and (node.is_broker or node.is_controller)
        return replace(node, config={**node.config, **keys}) if mine else node

    spec: Spec = replace(model.spec, nodes=tuple(change(node) for node in model.spec.nodes))
    model.spec = model.site.spec = spec
    model.site.places = dict(ModelCluster(spec).site.places)
    return model


def converged(model: ModelCluster) -> tuple[list[Change], Plan]:
    """What was done until nothing was left to do, and the first plan."""
    first = model.plan()
    for _ in range(8):
        if model.plan().in_sync:
            break
        model.apply()
    assert model.plan().in_sync is True
    return model.history, first


def done(model: ModelCluster, history: list[Change]) -> list[tuple[str, Any]]:
    return [(c.id.name, c.after) for c in history if c.id.kind == "broker-config"]


@pytest.mark.parametrize("name", ["lab", "kraft", "three"])
def test_a_key_for_all_is_taken_cluster_wide_without_a_restart(name: str) -> None:
    model = edited(name, num_io_threads="20")
    before = "4" if name == "lab" else "8"
    model.history.clear()
    history, first = converged(model)
    assert {c.action for c in history} == {"update"}
    files = {c.id.name for c in history if c.id.kind == "file"}
    assert {n.properties for n in model.spec.nodes if n.is_broker} <= files
    steps = later_steps("num.io.threads", before, "20")
    assert done(model, history) == [("cluster", {"num.io.threads": step}) for step in steps]
    # the files come first, and the first plan has it all
    assert [c.id.kind for c in history[-len(steps) :]] == ["broker-config"] * len(steps)
    assert {c.id for c in history} <= {c.id for c in first.changes}
    assert all(step in item.reason for item in first.deferred for step in steps[1:])
    for node in model.spec.brokers:
        assert model.process(node.name).static.get("num.io.threads", before) == before


def test_a_key_of_one_broker_is_set_there() -> None:
    model = edited("lab", only="broker-1", log_cleaner_backoff_ms="20000")
    model.history.clear()
    history, _ = converged(model)
    assert done(model, history) == [("broker-1", {"log.cleaner.backoff.ms": "20000"})]
    assert not [c for c in history if c.action == "restart"]


def test_a_key_that_needs_a_start_restarts() -> None:
    model = edited("lab", queued_max_requests="700")
    model.history.clear()
    history, _ = converged(model)
    assert [c.id.name for c in history if c.action == "restart"] == [
        "broker-0",
        "broker-1",
        "broker-2",
    ]


def test_after_a_start_the_value_is_the_files_and_nothing_is_left_to_do() -> None:
    model = edited("lab", num_io_threads="8")
    converged(model)
    for node in model.spec.brokers:
        model.bounce(node.name)
        assert model.process(node.name).static["num.io.threads"] == "8"
        assert model.plan().in_sync is True


def test_a_run_killed_between_the_file_and_kafka_is_finished_by_the_next() -> None:
    model = edited("lab", num_io_threads="8")

    def ends(wave: Wave) -> None:
        if wave.changes[0].id.kind == "broker-config":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.apply(ends)
    left = model.plan()
    assert [(c.id.kind, c.id.name) for c in left.changes] == [("broker-config", "cluster")]
    model.apply()
    assert model.plan().in_sync is True


def test_the_minimum_of_replicas_is_never_set_on_one_broker_of_kafka_4() -> None:
    model = edited("kraft", min_insync_replicas="1")
    model.history.clear()
    history, _ = converged(model)
    assert done(model, history) == [("cluster", {"min.insync.replicas": "1"})]
    assert not [c for c in history if c.action == "restart"]


def test_brokers_that_run_with_different_counts_are_brought_together() -> None:
    model = edited("lab", num_io_threads="20")
    for wave in model.plan().waves:
        if wave.changes[0].id.host:
            model.carry_out(wave, model.planned())
    model.bounce("broker-1")  # with the new file, before Kafka was told
    model.history.clear()
    history, _ = converged(model)
    assert not [c for c in history if c.action == "restart"]
    for node in model.spec.brokers:
        assert model.view().broker_configs[node.id]["num.io.threads"].value == "20"  # type: ignore[union-attr]
