"""A ZooKeeper ensemble on three hosts, three brokers on three others."""

from __future__ import annotations

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real_hosts.clusters import (
    Place,
    Watch,
    Writer,
    all_processes,
    bounced,
    ensemble,
    leftovers,
)


@pytest.fixture(scope="module")
def hosts(module_machines: MachineFactory) -> list[Machine]:
    return module_machines(6)


@pytest.fixture(scope="module")
def cluster(hosts: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("ensemble"), hosts)
    place.write(ensemble(hosts))
    place.ok("apply", "--round-trip")
    return place


def test_it_stands_and_a_second_apply_changes_nothing(cluster: Place) -> None:
    before = all_processes(cluster.machines)
    assert {name.split("/")[1] for name in before} == {
        "zookeeper.properties",
        *(f"server-{n}.properties" for n in (1, 2, 3)),
    }
    assert len(before) == 6
    again = cluster.json("apply")
    assert again.code == 0, str(again)
    assert again.cluster["applied"] == []
    assert cluster.json("drift").cluster["in_sync"] is True
    assert all_processes(cluster.machines) == before
    assert all(leftovers(m) == [] for m in cluster.machines)


@pytest.mark.soak
def test_all_are_rolled_one_at_a_time_and_nothing_is_lost(cluster: Place) -> None:
    """First the ensemble, which keeps its majority, then the brokers."""
    servers, brokers = cluster.machines[:3], cluster.machines[3:]
    before = all_processes(cluster.machines)
    ports = {m.name: (m.address, 2181) for m in servers}
    ports |= {m.name: (m.address, 9092) for m in brokers}
    addresses = [f"{m.address}:9092" for m in brokers]
    with Writer(addresses, "invoices") as writer, Watch(ports) as watch:
        cluster.edit("heap: 200m", "heap: 190m")
        done = cluster.json("apply")
    assert done.code == 0, str(done)
    assert bounced(before, all_processes(cluster.machines)) == set(before)
    assert watch.ever == set(ports)
    assert watch.most == 1
    assert writer.acknowledged - writer.kept() == set()
    order = [c["host"] for c in done.cluster["applied"] if c["kind"] == "service"]
    assert set(order[:3]) == {m.name for m in servers}
    assert cluster.run("drift").code == 0
