"""A host with an official tarball's layout and a unit of its own: brought in over SSH, and nothing
restarts; a heap is changed through that unit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.real.by_hand import SERVER, unpack, write
from tests.real.kafka_processes import installed
from tests.real_hosts.clusters import KRAFT, PATIENCE, ROOT, Answer, Place, on, processes, until

UNIT = """[Unit]
Description=Apache Kafka
After=network.target

[Service]
User=kafka
Environment=JAVA_HOME=/opt/jdk
Environment="KAFKA_HEAP_OPTS=-Xmx256M -Xms256M"
Environment="KAFKA_JVM_PERFORMANCE_OPTS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
ExecStart=/opt/kafka/bin/kafka-server-start.sh /opt/kafka/config/server.properties
Restart=on-abnormal

[Install]
WantedBy=multi-user.target
"""
PROPERTIES = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.quorum.bootstrap.servers": "localhost:9093",
    "listeners": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "inter.broker.listener.name": "PLAINTEXT",
    "advertised.listeners": "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL",
    **SERVER,
    "log.dirs": "/var/lib/kafka/data",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}
SET_UP = """
useradd --system kafka
mkdir -p /opt/kafka/logs /var/lib/kafka/data
chown -R root:root /opt/kafka; chown kafka:kafka /opt/kafka/logs /var/lib/kafka /var/lib/kafka/data
chown root:kafka /opt/kafka/config/server.properties; chmod 640 /opt/kafka/config/server.properties
chmod 755 /opt/kafka /opt/kafka/* /opt/kafka/bin/*
runuser -u kafka -- env JAVA_HOME=/opt/jdk /opt/kafka/bin/kafka-storage.sh \\
  format --standalone -t MkU3OEVBNTcwNTJENDM2Qg -c /opt/kafka/config/server.properties
systemctl daemon-reload && systemctl enable --now kafka.service
"""
TREE = """
find /opt/kafka /etc/systemd/system /var/lib/kafka \\
  -path '*/logs/*' -o -path '*/data/*' -o -printf '%p %y %m %u %g %l\\n' | sort
find /opt/kafka/bin /opt/kafka/config /etc/systemd/system -type f -exec sha256sum {} + | sort
"""
TRAPS = """
mkdir -p /srv/trap; chmod 1777 /srv/trap
chown -R kafka:kafka /opt/kafka
runuser -u kafka -- sh -c 'b=/opt/kafka/bin; for f in $b/*.sh $b/provision-launch.sh; do
  rm -f "$f"; printf "#!/bin/sh\\nid -u >>/srv/trap/ran\\n" >"$f"; chmod 755 "$f"
done'
"""
VERBS = (
    ("plan",), ("status",), ("verify",), ("validate", "--hosts"), ("apply",), ("stop",), ("start",),
    ("destroy", "--confirm", "orders", "--allow", "wipe-log-dir"),
)  # fmt: skip


@pytest.fixture(scope="module")
def host(module_machines: MachineFactory) -> Machine:
    """The host, with a Kafka that this tool has no part in."""
    found = installed(KRAFT)
    java = found.java.parent.parent
    # Its own folder only we may enter.
    binds = {f"/opt/jdk/{part.name}": part for part in java.iterdir() if part.is_dir()}
    binds["/opt/jars"] = found.jars[0].parent
    (machine,) = module_machines(1, read_only=binds)
    home = machine.root / "opt/kafka"
    unpack(home, KRAFT, Path("/opt/jars"))
    write(home / "config/server.properties", PROPERTIES)
    (machine.root / "etc/systemd/system/kafka.service").write_text(UNIT)
    said = on(machine, f"(cd / && set -e; {SET_UP}) 2>&1; echo ended with $?")
    assert said.endswith("ended with 0\n"), said
    until(lambda: listening(machine) or failed(machine), "port 9092")
    assert listening(machine), on(machine, "journalctl -u kafka.service --no-pager | tail -n 40")
    return machine


def failed(machine: Machine) -> bool:
    return "failed" in on(machine, "systemctl is-active kafka.service; true")


def listening(machine: Machine) -> bool:
    return f":{9092:04X} " in on(machine, "cat /proc/net/tcp /proc/net/tcp6")


def bring_in(place: Place, into: Path) -> Answer:
    done = subprocess.run(
        [sys.executable, "-m", "provisioner", "import", "-i", str(place.folder / "inventory.yaml"),
         "--cluster", "orders", "-o", str(into)],
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def place(host: Machine, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The imported spec."""
    folder = tmp_path_factory.mktemp("preinstalled")
    given = Place(folder, [host])
    given.inventory()
    before = on(host, TREE)
    done = bring_in(given, folder / "one")
    assert done.code == 0, str(done)
    assert on(host, TREE) == before, "an import only looks"
    return Place(folder / "one", [host], name="cluster")


def test_the_plan_is_empty_and_the_first_apply_restarts_nothing(
    place: Place, host: Machine
) -> None:
    before, tree = processes(host), on(host, TREE)
    assert [len(each) for each in before.values()] == [1]
    plan = place.json("plan", "--exit-code")
    assert plan.code == 0, str(plan)
    assert [plan.cluster[k] for k in ("changes", "deferred", "refused", "unknown")] == [[]] * 4
    done = place.json("apply")
    assert done.code == 0, str(done)
    assert done.cluster["applied"] == []
    assert processes(host) == before
    assert on(host, TREE) == tree


def test_a_second_import_is_the_same(place: Place, host: Machine) -> None:
    given = Place(place.folder.parent, [host])
    done = bring_in(given, given.folder / "two")
    assert done.code == 0, str(done)
    for name in ("cluster.yaml", "inventory.yaml"):
        assert (given.folder / "two" / name).read_bytes() == (place.folder / name).read_bytes()


def test_a_heap_is_changed_through_the_unit_and_nothing_else_is_made(
    place: Place, host: Machine
) -> None:
    before, tree = processes(host), on(host, TREE)
    place.edit("heap: 256M", "heap: 300m")
    done = place.json("apply")
    assert done.code == 0, str(done)
    dropin = "/etc/systemd/system/kafka.service.d/90-provision-orders.conf"
    assert [(c["action"], c["name"]) for c in done.cluster["applied"]] == [
        ("create", dropin),
        ("restart", "broker-1"),
    ]
    after = processes(host)
    (was,), (now,) = before["server.properties"], after["server.properties"]
    assert now.pid != was.pid
    assert on(host, "systemctl show -p MainPID --value kafka.service").strip() == str(now.pid)
    assert "-Xmx300m" in on(host, f"tr '\\0' ' ' </proc/{now.pid}/cmdline")
    made = set(on(host, TREE).splitlines()) - set(tree.splitlines())
    assert all("kafka.service.d" in line for line in made), made
    assert place.run("plan", "--exit-code").code == 0


def test_a_setting_is_written_by_who_owns_the_folder(place: Place, host: Machine) -> None:
    place.edit("socket.send.buffer.bytes: 102400", "socket.send.buffer.bytes: 204800")
    done = place.json("apply")
    assert done.code == 0, str(done)
    stat = on(host, "stat -c '%U:%G %a' /opt/kafka/config/server.properties").strip()
    assert stat == "root:kafka 640"
    kept = on(host, "cat /opt/kafka/config/server.properties.before-provision")
    assert kept.startswith("# edited by hand")
    assert place.run("plan", "--exit-code").code == 0


def test_root_runs_nothing_of_a_folder_that_is_a_trap(place: Place, host: Machine) -> None:
    on(host, TRAPS)
    for words in VERBS:
        place.run(*words)
        assert "0" not in on(host, "cat /srv/trap/ran 2>/dev/null; true").split(), words
    assert "kafka.service.d" not in on(host, "ls /etc/systemd/system")
    assert on(host, "ls /opt/kafka/libs | head -n 1")
