"""3.9.1 → 4.2.0 → 4.3.1 with a controller and brokers of their own: what is refused before anything
is stopped, a run that is killed half way, features one by one, and the way back."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from tests.real.kafka_processes import free_ports
from tests.real.lab import CLEANER, JVM, Lab, item, items, shown, until

WRITTEN = [b"purchase-%d" % n for n in range(300)]
SESSION = {"broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500}
"""A broker of 4.x that is stopped cleanly is taken back only when its session is over."""
MINIMUM = "min.insync.replicas"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One controller and three brokers of 3.9.1, with records in a topic."""
    folder = tmp_path_factory.mktemp("upgrade")
    ports = free_ports(4)
    brokers = [
        {
            "id": id,
            "host": "localhost",
            "listeners": [f"PLAINTEXT://localhost:{port}"],
            "log_dirs": [f"logs-{id}"],
        }
        for id, port in enumerate(ports[:3])
    ]
    data: dict[str, Any] = {
        "cluster": "upgraded",
        "kafka": {"version": "3.9.1", "home": str(folder / "kafka")},
        "defaults": {"heap": "256m", "jvm_opts": list(JVM), "config": {**CLEANER, **SESSION}},
        "controller_quorum": "static",
        "controllers": [{"id": 100, "host": "localhost", "port": ports[3]}],
        "brokers": brokers,
        "topics": {"purchases": {"placement": {str(n): [n % 2, 1 - n % 2] for n in range(3)}}},
    }
    made = Lab(folder / "lab.yaml", folder / "kafka", list(ports[:2]), True, data)
    made.write()
    try:
        made.apply()
        made.produce("purchases", WRITTEN)
        yield made
    finally:
        made.clean()


def spec(lab: Lab, version: str = "", features: Any = None) -> None:
    """Another version, other features."""
    if version:
        lab.data["kafka"]["version"] = version
    if features is not None:
        lab.data["features"] = features
    lab.write()


def versions(lab: Lab) -> dict[str, str]:
    """Node → the Kafka that its process runs from, of those that run."""
    found = {}
    for node, pids in lab.processes().items():
        for pid in pids:
            words = Path(f"/proc/{pid}/cmdline").read_text()
            found[node] = words.partition("/dist/kafka-")[2].partition("-")[0]
    return found


def levels(lab: Lab) -> dict[str, int]:
    return {each["name"]: each["finalized"] for each in lab.json("status")["features"]}


def told(lab: Lab, *words: str) -> list[str]:
    """The warnings of a plan."""
    return [each["message"] for each in lab.json("plan", *words)["warnings"]]


def test_what_would_stop_an_upgrade_is_told_before_anything_is_stopped(lab: Lab) -> None:
    """A broker that left the spec is still registered, which 3.9 tells nobody who does not ask."""
    gone = lab.data["brokers"].pop()
    lab.write()
    lab.end(*lab.pids(f"server-{gone['id']}.properties"), how=signal.SIGKILL)
    until(lambda: gone["id"] not in alive(lab))
    before = lab.pids_now()

    spec(lab, "4.2.0")
    refused = lab.json("apply", code=2)
    reasons = [each["reason"] for each in refused["refused"]]
    whole = next(r for r in reasons if "is refused before anything is stopped" in r)
    assert "broker 2 is registered, does not run and is not in the spec" in whole
    assert all(each["allow"] is None for each in refused["refused"])
    assert lab.pids_now() == before
    assert set(versions(lab).values()) == {"3.9.1"}

    command = ("bin/kafka-cluster.sh", "unregister", "--bootstrap-server")
    run(lab, *command, f"localhost:{lab.ports[0]}", "--id", str(gone["id"]))


def alive(lab: Lab) -> frozenset[int]:
    with lab.cluster() as kafka:
        return frozenset(kafka.view().alive)


def run(lab: Lab, *words: str) -> None:
    done = subprocess.run(words, cwd=lab.home, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_killed_half_way_the_roll_goes_on_forward(lab: Lab) -> None:
    """What 4.x does not take goes first, in changes of its own; no feature is raised."""
    with lab.cluster() as kafka:
        kafka.send(AlterTopicConfig("purchases", {"message.format.version": "3.0-IV1"}, []))
        kafka.send(AlterBrokerConfig(0, {"log.message.downconversion.enable": "true"}, []))
    plan = lab.json("plan")
    (topic,) = items(plan, "changes", kind="topic")
    assert topic["before"] == {"message.format.version": "3.0-IV1"}
    (dynamic,) = items(plan, "changes", kind="broker-config")
    assert dynamic["before"] == {"log.message.downconversion.enable": "true"}
    waits = {d["name"]: d["reason"] for d in items(plan, "deferred", kind="service")}
    assert waits.keys() == {"controller-100", "broker-0", "broker-1"}
    assert "message.format.version of topic purchases is removed" in waits["broker-0"]

    before = lab.pids_now()
    running = lab.start("apply")
    until(lambda: bounced(lab, before))
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    assert set(versions(lab).values()) == {"3.9.1", "4.2.0"}

    done = lab.applied()
    assert {what for what in done if what[1] == "service"} <= {
        (action, "service", node) for node in lab.nodes for action in ("restart", "start")
    }
    assert not any(what[1] == "feature" for what in done)
    assert set(versions(lab).values()) == {"4.2.0"}
    assert lab.applied() == []
    assert levels(lab)["metadata.version"] == 21
    assert set(WRITTEN) <= set(lab.consume("purchases"))


def bounced(lab: Lab, before: dict[str, int]) -> bool:
    """Whether the controller runs again, as another process."""
    now = lab.pids("controller-100.properties")
    return len(now) == 1 and now[0] != before["controller-100"]


def test_features_are_changes_of_their_own(lab: Lab) -> None:
    (could,) = [each for each in told(lab) if "features could be raised" in each]
    assert "metadata.version from 21 (3.9-IV0) to 29 (4.2-IV1)" in could
    assert "after this you cannot go back to 3.9" in could
    pids = lab.pids_now()
    with lab.cluster() as kafka:
        for broker in (0, 1):
            kafka.send(AlterBrokerConfig(broker, {MINIMUM: "2"}, []))
    until(lambda: minimum(lab) == {"2"})

    spec(lab, features="latest")
    plan = lab.json("plan")
    changes = items(plan, "changes", kind="feature")
    assert {c["name"] for c in changes} == set(levels(lab)) - {"kraft.version"}
    raised = item(plan, "changes", name="metadata.version")
    assert (raised["before"], raised["after"]) == ({"level": 21}, {"level": 29})
    assert "after this you cannot go back to 3.9" in raised["reason"]
    assert all(c["wave"] > raised["wave"] for c in changes if c is not raised)

    done = [what for what in lab.applied() if what[1] == "feature"]
    assert done[0] == ("update", "feature", "metadata.version")
    now = levels(lab)
    assert now["metadata.version"] == 29
    assert now["group.version"] == now["eligible.leader.replicas.version"] == 1
    assert now["kraft.version"] == 0, "a static quorum stays one"
    assert lab.applied() == []
    assert not [each for each in told(lab) if "features could be raised" in each]
    assert minimum(lab) == {"2"}, (
        "with eligible leader replicas Kafka drops what single brokers have"
    )
    assert lab.pids_now() == pids, "nobody restarts for a feature"
    text = lab.run("status").text
    assert "metadata.version 29 (4.2-IV1)" in text


def minimum(lab: Lab) -> set[str | None]:
    """What the brokers run with."""
    with lab.cluster() as kafka:
        return {configs[MINIMUM].value for configs in kafka.view().broker_configs.values()}


def test_lowering_is_asked_for_and_asked_of_kafka(lab: Lab) -> None:
    named = dict(levels(lab))
    named.pop("kraft.version")
    spec(lab, features={**named, "metadata.version": "4.0-IV3"})
    refused = lab.json("apply", code=2)
    assert item(refused, "refused", name="metadata.version")["allow"] == "lower-feature"
    lab.apply("--allow", "lower-feature")
    assert levels(lab)["metadata.version"] == 25
    spec(lab, features={**named, "metadata.version": 21})
    refused = lab.json("apply", "--allow", "lower-feature", code=2)
    no = item(refused, "refused", name="metadata.version")
    assert no["allow"] is None
    assert "Kafka does not lower it" in no["reason"]


@pytest.mark.soak
def test_the_next_version_with_its_features_in_one_run(lab: Lab) -> None:
    """And back from it Kafka does not go, which is known before anything is stopped."""
    spec(lab, "4.3.1", "latest")
    plan = lab.json("plan")
    (later,) = items(plan, "deferred", name="metadata.version")
    assert "to 30 once every node runs Kafka 4.3.1" in later["reason"]
    done = lab.applied()
    assert ("update", "feature", "metadata.version") in done
    assert set(versions(lab).values()) == {"4.3.1"}
    assert levels(lab)["metadata.version"] == 30
    assert lab.applied() == []

    pids = lab.pids_now()
    named = {name: level for name, level in levels(lab).items() if name != "kraft.version"}
    with lab.changed(lambda data: data.update(features={**named, "metadata.version": 29})):
        refused = lab.json("apply", "--allow", "lower-feature", code=2)
        no = item(refused, "refused", name="metadata.version")
        assert no["allow"] is None
        assert "Kafka does not lower it" in no["reason"]
    with lab.changed(lambda data: data["kafka"].update(version="4.2.0")):
        refused = lab.json("apply", code=2)
        (why,) = [r["reason"] for r in refused["refused"] if r["kind"] == "file"]
        assert "metadata.version is finalised at 30 (4.3-IV0), and Kafka 4.2.0 takes" in why
    assert lab.pids_now() == pids
    assert lab.applied() == []
    proved = lab.run("verify", "--round-trip")
    assert proved.code == 0, shown(proved)
    assert set(WRITTEN) <= set(lab.consume("purchases"))
