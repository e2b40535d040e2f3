"""A broker that comes back without its data, on real clusters: filled again under a throttle while
producers write, killed in the middle, and with partitions of which nobody else has a copy."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from provisioner.kafka.requests.configs import AlterTopicConfig
from provisioner.kafka.requests.topics import CreateTopic
from tests.real.lab import Lab, item, items, kraft_lab, shown, until, zookeeper_lab
from tests.real.moving import LISTS, RATE, is_up, throttles
from tests.soak import modes

PIECE = b"x" * 100_000
LOST = "broker-2"
EVERY = pytest.mark.parametrize(
    "made", modes("4.3.1 kraft", soak=("3.9.1 zookeeper", "3.9.1 kraft")), indirect=True
)


@pytest.fixture(scope="module")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three brokers, a controller or a ZooKeeper beside them."""
    version, mode = request.param.split()
    folder = tmp_path_factory.mktemp(f"rebuild-{mode}-{version}")
    if mode == "zookeeper":
        lab = zookeeper_lab(folder)
    else:
        lab = kraft_lab(folder, version=version)
        lab.data["controllers"] = [lab.data["controllers"][0] | {"id": 100}]
        lab.data["controller_quorum"] = "static" if version[0] == "3" else "dynamic"
    config = {"min.insync.replicas": 2}
    shape = {"partitions": 6, "replication": 3, "config": config}
    lab.data["topics"] = {"orders": dict(shape), "small": dict(shape)}
    lab.write()
    try:
        lab.apply()
        yield lab
    finally:
        lab.clean()


def comes_back_empty(lab: Lab) -> None:
    """As after a new installation: nothing runs, nothing is there, nothing is recorded."""
    os.kill(lab.pid(LOST), signal.SIGKILL)
    until(lambda: not lab.pids(lab.nodes[LOST]))
    folder = lab.home / "logs-2"
    shutil.rmtree(folder)
    manifest = lab.home / ".provision/manifest"
    lines = manifest.read_text().splitlines(keepends=True)
    manifest.write_text("".join(line for line in lines if f"{folder}\t" not in line))


def others(lab: Lab) -> dict[str, int]:
    return {node: lab.pid(node) for node in lab.nodes if node != LOST}


def behind(lab: Lab) -> list[str]:
    """The partitions of which broker 2 has no replica that is in sync."""
    with lab.cluster() as cluster:
        view = cluster.view()
    return [f"{t.name}-{p.id}" for t in view.topics for p in t.partitions if 2 not in p.isr]


@EVERY
def test_it_is_filled_while_producers_write_and_killed_in_the_middle(made: Lab) -> None:
    lab = made
    for _ in range(4):
        lab.produce("orders", [PIECE] * 225)
    pids = others(lab)
    lab.data["policy"] = {"move": {"rate": "1MB/s"}}
    lab.write()
    comes_back_empty(lab)
    plan = lab.json("plan")
    assert item(plan, "deferred", kind="service", name=LOST)["action"] == "start"
    assert item(plan, "deferred", kind="refill", name=LOST)["action"] == "update"
    with lab.cluster() as cluster:
        traffic = cluster.producer("small")
        try:
            running = lab.start("apply")
            mine = f"orders {LISTS[1]}"
            until(lambda: mine in throttles(lab) or running.poll() is not None)
            assert running.poll() is None, shown(lab.answer(running))
            limits = throttles(lab)
            assert not is_up(lab, 2)
            assert limits[mine] == ",".join(f"{n}:2" for n in range(6))
            assert {f"broker-{n} {RATE}" for n in (0, 1)} <= limits.keys()
            until(lambda: is_up(lab, 2) and "broker-2" in str(throttles(lab)))
            assert behind(lab)
            cluster.send(AlterTopicConfig("orders", {}, LISTS))
            # Unless it is filled before it is limited again.
            until(lambda: mine in throttles(lab) or not behind(lab))
            os.kill(running.pid, signal.SIGKILL)
            lab.answer(running)
            limited = bool(throttles(lab))
            half_way(lab)
            lab.data["policy"] = {"move": {"rate": "100MB/s"}}
            lab.write()
            done = lab.applied()
        finally:
            traffic.stop(30.0)
        assert not traffic.failed()
        acked = {sent.value for sent in traffic.acked()}
        read = [record.value for record in cluster.consume("small", seconds=60)]
    assert acked
    assert acked <= set(read)
    assert (("delete", "throttle", "cluster") in done) is limited
    assert not throttles(lab)
    assert not behind(lab)
    assert others(lab) == pids
    assert any(leads(lab)), "its preferred leaders are back"
    assert lab.json("drift")["in_sync"] is True


def half_way(lab: Lab) -> None:
    """The refill goes on by itself, limited, and is shown as long as it does."""
    moves = [move for move in lab.json("status")["moves"] if move["to"] == [2]]
    plan = lab.json("plan")
    drift = lab.json("drift", code=2)
    if not behind(lab):
        return  # of a busy machine: it was over before anybody looked
    assert moves
    assert all(move["ours"] for move in moves)
    assert sum(move["bytes_left"] or 0 for move in moves) > 0
    assert plan["forecast"]["moves"]["bytes"] > 0
    assert item(drift, "changes", kind="refill", name=LOST)["effect"] == "move"


def leads(lab: Lab) -> list[bool]:
    with lab.cluster() as cluster:
        view = cluster.view()
    return [p.leader == 2 for t in view.topics for p in t.partitions]


@EVERY
def test_what_only_it_had_is_named_before_anything_is_made(made: Lab) -> None:
    lab = made
    with lab.cluster() as cluster:
        cluster.send(CreateTopic("alone", 1, 1, assignments=((2,),)))
    until(lambda: topic_there(lab))
    lab.produce("alone", [b"gone with it"])
    pids = others(lab)
    comes_back_empty(lab)
    refused = lab.json("apply", code=2)
    (why,) = items(refused, "refused")
    assert why["kind"] == ("storage" if lab.kraft else "service")
    assert why["allow"] == "data-loss"
    assert "alone-0" in why["reason"]
    assert not lab.pids(lab.nodes[LOST])
    assert not (lab.home / "logs-2/meta.properties").exists()
    assert not throttles(lab)
    plan: Any = lab.json("plan", "--allow", "data-loss")
    if lab.kraft:
        assert "alone-0" in item(plan, "changes", kind="storage")["reason"]
        assert item(plan, "changes", kind="storage")["effect"] == "loss"
    lab.apply("--allow", "data-loss")
    lab.produce("alone", [b"again"])
    assert lab.consume("alone") == [b"again"]
    assert others(lab) == pids
    assert not throttles(lab)
    with lab.cluster() as cluster:
        cluster.delete_topic("alone")


def topic_there(lab: Lab) -> bool:
    with lab.cluster() as cluster:
        return cluster.view().topic("alone") is not None
