"""``provision drill`` on real clusters: what it proves and refuses, and that it always heals."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.kafka_client import connect
from tests.real.provisioned import Provisioned, provisioned
from tests.soak import modes

STEPS = ["healthy", "topic", "produce", "stop", "leaders", "goes-on", "read", "order"]
STEPS += ["start", "in-sync", "preferred-leaders", "proof", "pause", "clean"]


@pytest.fixture(scope="module", params=modes("zookeeper", soak=("kraft",)))
def lab(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Provisioned]:
    with provisioned(tmp_path_factory.mktemp(request.param), request.param) as found:
        yield found


def whole(lab: Provisioned) -> bool:
    """All up and in sync, led by their first replicas, and nothing of a drill left."""
    cluster = lab.status()
    partitions = [p for t in cluster["topics"] for p in t["partitions"]]
    return (
        all(b["up"] and not b["behind"] for b in cluster["brokers"])
        and all(p["leader"] == p["replicas"][0] for p in partitions)
        and not leftovers(cluster)
    )


def leftovers(cluster: dict[str, Any]) -> list[str]:
    return [t["name"] for t in cluster["topics"] if t["name"].startswith("__provision")]


def test_nothing_is_lost_and_the_one_copy_is_named(lab: Provisioned) -> None:
    broker = lab.leader("atu")
    pid = lab.broker_pid(broker)
    done = lab.run("drill", "--node", f"broker-{broker}", "--json")
    assert done.code == 0, done.text + done.progress
    drill = done.cluster["drill"]
    assert (drill["lost"], drill["duplicated"], drill["out_of_order"]) == (0, 0, 0)
    assert drill["healed"] is True
    assert drill["acked_before"] > 0
    assert drill["acked_during"] > 0
    assert drill["consumed"] >= drill["acked_before"] + drill["acked_during"]
    assert drill["ordered_across_partitions"] is False
    assert {move["from"] for move in drill["leaders_moved"]} == {broker}
    assert "purchases" in {move["topic"] for move in drill["leaders_moved"]}
    assert 0 < drill["unavailable_seconds"] < 30
    alone = {(u["topic"], u["partition"]): u["seconds"] for u in drill["unavailable"]}
    assert alone["atu", 0] > 0
    names = [step["name"] for step in drill["steps"]]
    assert [name for name in names if name != "one-copy"] == STEPS
    assert "one-copy" in names
    assert all(step["ok"] for step in drill["steps"])
    stop = next(step for step in drill["steps"] if step["name"] == "stop")
    assert "atu-0" in stop["detail"]
    assert lab.broker_pid(broker) != pid, "it was really stopped"
    assert whole(lab)


def test_what_a_topic_held_before_is_kept(lab: Provisioned) -> None:
    cluster = connect([("localhost", port) for port in lab.ports])
    written = [b"purchase-%d" % number for number in range(30)]
    assert not [
        a for a in cluster.produce("purchases", written, seconds=120) if isinstance(a, Exception)
    ]
    done = lab.run("drill", "--node", "broker-1", "--topic", "purchases")
    assert done.code == 0, done.text + done.progress
    assert "0 of 30 earlier lost" in done.text
    read = [record.value for record in cluster.consume("purchases", seconds=120)]
    cluster.close()
    assert set(written) <= set(read)
    assert whole(lab)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.soak)],
)
def test_interrupted_in_the_middle_it_heals(
    lab: Provisioned, number: signal.Signals, code: int
) -> None:
    running = lab.begin("drill", "--node", "broker-1")
    text = until_stopped(running)
    os.kill(running.pid, number)
    rest, _ = running.communicate(timeout=600)
    assert running.returncode == code, text + rest
    assert "interrupted; broker-1 is back and the cluster is healthy" in rest
    assert whole(lab)


def test_killed_it_leaves_what_apply_mends(lab: Provisioned) -> None:
    running = lab.begin("drill", "--node", "broker-1")
    until_stopped(running)
    running.kill()
    running.communicate(timeout=300)
    cluster = lab.status()
    assert not cluster["brokers"][1]["up"]
    assert leftovers(cluster)
    lab.apply()
    assert whole(lab)


def until_stopped(running: subprocess.Popen[str]) -> str:
    """Reads what a drill tells until the broker is stopped."""
    assert running.stdout is not None
    lines = []
    for line in running.stdout:
        lines.append(line)
        if "✓ stop" in line:
            return "".join(lines)
    raise AssertionError("it ended before it stopped anything: " + "".join(lines))


def test_an_unhealthy_cluster_is_refused_and_left_alone(lab: Provisioned) -> None:
    lab.end(lab.broker_pid(2))
    try:
        pid = lab.broker_pid(1)
        done = lab.run("drill", "--node", "broker-1", "--json")
        assert done.code == 1
        (error,) = done.document["errors"]
        assert error["code"] == "not-healthy"
        assert "broker-2" in error["message"]
        assert lab.broker_pid(1) == pid
        assert not leftovers(lab.status())
    finally:
        lab.apply()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--node", "broker-9"], "usage"),
        (["--node", "broker-1", "--topic", "nothing"], "usage"),
        (["--node", "broker-1", "--topic", "__consumer_offsets"], "usage"),
    ],
)
def test_what_cannot_be_drilled_is_refused(lab: Provisioned, words: list[str], code: str) -> None:
    began = time.monotonic()
    done = lab.run("drill", *words, "--json")
    assert done.code == 1
    assert [error["code"] for error in done.document["errors"]] == [code]
    assert time.monotonic() - began < 30
    assert whole(lab)
