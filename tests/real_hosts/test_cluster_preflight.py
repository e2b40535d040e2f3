"""What stands in the way is said at once, for all hosts, before anything is touched; and log dirs
on disks of their own, which are never formatted over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.hosts.options import MIB, SmallDisk
from tests.real_hosts.clusters import (
    CLEANER,
    JVM,
    KRAFT,
    Place,
    bounced,
    leftovers,
    on,
    processes,
    three_nodes,
    tree,
    until,
)

DATA = "/data"
STRANGER = "/srv/other/server.properties"


@pytest.fixture(scope="module")
def hosts(module_machines: MachineFactory) -> list[Machine]:
    """The third has a small disk where Kafka's folder is to be."""
    return [*module_machines(2), *module_machines(1, disk=SmallDisk("/opt", 24 * MIB))]


def test_all_problems_of_all_hosts_at_once(hosts: list[Machine], tmp_path: Path) -> None:
    one, two, three = hosts
    place = Place(tmp_path, hosts)
    place.write(three_nodes(hosts))
    on(one, "systemd-run -q --unit=taken /usr/sbin/sshd -D -p 9092")
    until(lambda: ":9092 " in on(one, "ss -ltnH"), "somebody's port")
    # A command line alone is no Kafka: the program has to be a java.
    on(two, "mkdir -p /srv/other && cp /usr/bin/tail /srv/other/java")
    on(two, f"systemd-run -q --unit=other /srv/other/java -f /dev/null kafka.Kafka {STRANGER}")
    on(two, "mkdir -p /var/lib/kafka && mount -t tmpfs -o ro,size=100m none /var/lib/kafka")
    until(lambda: processes(two), "somebody's Kafka")
    before = [tree(m) for m in hosts]

    found = place.json("validate", "--hosts")
    assert found.code == 1, str(found)
    assert [tree(m) for m in hosts] == before

    taken = on(one, "systemctl show -p MainPID --value taken").strip()
    stranger = on(two, "systemctl show -p MainPID --value other").strip()
    answer = place.json("apply")
    assert answer.code == 1, str(answer)
    for problems in (found.document["errors"], answer.document["errors"]):
        said = [(p["host"], p["code"], p["message"]) for p in problems]
        assert _one(said, one, "port-taken", "9092", f"pid {taken} of root: ", "sshd")
        assert _one(said, two, "preflight", "another Kafka", stranger, STRANGER)
        assert _one(said, two, "preflight", "/var/lib/kafka/data", "cannot be written")
        assert _one(said, three, "disk-full", "/opt/kafka")
        assert len(said) == 4, said
    for machine in hosts:
        assert on(machine, "ls -A /opt; id -u kafka 2>/dev/null; true") == ""
        assert on(machine, "ls /etc/systemd/system/kafka* 2>/dev/null; true") == ""
    on(one, "systemctl stop taken")
    on(two, "systemctl stop other; umount /var/lib/kafka")


def _one(said: list[tuple[str, str, str]], host: Machine, code: str, *words: str) -> bool:
    """Whether exactly one problem of the host has that code and these words."""
    mine = [m for h, c, m in said if (h, c) == (host.name, code) and all(w in m for w in words)]
    return len(mine) == 1


def test_a_log_dir_on_a_disk_of_its_own(machines: MachineFactory, tmp_path: Path) -> None:
    """Not mounted is no empty log dir: nothing is formatted, started, or said to be in sync."""
    (host,) = machines(disk=SmallDisk(DATA, 300 * MIB, "ext4"))
    place = Place(tmp_path, [host])
    place.write(f"""cluster: disk
kafka: {{version: "{KRAFT}", supervisor: systemd}}
defaults: {{heap: 200m, {JVM}, config: {{{CLEANER}}}}}
controllers:
  - {{id: 1, host: {host.name}, port: 9093}}
brokers:
  - id: 1
    host: {host.name}
    listeners: [PLAINTEXT://localhost:9092]
    log_dirs: [{{path: {DATA}, mounted: true}}]
topics:
  atu: {{partitions: 1, replication: 1}}
""")
    on(host, f"umount {DATA}")
    refused = place.json("apply")
    assert refused.code in (1, 2), str(refused)
    assert "mount" in str(refused)
    assert processes(host) == {}
    assert on(host, f"ls -A {DATA}") == ""

    host.power_cycle()  # mounted again
    assert on(host, f"mountpoint {DATA}")
    refused = place.json("apply")  # as mkfs made it
    assert refused.code == 2, str(refused)
    assert f"rmdir {DATA}/lost+found" in str(refused.cluster["refused"])
    assert on(host, f"ls {DATA}").split() == ["lost+found"]
    on(host, f"rmdir {DATA}/lost+found")
    place.ok("apply")
    meta = on(host, f"cat {DATA}/meta.properties")
    assert "node.id=1" in meta
    assert leftovers(host) == []

    before = processes(host)
    on(host, "systemctl stop kafka-disk-broker-1")
    on(host, f"umount {DATA}")
    for verb in ("drift", "apply"):
        seen = place.json(verb)
        assert seen.code in (2, 3), str(seen)
        assert "mount" in str(seen.cluster["unknown"]) + str(seen.cluster["refused"]), str(seen)
        assert processes(host) == {}
        assert on(host, f"ls -A {DATA}") == ""
    host.power_cycle()
    until(lambda: place.run("verify").code == 0, "the broker on its disk")
    assert on(host, f"cat {DATA}/meta.properties") == meta
    assert bounced(before, processes(host)) == set(before)
