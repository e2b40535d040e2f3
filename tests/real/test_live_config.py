"""Settings that Kafka takes without a restart: the file first, then Kafka; no process ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from provisioner.kafka.port import DYNAMIC_BROKER, DYNAMIC_DEFAULT, STATIC
from provisioner.kafka.requests.configs import AlterBrokerConfig
from tests.real.lab import Lab, item, lab_of, until
from tests.soak import modes

FIRST = {"num.io.threads": 8, "log.retention.ms": 604800000, "min.insync.replicas": 2}
KINDS = {"file", "broker-config"}


@pytest.fixture(
    scope="module", params=modes("4.3.1 kraft", soak=("3.9.1 zookeeper", "3.9.1 kraft"))
)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = lab_of(tmp_path_factory.mktemp("live"), request.param)
    lab.data["defaults"]["config"].update(FIRST)
    lab.write()
    try:
        lab.apply()
        yield lab
    finally:
        lab.clean()


@pytest.fixture
def lab(made: Lab) -> Lab:
    """With the first values, whatever the test before left."""
    made.data["defaults"]["config"].update(FIRST)
    for broker in made.data["brokers"]:
        broker.pop("config", None)
    made.write()
    with made.cluster() as cluster:
        # what a key that left the spec leaves in Kafka is unmanaged, as a topic's override is
        cluster.send(AlterBrokerConfig(1, delete=["log.cleaner.backoff.ms"]))
    if made.run("drift").code != 0:
        made.apply()
    return made


def entries(lab: Lab, key: str) -> list[Any]:
    """What each broker tells of a key."""
    with lab.cluster() as cluster:
        view = cluster.view()
        return [view.broker_configs[id][key] for id in (0, 1, 2)]


def values(lab: Lab, key: str) -> set[str]:
    return {entry.value for entry in entries(lab, key)}


def in_sync(lab: Lab) -> None:
    drift = lab.json("drift")
    assert drift["in_sync"] is True
    assert not drift["changes"]
    assert not drift["unmanaged"]
    assert lab.applied() == []


def test_values_for_all_are_set_cluster_wide_and_no_process_ends(lab: Lab) -> None:
    pids = lab.pids_now()
    static = entries(lab, "num.io.threads")[0].layer(STATIC)
    config = lab.data["defaults"]["config"]
    config["num.io.threads"], config["log.retention.ms"] = 20, 86400000
    lab.write()
    plan = lab.json("plan")
    change = item(plan, "changes", kind="broker-config")
    assert (change["name"], change["effect"]) == ("cluster", "none")
    # 8 → 20 is more than Kafka takes at once: 16 now, 20 as foreseen
    assert change["after"] == {"log.retention.ms": "86400000", "num.io.threads": "16"}
    assert "num.io.threads to 20" in item(plan, "deferred")["reason"]
    done = [(kind, name) for _, kind, name in lab.applied()]
    assert {kind for kind, _ in done} == KINDS
    assert done[-1] == ("broker-config", "cluster")
    assert lab.pids_now() == pids
    assert values(lab, "num.io.threads") == {"20"}
    assert values(lab, "log.retention.ms") == {"86400000"}
    for entry in entries(lab, "num.io.threads"):
        # it runs with the older file, and is in sync: what counts is the effective value
        assert entry.layer(STATIC) == static
        assert entry.layer(DYNAMIC_DEFAULT) == "20"
        assert entry.layer(DYNAMIC_BROKER) is None
    for node in ("broker-0", "broker-1", "broker-2"):
        assert "num.io.threads=20" in lab.properties(node).read_text()
    in_sync(lab)


def test_after_a_restart_the_file_has_it_too(lab: Lab) -> None:
    lab.data["defaults"]["config"]["num.io.threads"] = 12
    lab.write()
    lab.apply()
    lab.json("restart", "--node", "broker-1")
    assert entries(lab, "num.io.threads")[1].layer(STATIC) == "12"
    assert values(lab, "num.io.threads") == {"12"}
    in_sync(lab)


@pytest.mark.soak
def test_a_value_of_one_broker_is_its_own(lab: Lab) -> None:
    pids = lab.pids_now()
    lab.data["brokers"][1]["config"] = {"log.cleaner.backoff.ms": 20000}
    lab.write()
    assert ("update", "broker-config", "broker-1") in lab.applied()
    assert [e.value for e in entries(lab, "log.cleaner.backoff.ms")] == ["15000", "20000", "15000"]
    assert lab.pids_now() == pids
    in_sync(lab)


@pytest.mark.soak
def test_a_run_that_is_killed_between_the_file_and_kafka_is_finished_by_the_next(lab: Lab) -> None:
    pids = lab.pids_now()
    lab.data["defaults"]["config"]["num.io.threads"] = 64
    lab.write()
    running = lab.start("apply")
    files = [lab.properties(f"broker-{id}") for id in (0, 1, 2)]
    until(lambda: all("num.io.threads=64" in file.read_text() for file in files))
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate()
    left = {c["kind"] for c in lab.json("drift", code=None)["changes"]}
    assert left <= {"broker-config"}
    lab.apply()
    assert values(lab, "num.io.threads") == {"64"}
    assert lab.pids_now() == pids
    in_sync(lab)


@pytest.mark.parametrize(
    ("broker", "source"),
    [
        (1, "DYNAMIC_BROKER_CONFIG"),
        pytest.param(None, "DYNAMIC_DEFAULT_BROKER_CONFIG", marks=pytest.mark.soak),
    ],
)
def test_a_value_set_by_hand_is_drift_with_its_source(
    lab: Lab, broker: int | None, source: str
) -> None:
    pids, before = lab.pids_now(), values(lab, "num.io.threads")
    with lab.cluster() as cluster:
        cluster.send(AlterBrokerConfig(broker, {"num.io.threads": "7"}))
        until(lambda: cluster.view().broker_configs[1]["num.io.threads"].value == "7")
    change = item(lab.json("drift", code=2), "changes")
    name = "cluster" if broker is None else "broker-1"
    assert (change["kind"], change["name"]) == ("broker-config", name)
    assert change["before"] == {"num.io.threads": "7"}
    assert source in change["reason"]
    assert lab.applied() == [("update", "broker-config", name)]
    assert values(lab, "num.io.threads") == before
    assert lab.pids_now() == pids


@pytest.mark.soak
def test_the_minimum_of_replicas_restarts_nothing(lab: Lab) -> None:
    pids = lab.pids_now()
    lab.data["defaults"]["config"]["min.insync.replicas"] = 1
    lab.write()
    assert ("update", "broker-config", "cluster") in lab.applied()
    assert values(lab, "min.insync.replicas") == {"1"}
    assert {e.layer(DYNAMIC_BROKER) for e in entries(lab, "min.insync.replicas")} == {None}
    assert lab.pids_now() == pids
    in_sync(lab)


@pytest.mark.soak
def test_what_a_start_must_read_is_rolled_and_brings_the_rest_along(lab: Lab) -> None:
    pids = lab.pids_now()
    config = lab.data["defaults"]["config"]
    config["num.io.threads"], config["queued.max.requests"] = 10, 600
    lab.write()
    done = lab.applied()
    assert sorted(n for a, _, n in done if a == "restart") == ["broker-0", "broker-1", "broker-2"]
    assert all(pids[f"broker-{id}"] != lab.pid(f"broker-{id}") for id in (0, 1, 2))
    assert values(lab, "num.io.threads") == {"10"}
    in_sync(lab)
