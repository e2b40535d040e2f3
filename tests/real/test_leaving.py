"""A broker that is to go, on real clusters: with a cordon and without, killed in the middle, beside
a stranger who goes on creating topics, and one that is dead."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from provisioner.kafka.requests.reassignments import ListReassignments
from provisioner.kafka.requests.topics import CreateTopic
from provisioner.kinds.broker.requests import IsRegistered
from tests.real.kafka_processes import free_ports
from tests.real.lab import Lab, item, items, kraft_lab, shown, until, zookeeper_lab
from tests.soak import modes

PIECE = b"x" * 100_000
GONE = {"id": 3, "host": "localhost", "state": "absent"}


def four(lab: Lab) -> Lab:
    """Four brokers, a controller or a ZooKeeper beside them, topics on all of them."""
    lab.data["topics"] = {
        "atu": {"partitions": 1, "replication": 1},
        "orders": {"partitions": 8, "replication": 3, "config": {"min.insync.replicas": 2}},
    }
    lab.write()
    return lab


TWO = pytest.mark.parametrize(
    "made", modes("4.3.1 kraft", soak=("3.9.1 zookeeper",)), indirect=True
)
EVERY = pytest.mark.parametrize(
    "made", modes("4.3.1 kraft", soak=("3.9.1 zookeeper", "3.9.1 kraft")), indirect=True
)


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    version, mode = request.param.split()
    folder = tmp_path_factory.mktemp(f"{mode}-{version}")
    if mode == "zookeeper":
        lab = zookeeper_lab(folder)
        (port,) = free_ports(1)
        first = lab.data["brokers"][0]
        fourth = {"id": 3, "listeners": [f"PLAINTEXT://localhost:{port}"], "log_dirs": ["logs-3"]}
        lab.data["brokers"].append(first | fourth)
        lab.ports.append(port)
    else:
        lab = kraft_lab(folder, brokers=4, version=version)
        lab.data["controllers"] = [lab.data["controllers"][0] | {"id": 100}]
        lab.data["controller_quorum"] = "static" if version[0] == "3" else "dynamic"
    four(lab)
    try:
        lab.apply()
        yield lab
    finally:
        lab.clean()


def brokers(lab: Lab) -> set[int]:
    """Registered, fenced ones too: of broker 3 older Kafka tells only when asked for it."""
    with lab.cluster() as cluster:
        view = cluster.view([IsRegistered(3)] if lab.kraft else [])
    hidden = {3} if view.answers.get(IsRegistered(3)) else set[int]()
    return {broker.id for broker in view.brokers} | hidden


def holds(lab: Lab, broker: int) -> list[str]:
    with lab.cluster() as cluster:
        view = cluster.view()
    return [f"{t.name}-{p.id}" for t in view.topics for p in t.partitions if broker in p.replicas]


def others(lab: Lab) -> dict[str, int]:
    return {node: lab.pid(node) for node in lab.nodes if node != "broker-3"}


class Stranger(threading.Thread):
    """Creates topics while the drain goes on, wherever Kafka puts them."""

    def __init__(self, lab: Lab, count: int = 50):
        super().__init__(daemon=True)
        self.lab, self.count, self.made = lab, count, list[str]()

    def run(self) -> None:
        with self.lab.cluster() as cluster:
            for number in range(self.count):
                cluster.send(CreateTopic(f"stranger-{number}", 1, 2))
                self.made.append(f"stranger-{number}")


@EVERY
def test_it_goes_beside_a_stranger_and_killed_in_the_middle(made: Lab) -> None:
    lab = made
    lab.produce("orders", [PIECE] * 160)
    pids = others(lab)
    lab.data["brokers"][3] = GONE
    lab.data["policy"] = {"move": {"rate": "1MB/s"}}
    lab.write()
    plan = lab.json("plan")
    assert item(plan, "deferred", kind="broker", name="3")["action"] == "delete"
    assert item(plan, "deferred", kind="service", name="broker-3")["action"] == "stop"
    refused = item(plan, "refused", kind="storage")
    allowed = (refused["allow"], refused["allow_value"])
    assert allowed == ("wipe-log-dir", f"{lab.home}/logs-3")
    with lab.cluster() as cluster:
        traffic = cluster.producer("orders")
        try:
            running = lab.start("apply")
            until(lambda: moving(lab))
            os.kill(running.pid, signal.SIGKILL)
            lab.answer(running)
            stranger = Stranger(lab)
            stranger.start()
            lab.data["policy"] = {"move": {"rate": "100MB/s"}}
            lab.write()
            done = lab.run("apply", "--json")
            stranger.join(120)
        finally:
            traffic.stop(30.0)
        assert not traffic.failed()
        acked = {sent.value for sent in traffic.acked()}
        read = [record.value for record in cluster.consume("orders", seconds=60)]
    assert acked <= set(read)
    assert len(stranger.made) == 50
    assert done.code == 2, shown(done)
    answer = done.document["clusters"][0]
    assert not answer["failed"], shown(done)
    assert [r["kind"] for r in answer["refused"]] == ["storage"], shown(done)
    # All but the data is gone, by whatever was created meanwhile.
    assert not holds(lab, 3)
    assert brokers(lab) == {0, 1, 2}
    assert not lab.pids("server-3.properties")
    assert not (lab.home / "config/server-3.properties").exists()
    assert not (lab.home / "logs/broker-3").exists()
    assert (lab.home / "logs-3").exists()
    assert others(lab) == pids
    with lab.cluster() as cluster:
        for name in stranger.made:
            cluster.delete_topic(name)
    lab.apply("--allow", "wipe-log-dir")
    assert not (lab.home / "logs-3").exists()
    assert lab.json("drift")["in_sync"] is True
    assert lab.applied() == []
    assert others(lab) == pids


def moving(lab: Lab) -> bool:
    with lab.cluster() as cluster:
        return bool(cluster.view([ListReassignments()]).answers[ListReassignments()])


@TWO
def test_the_same_id_comes_again(made: Lab) -> None:
    """What was left of it in Kafka is in nobody's way."""
    lab = made
    assert lab.data["brokers"][3] == GONE
    port = lab.ports[3]
    again = {"listeners": [f"PLAINTEXT://localhost:{port}"], "log_dirs": ["logs-3"]}
    lab.data["brokers"][3] = lab.data["brokers"][0] | {"id": 3} | again
    lab.write()
    lab.apply()
    with lab.cluster() as cluster:
        configs = cluster.view().broker_configs[3]
    assert "cordoned.log.dirs" not in {
        k for k, e in configs.items() if e.source == "dynamic-broker"
    }
    assert lab.applied() == []


@TWO
@pytest.mark.soak
def test_a_cordon_of_the_spec_keeps_replicas_off_it_and_is_taken_back(made: Lab) -> None:
    """By Kafka itself, or where it cannot by what this tool places, which a warning says."""
    lab = made
    kafkas = lab.kraft and lab.data["kafka"]["version"] == "4.3.1"
    before = sorted(holds(lab, 3))
    lab.data["brokers"][3]["cordon"] = True
    shape = {"partitions": 8, "replication": 2}
    lab.data["topics"]["placed"] = dict(shape)
    lab.write()
    plan = lab.run("plan", "--json")
    told = [w["message"] for w in plan.document["warnings"] if "broker-3" in w["message"]]
    assert bool(told) is not kafkas, shown(plan)
    done = lab.applied()
    assert (("update", "broker-config", "broker-3") in done) is kafkas
    assert sorted(holds(lab, 3)) == before
    if kafkas:
        assert cordon(lab) == "*"
        with lab.cluster() as cluster:
            cluster.send(CreateTopic("stranger", 8, 3))
        until(lambda: there(lab, "stranger"))
        assert sorted(holds(lab, 3)) == before
        with lab.cluster() as cluster:
            cluster.delete_topic("stranger")
    lab.data["topics"]["placed"] = {**shape, "partitions": 12}
    lab.write()
    lab.apply()
    assert sorted(holds(lab, 3)) == before
    assert lab.json("abort")["applied"] == []
    assert lab.applied() == []
    del lab.data["brokers"][3]["cordon"]
    del lab.data["topics"]["placed"]
    lab.write()
    lab.apply()
    assert cordon(lab) is None
    with lab.cluster() as cluster:
        cluster.delete_topic("placed")


def cordon(lab: Lab) -> str | None:
    with lab.cluster() as cluster:
        entry = cluster.view().broker_configs[3].get("cordoned.log.dirs")
    return entry.layer("dynamic-broker") if entry else None


@TWO
def test_too_few_brokers_is_said_before_anything_moves(made: Lab) -> None:
    lab = made
    with lab.cluster() as cluster:
        cluster.send(CreateTopic("wide", 2, 4))
    try:
        with lab.changed(lambda spec: spec["brokers"].__setitem__(3, GONE)):
            refused = lab.json("apply", code=2)
            why = item(refused, "refused", kind="placement", name="wide")
            assert "4 replicas" in why["reason"]
            assert why["allow"] is None
            assert not items(refused, "applied")
        assert lab.pid("broker-3")
    finally:
        with lab.cluster() as cluster:
            cluster.delete_topic("wide")
        until(lambda: not there(lab, "wide"))
    with lab.changed(lambda spec: spec["topics"].update(wide={"partitions": 1, "replication": 4})):
        lab.data["brokers"][3] = GONE
        lab.write()
        said = lab.run("validate")
        assert said.code == 1
        assert "wide" in said.text + said.progress


def there(lab: Lab, topic: str) -> bool:
    with lab.cluster() as cluster:
        return cluster.view().topic(topic) is not None


@TWO
def test_a_dead_one_goes_and_what_nobody_else_has_is_named(made: Lab) -> None:
    lab = made
    with lab.cluster() as cluster:
        cluster.send(CreateTopic("alone", 1, 1, assignments=((3,),)))
    os.kill(lab.pid("broker-3"), signal.SIGKILL)
    until(lambda: 3 not in alive(lab))
    for path in (lab.home / "logs-3").iterdir():
        if path.is_dir():
            for inside in path.iterdir():
                inside.unlink()
            path.rmdir()
        else:
            path.unlink()
    lab.data["brokers"][3] = GONE
    lab.write()
    refused = lab.json("apply", code=2)
    assert item(refused, "refused", kind="placement", name="alone")["allow"] == "data-loss"
    assert holds(lab, 3) == ["alone-0"], json.dumps(refused, indent=1)
    lab.apply("--allow", "data-loss", "--allow", "wipe-log-dir")
    assert not holds(lab, 3)
    assert brokers(lab) == {0, 1, 2}
    lab.produce("alone", [b"again"])
    assert lab.consume("alone") == [b"again"]
    assert lab.applied() == []


def alive(lab: Lab) -> Any:
    with lab.cluster() as cluster:
        return cluster.view().alive
