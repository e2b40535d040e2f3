"""``policy.leaders: preferred``: what a restart by hand left is put right, where Kafka does not."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.real.lab import Lab, items, kraft_lab, until, zookeeper_lab
from tests.soak import modes


@pytest.fixture(scope="module", params=modes("3.9.1 zookeeper", soak=("4.3.1 kraft",)))
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    version, mode = request.param.split()
    folder = tmp_path_factory.mktemp(f"{mode}-{version}")
    made = zookeeper_lab(folder) if mode == "zookeeper" else kraft_lab(folder, version=version)
    made.data["policy"] = {"leaders": "preferred"}
    made.data["defaults"]["config"]["auto.leader.rebalance.enable"] = False
    made.write()
    try:
        made.apply()
        yield made
    finally:
        made.clean()


def imbalance(lab: Lab) -> dict[str, set[int]]:
    """Topic → partitions that another than the preferred leader leads; {} while one is behind."""
    with lab.cluster() as cluster:
        topics = [t for t in cluster.view().topics if not t.internal]
        assert all(len(p.isr) == len(p.replicas) for t in topics for p in t.partitions)
        found = {t.name: {p.id for p in t.partitions if p.leader != p.replicas[0]} for t in topics}
        return {name: ids for name, ids in found.items() if ids}


def caught_up(lab: Lab) -> bool:
    try:
        return bool(imbalance(lab))
    except Exception:
        return False


def test_leaders_that_kafka_does_not_give_back_are_drift_and_elected(lab: Lab) -> None:
    assert lab.json("drift")["in_sync"] is True
    lab.end(lab.pid("broker-1"))
    start = [lab.home / "bin/kafka-server-start.sh", "-daemon", "config/server-1.properties"]
    subprocess.run(start, cwd=lab.home, check=True, timeout=60)
    until(lambda: caught_up(lab))
    wrong = imbalance(lab)
    assert "purchases" in wrong
    pids = lab.pids_now()
    changes = items(lab.json("drift", code=2), "changes")
    assert {c["kind"] for c in changes} == {"leader"}
    assert {c["name"]: set(c["before"]["not_preferred"]) for c in changes} == wrong
    assert {c["effect"] for c in changes} == {"none"}
    assert {(a, k) for a, k, _ in lab.applied()} == {("update", "leader")}
    assert imbalance(lab) == {}
    assert lab.json("drift")["in_sync"] is True
    assert lab.pids_now() == pids
