"""Brokers that are to go, on hosts of their own under systemd: one runs, one lost its host; and
before that one whose host is installed anew and comes back."""

from __future__ import annotations

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real_hosts.clusters import CLEANER, JVM, KRAFT, Place, Writer, all_processes, on, until

UNIT = "/etc/systemd/system/kafka-orders-broker-3.service"
DATA = "/var/lib/kafka/data"


def four(machines: list[Machine]) -> str:
    """A controller beside the first of four brokers."""
    lines = [
        "cluster: orders",
        f'kafka: {{version: "{KRAFT}", supervisor: systemd}}',
        "defaults:",
        "  heap: 256m",
        f"  {JVM}",
        f"  config: {{{CLEANER}}}",
        f"controllers: [{{id: 100, host: {machines[0].name}, port: 9093}}]",
        "brokers:",
        *(
            f"  - {{id: {n}, host: {m.name}, listeners: ['PLAINTEXT://:9092'], log_dirs: [{DATA}]}}"
            for n, m in enumerate(machines, start=1)
        ),
        "topics:",
        "  orders: {partitions: 4, replication: 2}",
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def hosts(module_machines: MachineFactory) -> list[Machine]:
    return module_machines(4)


@pytest.fixture(scope="module")
def cluster(hosts: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("leaving"), hosts)
    place.write(four(hosts))
    place.ok("apply")
    return place


def line(number: int, machine: Machine) -> str:
    return (
        f"{{id: {number}, host: {machine.name}, listeners: ['PLAINTEXT://:9092'], "
        f"log_dirs: [{DATA}]}}"
    )


def goes(place: Place, number: int, machine: Machine) -> None:
    place.edit(line(number, machine), f"{{id: {number}, host: {machine.name}, state: absent}}")


def brokers(place: Place) -> set[int]:
    return {broker["id"] for broker in place.json("status").cluster["brokers"]}


def up(place: Place, id: int) -> bool:
    return any(b["id"] == id and b["up"] for b in place.json("status").cluster["brokers"])


def there(machine: Machine, path: str) -> bool:
    return on(machine, '[ ! -e "$1" ] || echo yes', path) == "yes\n"


def test_one_whose_host_was_installed_anew_is_filled_by_the_others(
    cluster: Place, hosts: list[Machine]
) -> None:
    """Another machine under the same name: nothing of the old one is left, its host key neither."""
    lost = hosts[1]
    before = all_processes([hosts[0], *hosts[2:]])
    with Writer([f"{m.address}:9092" for m in hosts if m is not lost], "orders") as writer:
        lost.rebuild()
        lost.rekey()
        lost.boot()
        lost.wait()
        assert not there(lost, "/opt/kafka")
        answer = cluster.json("apply", "--replace-host-key", lost.name)
        assert answer.code == 0, str(answer)
        written = len(writer.acknowledged)
        until(lambda: len(writer.acknowledged) > written + 20, "messages after it")
    done = [(c["action"], c["kind"], c["name"]) for c in answer.cluster["applied"]]
    assert ("create", "storage", DATA) in done
    assert done.index(("create", "throttle", "cluster")) < done.index(
        ("start", "service", "broker-2")
    )
    assert ("delete", "throttle", "cluster") in done
    assert not [c for c in done if c[0] == "restart"]
    assert all_processes([hosts[0], *hosts[2:]]) == before
    assert writer.acknowledged <= writer.kept()
    status = cluster.json("status").cluster
    assert not status["throttles"]
    assert all(b["up"] and not b["behind"] for b in status["brokers"])
    cluster.ok("drift")
    assert not cluster.json("apply").cluster["applied"]


def test_one_goes_with_its_unit_and_its_data(cluster: Place, hosts: list[Machine]) -> None:
    before = all_processes(hosts)
    goes(cluster, 3, hosts[2])
    kept = cluster.json("apply")
    assert kept.code == 2, str(kept)
    (refused,) = kept.cluster["refused"]
    assert (refused["allow"], refused["allow_value"]) == ("wipe-log-dir", DATA)
    assert brokers(cluster) == {1, 2, 4}
    left = {name: java for name, java in before.items() if not name.startswith(hosts[2].name)}
    assert all_processes(hosts) == left
    assert not there(hosts[2], UNIT)
    assert there(hosts[2], f"{DATA}/meta.properties")
    assert on(hosts[2], 'systemctl is-enabled "$1" 2>/dev/null; true', UNIT.rpartition("/")[2]) in (
        "",
        "not-found\n",
    )
    # Its file is gone: where its data is, the manifest knows.
    cluster.ok("apply", "--allow", "wipe-log-dir")
    assert not there(hosts[2], f"{DATA}/meta.properties")
    assert not there(hosts[2], "/opt/kafka/config/server-3.properties")
    cluster.ok("drift")
    assert not cluster.json("apply").cluster["applied"]
    assert all_processes(hosts) == left


@pytest.mark.soak
def test_one_whose_host_is_gone_goes_without_it(cluster: Place, hosts: list[Machine]) -> None:
    hosts[3].power_cut()
    until(lambda: not up(cluster, 4), "Kafka misses it")
    goes(cluster, 4, hosts[3])
    done = cluster.json("apply")
    assert done.code == 3, str(done)
    assert not done.cluster["failed"]
    assert {item["name"] for item in done.cluster["unknown"]} == {"broker-4"}
    assert brokers(cluster) == {1, 2}
    assert not cluster.json("apply").cluster["applied"]
    # Gone for good: then its line is taken out.
    text = cluster.spec.read_text()
    cluster.spec.write_text("".join(t for t in text.splitlines(True) if hosts[3].name not in t))
    cluster.ok("apply")
