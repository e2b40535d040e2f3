"""A topic's own placement: made there, moved there, and led by the first of each list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.real.lab import Lab, item, kraft_lab, zookeeper_lab
from tests.soak import modes


@pytest.fixture(scope="module", params=modes("zookeeper", soak=("kraft",)))
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp(request.param)
    lab = zookeeper_lab(folder) if request.param == "zookeeper" else kraft_lab(folder, brokers=3)
    try:
        lab.data["topics"]["placed"] = {"placement": {0: [2, 0], 1: [1, 2]}}
        lab.write()
        lab.apply()
        yield lab
    finally:
        lab.clean()


def placed(lab: Lab) -> list[tuple[int, ...]]:
    with lab.cluster() as cluster:
        topic = cluster.view().topic("placed")
    assert topic is not None
    return [partition.replicas for partition in topic.partitions]


def test_it_is_made_there(lab: Lab) -> None:
    assert placed(lab) == [(2, 0), (1, 2)]
    assert lab.applied() == []


def test_it_moves_there_and_the_order_counts(lab: Lab) -> None:
    pids = lab.pids_now()

    def change(spec: Any) -> None:
        spec["topics"]["placed"] = {"placement": {0: [0, 2], 1: [0, 1]}}

    with lab.changed(change):
        found = item(lab.json("drift", code=2), "changes", kind="placement")
        assert found["before"] == {"0": [2, 0], "1": [1, 2]}
        assert found["after"] == {"0": [0, 2], "1": [0, 1]}
        lab.apply()
        assert placed(lab) == [(0, 2), (0, 1)]
        assert lab.applied() == []
    lab.apply()
    assert placed(lab) == [(2, 0), (1, 2)]
    assert lab.pids_now() == pids


def test_it_grows_with_its_new_partitions_where_they_belong(lab: Lab) -> None:
    def change(spec: Any) -> None:
        spec["topics"]["placed"] = {"placement": {0: [2, 0], 1: [1, 2], 2: [0, 1]}}

    with lab.changed(change):
        lab.apply()
        assert placed(lab) == [(2, 0), (1, 2), (0, 1)]
        assert lab.applied() == []
