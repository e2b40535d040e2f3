"""A roll over three hosts that ends early and goes on, and a node that the spec holds."""

from __future__ import annotations

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real_hosts.clusters import Place, all_processes, bounced, on, three_nodes

HOLD = "/var/lib/provision/orders/hold.broker-2"


@pytest.fixture(scope="module")
def hosts(module_machines: MachineFactory) -> list[Machine]:
    return module_machines(3)


@pytest.fixture(scope="module")
def cluster(hosts: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("roll"), hosts)
    place.write(three_nodes(hosts))
    place.ok("apply")
    return place


def hosts_of(changed: set[str]) -> set[str]:
    return {name.partition("/")[0] for name in changed}


@pytest.mark.soak
def test_it_ends_before_one_restart_more_and_goes_on(cluster: Place, hosts: list[Machine]) -> None:
    cluster.edit("heap: 256m", "heap: 260m")
    before = all_processes(hosts)
    forecast = cluster.json("plan").cluster["forecast"]
    assert sorted(forecast["restarts"]) == ["broker-1", "broker-2", "broker-3"]
    assert (forecast["seconds"], forecast["blocked"], forecast["offline"]) == (None, [], [])

    some = cluster.json("apply", "--max-restarts", "2")
    assert some.code == 2, str(some)
    done = [item["name"] for item in some.cluster["applied"] if item["action"] == "restart"]
    assert done == forecast["restarts"][:2]
    assert len(hosts_of(bounced(before, all_processes(hosts)))) == 2
    left = [item["name"] for item in some.cluster["not_started"]]
    assert left == forecast["restarts"][2:]
    assert some.cluster["healthy"] is True

    rest = cluster.ok("apply", "--max-restarts", "1")
    assert "the restarts took " in rest.text
    assert len(hosts_of(bounced(before, all_processes(hosts)))) == 3

    cluster.edit("heap: 260m", "heap: 256m")
    assert cluster.json("plan").cluster["forecast"]["seconds"] > 0
    cluster.ok("apply")


def test_a_held_node_is_left_alone_and_root_keeps_the_hold(
    cluster: Place, hosts: list[Machine]
) -> None:
    cluster.edit(
        f"host: {hosts[1].name}, listeners", f"host: {hosts[1].name}, hold: disk, listeners"
    )
    cluster.edit("heap: 256m", "heap: 264m")
    before = all_processes(hosts)
    done = cluster.run("apply")
    assert done.code == 2, str(done)
    assert hosts_of(bounced(before, all_processes(hosts))) == {hosts[0].name, hosts[2].name}
    assert on(hosts[1], 'stat -c "%U %a" "$1"; cat "$1"', HOLD) == "root 640\ndisk\nspec\n"
    (refused,) = cluster.json("drift").cluster["refused"]
    assert (refused["name"], refused["host"]) == ("broker-2", hosts[1].name)
    assert refused["reason"].startswith("it is held: disk (hold in the spec, for ")
    (hold,) = cluster.json("status").cluster["holds"]
    assert (hold["name"], hold["reason"], hold["spec"]) == ("broker-2", "disk", True)
    cluster.edit(" hold: disk,", "")
    cluster.ok("apply")
    assert on(hosts[1], 'ls "$1" 2>&1; true', HOLD).strip().endswith("No such file or directory")
    assert cluster.run("drift").code == 0
