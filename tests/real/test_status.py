"""``provision status`` against what Kafka's own tool and the processes say."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.real.provisioned import Provisioned, provisioned
from tests.soak import modes

LINE = re.compile(r"Topic: (\S+)\s+Partition: (\d+)\s+Leader: (\S+)\s+Replicas: (\S*)\s+Isr: (\S*)")


@pytest.fixture(scope="module", params=modes("kraft", soak=("zookeeper",)))
def lab(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Provisioned]:
    with provisioned(tmp_path_factory.mktemp(request.param), request.param) as found:
        yield found


def described(lab: Provisioned, broker: int = 0) -> dict[tuple[str, int], tuple[Any, ...]]:
    """{(topic, partition): (leader, replicas, isr)} by ``kafka-topics.sh --describe``."""
    command = [lab.home / "bin/kafka-topics.sh", "--describe"]
    command += ["--bootstrap-server", f"localhost:{lab.ports[broker]}"]
    environment = os.environ | {"KAFKA_HEAP_OPTS": "-Xmx128m"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return {
        (topic, int(partition)): (
            None if leader in ("none", "-1") else int(leader),
            [int(id) for id in replicas.split(",") if id],
            sorted(int(id) for id in isr.split(",") if id),
        )
        for topic, partition, leader, replicas, isr in LINE.findall(done.stdout)
    }


def told(cluster: dict[str, Any]) -> dict[tuple[str, int], tuple[Any, ...]]:
    return {
        (topic["name"], p["id"]): (p["leader"], p["replicas"], sorted(p["isr"]))
        for topic in cluster["topics"]
        for p in topic["partitions"]
    }


def test_a_whole_cluster_is_told_as_kafka_describes_it(lab: Provisioned) -> None:
    cluster = lab.status()
    assert told(cluster) == described(lab)
    assert {("atu", 0), ("purchases", 2)} <= set(told(cluster))
    brokers = cluster["brokers"]
    assert [broker["id"] for broker in brokers] == [0, 1, 2]
    assert all(b["up"] and b["running"] and not b["behind"] for b in brokers)
    assert sum(b["leads"] for b in brokers) == len(told(cluster))
    assert sum(b["controller"] for b in brokers) == 1
    assert [d["path"] for b in brokers for d in b["log_dirs"]] == [
        str(lab.home / f"logs-{id}") for id in (0, 1, 2)
    ]
    if lab.kraft:
        assert [c["leader"] for c in cluster["controllers"]].count(True) == 1
        assert all(c["up"] and c["lag"] is not None for c in cluster["controllers"])
    else:
        assert cluster["zookeeper"] == [{"id": 1, "host": "localhost", "up": True}]


def test_a_person_sees_a_row_for_each_partition(lab: Provisioned) -> None:
    done = lab.run("status")
    assert done.code == 0
    assert "purchases: 3 partitions, 3 replicas each" in done.text
    letters = sorted(
        "".join(line.split()[1:4])
        for line in done.text.split("\n")
        if re.match(r"  \d +[Ls] ", line) and "·" not in line
    )
    assert letters == ["Lss", "sLs", "ssL"]


def test_after_a_broker_ended_it_is_told_as_it_is(lab: Provisioned) -> None:
    lab.end(lab.broker_pid(1))
    try:
        cluster = settled(lab)
        assert told(cluster) == described(lab)
        up = {b["id"]: (b["up"], b["running"], b["leads"]) for b in cluster["brokers"]}
        assert up[1] == (False, False, 0)
        assert up[0][:2] == up[2][:2] == (True, True)
        mine = [p for t in cluster["topics"] for p in t["partitions"] if 1 in p["replicas"]]
        assert all(p["offline"] == [1] for p in mine)
        behind = cluster["brokers"][1]["behind"]
        assert behind == len(mine)
        assert "down" in lab.run("status").text
    finally:
        lab.apply()


def settled(lab: Provisioned) -> dict[str, Any]:
    """The status once the cluster has noticed that broker 1 is gone."""
    until = time.monotonic() + 300
    while True:
        cluster = lab.status()
        if not cluster["brokers"][1]["up"] or time.monotonic() > until:
            return cluster
        time.sleep(0.5)


def test_with_kafka_down_processes_are_still_told(lab: Provisioned) -> None:
    lab.end(*[lab.broker_pid(id) for id in (0, 1, 2)], how=signal.SIGKILL)
    try:
        done = lab.run("status", "--json")
        assert done.code == 3, "partitions could not be read"
        cluster = done.cluster
        assert [(b["up"], b["running"]) for b in cluster["brokers"]] == [(False, False)] * 3
        assert all(b["leads"] is None for b in cluster["brokers"]), "not known is not none"
        assert cluster["topics"] is None
        assert not cluster["complete"]
        if not lab.kraft:
            assert cluster["zookeeper"][0]["up"]
    finally:
        lab.apply()
