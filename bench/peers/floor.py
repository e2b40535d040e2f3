"""Bare → up with nothing but ssh, tar and java: the work itself, without any tool."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.clock import Cost
from bench.local import wait_open
from bench.peers import files
from tests.hosts.machine import Machine

JAVA = (
    "setsid setpriv --reuid kafka --regid kafka --clear-groups /opt/jre/bin/java "
    "-Xms256m -Xmx256m -cp /opt/kafka/libs/*"
)
LAB = f"""
mkdir -p /var/lib/kafka/zookeeper /var/lib/kafka/logs-0 /var/lib/kafka/logs-1 /var/lib/kafka/logs-2
mkdir -p /etc/kafka; useradd -r kafka
printf '%s\\n' dataDir=/var/lib/kafka/zookeeper clientPort=2181 maxClientCnxns=0 \
  admin.enableServer=false >/etc/kafka/zookeeper.properties
for i in 0 1 2; do
  printf '%s\\n' broker.id=$i listeners=PLAINTEXT://ADDRESS:$((9092+i)) \
    log.dirs=/var/lib/kafka/logs-$i zookeeper.connect=localhost:2181 \
    offsets.topic.replication.factor=3 >/etc/kafka/server-$i.properties
done
cd /opt; ln -s kafka-VERSION kafka; ln -s jre-21 jre; chown -R kafka /var/lib/kafka
set -f; J="{JAVA} -Dlog4j.configuration=file:/opt/kafka/config/log4j.properties"
J="$J -Dkafka.logs.dir=/var/lib/kafka"
$J org.apache.zookeeper.server.quorum.QuorumPeerMain /etc/kafka/zookeeper.properties \
  >/tmp/z.out 2>&1 </dev/null &
for i in 0 1 2; do
  $J kafka.Kafka /etc/kafka/server-$i.properties >/tmp/b$i.out 2>&1 </dev/null &
done
"""
KRAFT = f"""
mkdir -p /var/lib/kafka/data /etc/kafka; useradd -r kafka
printf '%s\\n' process.roles=broker,controller node.id=NUMBER controller.quorum.voters=VOTERS \
  controller.listener.names=CONTROLLER \
  listeners=PLAINTEXT://ADDRESS:9092,CONTROLLER://ADDRESS:9093 \
  listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT \
  inter.broker.listener.name=PLAINTEXT log.dirs=/var/lib/kafka/data \
  offsets.topic.replication.factor=3 >/etc/kafka/server.properties
id=$(head -c16 /dev/urandom | base64 | tr +/ -_ | tr -d =)
printf '%s\\n' version=1 cluster.id=4L6g3nShT-eMCtK--X86sw node.id=NUMBER directory.id=$id \
  >/var/lib/kafka/data/meta.properties
cd /opt; ln -s kafka-VERSION kafka; ln -s jre-21 jre; chown -R kafka /var/lib/kafka
set -f
{JAVA} -Dkafka.logs.dir=/var/lib/kafka -Dlog4j2.configurationFile=/opt/kafka/config/log4j2.yaml \
  kafka.Kafka /etc/kafka/server.properties >/tmp/b.out 2>&1 </dev/null &
"""
TOPICS = """export JAVA_HOME=/opt/jre; set -e
T="/opt/kafka/bin/kafka-topics.sh --bootstrap-server ADDRESS:9092"
$T --create --if-not-exists --topic atu --partitions 1 --replication-factor 1
n=0
until $T --create --if-not-exists --topic purchases --partitions 3 --replication-factor 3; do
  n=$((n+1)); [ $n -lt 5 ]; sleep 1
done
$T --describe
"""


def up(kind: str, machines: Sequence[Machine]) -> tuple[Cost, str]:
    """The cost of it all, and its parts in words."""
    folder, version = files.ensure(), files.VERSIONS[kind]
    begun = time.monotonic()
    pushes = [
        (machine, folder / name)
        for machine in machines
        for name in (f"kafka-{version}.tar.gz", "jre-21.tar.gz")
    ]
    with ThreadPoolExecutor(len(pushes)) as pool:
        list(pool.map(lambda each: _push(*each), pushes))
        pushed = time.monotonic()
        list(pool.map(lambda n: _start(kind, machines, n, version), range(len(machines))))
    ports = (2181, 9092, 9093, 9094) if kind == "lab" else (9092,)
    wait_open([(machine.address, port) for machine in machines for port in ports])
    opened = time.monotonic()
    first = machines[0]
    done = first.ssh(TOPICS.replace("ADDRESS", first.address), user="root", timeout=180)
    ended = time.monotonic()
    assert done.stdout.count("PartitionCount") == 2, done
    parts = f"push {pushed - begun:.1f}, ports {opened - pushed:.1f}, topics {ended - opened:.1f}"
    return Cost(ended - begun), parts


def _push(machine: Machine, archive: Path) -> None:
    with archive.open("rb") as source:
        command = machine.ssh_command("tar -xz -C /opt --no-same-owner", user="root")
        subprocess.run(command, stdin=source, check=True)


def _start(kind: str, machines: Sequence[Machine], index: int, version: str) -> None:
    machine = machines[index]
    voters = ",".join(f"{n}@{m.address}:9093" for n, m in enumerate(machines, 1))
    text = LAB if kind == "lab" else KRAFT
    for word, value in (
        ("ADDRESS", machine.address),
        ("NUMBER", str(index + 1)),
        ("VOTERS", voters),
        ("VERSION", version),
    ):
        text = text.replace(word, value)
    done = machine.ssh(text, user="root")
    assert done.returncode == 0, done
