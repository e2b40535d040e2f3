"""Brokers are added: they are installed, started and joined, nobody else restarts, and data moves
as ``policy.rebalance`` says. KRaft, from one broker to three."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.real.kafka_processes import free_ports
from tests.real.lab import Lab, item, items, kraft_lab

PIECE = b"x" * 100_000
TOPICS = 12


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One combined node that holds twelve topics of 5 MB each."""
    made = kraft_lab(tmp_path_factory.mktemp("scale"), brokers=1)
    made.data["topics"] |= {f"t{n:02}": {"partitions": 1, "replication": 1} for n in range(TOPICS)}
    made.write()
    try:
        made.apply()
        for number in range(TOPICS):
            made.produce(f"t{number:02}", [PIECE] * 50)
        yield made
    finally:
        made.clean()


def one_more(lab: Lab, rebalance: str) -> int:
    """Another broker in the spec, and this policy; its id."""
    (port,) = free_ports(1)
    id = len(lab.data["brokers"])
    lab.data["brokers"].append(
        {
            "id": id,
            "host": "localhost",
            "listeners": [f"PLAINTEXT://localhost:{port}"],
            "log_dirs": [f"logs-{id}"],
        }
    )
    lab.data["policy"] = {"rebalance": rebalance, "move": {"per_broker": 4}}
    lab.ports.append(port)
    lab.write()
    return id


def brokers(lab: Lab) -> dict[int, dict[str, Any]]:
    return {each["id"]: each for each in lab.status()["brokers"]}


def held(lab: Lab) -> dict[int, int]:
    """Broker → bytes."""
    return {id: sum(d["bytes"] for d in each["log_dirs"]) for id, each in brokers(lab).items()}


@pytest.mark.soak
def test_a_broker_that_comes_gets_its_share_by_bytes(lab: Lab) -> None:
    pids = lab.pids_now()
    id = one_more(lab, "add-brokers")
    plan = lab.json("plan")
    assert plan["forecast"]["restarts"] == []
    assert plan["forecast"]["moves"]["partitions"] == TOPICS // 2
    assert plan["forecast"]["moves"]["bytes"] == pytest.approx(TOPICS / 2 * 5_000_000, rel=0.01)
    waiting = items(plan, "deferred", kind="placement")
    assert len(waiting) == TOPICS // 2
    assert all(each["reason"].startswith("once broker-1 is up: ") for each in waiting)
    with lab.cluster() as cluster:
        traffic = cluster.producer("atu")
        try:
            done = lab.applied()
        finally:
            traffic.stop(30.0)
        assert not traffic.failed()
        acked = {sent.value for sent in traffic.acked()}
        assert acked <= {record.value for record in cluster.consume("atu", seconds=60)}
    kinds = [(action, kind) for action, kind, _ in done if kind in ("placement", "throttle")]
    assert kinds[0] == ("create", "throttle")
    assert kinds[-1] == ("delete", "throttle")
    assert kinds.count(("update", "placement")) == TOPICS // 2
    loads = held(lab)
    assert loads[id] == pytest.approx(sum(loads.values()) / 2, rel=0.1)
    now = lab.pids_now()
    assert {node: now[node] for node in pids} == pids
    assert lab.applied() == []


@pytest.mark.soak
def test_balance_brings_bytes_and_leaders_near_their_mean(lab: Lab) -> None:
    pids = lab.pids_now()
    one_more(lab, "balance")
    lab.apply()
    loads, leads = held(lab), {id: each["leads"] for id, each in brokers(lab).items()}
    mean = sum(loads.values()) / 3
    assert all(abs(load - mean) <= 0.12 * mean for load in loads.values()), loads
    assert max(leads.values()) - min(leads.values()) <= 2, leads
    now = lab.pids_now()
    assert {node: now[node] for node in pids} == pids
    assert lab.applied() == []
    assert lab.json("drift")["in_sync"] is True


@pytest.mark.soak
def test_one_that_is_held_gets_nothing(lab: Lab) -> None:
    """And keeps what it has."""
    before = held(lab)
    lab.data["brokers"][-1]["hold"] = "looking at its disk"
    lab.data["topics"]["t00"]["placement"] = {"0": [0]}
    lab.write()
    lab.json("apply")
    assert held(lab)[2] <= before[2]
    plan = lab.json("plan")
    assert not items(plan, "changes", kind="placement")
    with lab.changed(lambda spec: spec["topics"]["t00"].update(placement={"0": [1]})):
        assert item(lab.json("plan"), "changes", kind="placement")["name"] == "t00"
