"""A Kafka that a person set up, as on the lab sheet: a download unpacked into a folder, its
properties edited there, each process started by its own script. The tool has no part in it.

The scripts stand in for those of Kafka's own download: they take the same variables, and make the
same command line of them, in the same order.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.kafka_client import Both, connect
from tests.ports import free_ports
from tests.real.kafka_processes import LOG4J, LOG4J2, installed, listening
from tests.real.provisioned import PATIENCE, ROOT, Answer

RUN_CLASS = """#!/bin/sh
# Makes the command line that Kafka's own script makes.
base_dir=$(dirname "$0")/..
for jar in "$base_dir"/libs/*; do CLASSPATH=${CLASSPATH:+$CLASSPATH:}$jar; done
jmx=-Dcom.sun.management.jmxremote
: "${KAFKA_JMX_OPTS:=$jmx $jmx.authenticate=false $jmx.ssl=false}"
[ -z "$JMX_PORT" ] || KAFKA_JMX_OPTS="$KAFKA_JMX_OPTS $jmx.port=$JMX_PORT"
: "${LOG_DIR:=$base_dir/logs}"
mkdir -p "$LOG_DIR"
: "${KAFKA_HEAP_OPTS:=-Xmx256M}"
own="-server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35"
own="$own -XX:+ExplicitGCInvokesConcurrent -XX:MaxInlineLevel=15 -Djava.awt.headless=true"
: "${KAFKA_JVM_PERFORMANCE_OPTS:=$own}"
case $1 in -name) gc=-Xlog:gc*:file=$LOG_DIR/$2-gc.log:time,tags; shift 2 ;; esac
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" $KAFKA_HEAP_OPTS $KAFKA_JVM_PERFORMANCE_OPTS $gc \\
  $KAFKA_JMX_OPTS -Dkafka.logs.dir="$LOG_DIR" $KAFKA_LOG4J_OPTS -cp "$CLASSPATH" $KAFKA_OPTS "$@"
"""
START = """#!/bin/sh
base_dir=$(dirname "$0")
: "${KAFKA_LOG4J_OPTS:=@LOG@}"
: "${KAFKA_HEAP_OPTS:=-Xmx@HEAP@ -Xms@HEAP@}"
export KAFKA_LOG4J_OPTS KAFKA_HEAP_OPTS
exec "$base_dir/kafka-run-class.sh" -name @NAME@ @CLASS@ "$@"
"""
TOOL = """#!/bin/sh
exec "$(dirname "$0")/kafka-run-class.sh" @CLASS@ "$@"
"""
SERVER = {
    "num.network.threads": "3",
    "num.io.threads": "8",
    "socket.send.buffer.bytes": "102400",
    "socket.receive.buffer.bytes": "102400",
    "socket.request.max.bytes": "104857600",
    "num.partitions": "1",
    "num.recovery.threads.per.data.dir": "1",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "log.retention.hours": "168",
    "log.retention.check.interval.ms": "300000",
    "group.initial.rebalance.delay.ms": "0",
    "log.cleaner.dedupe.buffer.size": "8388608",
}
"""What the download's example has, and a buffer that fits into a small heap."""
ENVIRONMENT = {
    "KAFKA_HEAP_OPTS": "-Xmx256m -Xms256m",
    "KAFKA_JVM_PERFORMANCE_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
}


def unpack(home: Path, version: str, jars: Path | None = None) -> Path:
    """Kafka's folder as its download makes it; returns the Java home to run it with. ``jars``:
    where they are on the machine that it is for."""
    found = installed(version)
    for name in ("bin", "config", "libs"):
        (home / name).mkdir(parents=True)
    for jar in found.jars:
        (home / "libs" / jar.name).symlink_to(jars / jar.name if jars else jar)
    old = version.startswith("3.")
    log = "log4j.properties" if old else "log4j2.properties"
    (home / "config" / log).write_text(LOG4J if old else LOG4J2)
    option = "-Dlog4j.configuration=file:" if old else "-Dlog4j2.configurationFile="
    texts = {
        "kafka-run-class": RUN_CLASS,
        "kafka-server-start": start("kafka.Kafka", "kafkaServer", "1G"),
        "zookeeper-server-start": start(
            "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zookeeper", "512M"
        ),
        "kafka-storage": TOOL.replace("@CLASS@", "kafka.tools.StorageTool"),
    }
    for name, text in texts.items():
        path = home / "bin" / f"{name}.sh"
        path.write_text(text.replace("@LOG@", f"{option}$base_dir/../config/{log}"))
        path.chmod(0o755)
    return found.java.parent.parent


def start(main: str, name: str, heap: str) -> str:
    return START.replace("@CLASS@", main).replace("@NAME@", name).replace("@HEAP@", heap)


def write(path: Path, values: Mapping[str, str], comment: str = "edited by hand") -> None:
    lines = [f"# {comment}", "", *(f"{key}={value}" for key, value in values.items())]
    path.write_text("\n".join(lines) + "\n")


@dataclass
class ByHand:
    """ZooKeeper and three brokers of the sheet, running."""

    folder: Path
    home: Path
    ports: list[int]
    java: Path
    started: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    imports: int = 0

    # -- what a person does

    def file(self, node: str) -> Path:
        return self.home / "config" / FILES[node]

    def start(self, node: str, **environment: str) -> None:
        """In a terminal, from Kafka's folder, with relative paths."""
        script = "zookeeper" if node.startswith("zookeeper") else "kafka"
        with (self.folder / f"{node}.out").open("ab") as out:
            self.started[node] = subprocess.Popen(
                [f"./bin/{script}-server-start.sh", f"./config/{FILES[node]}"],
                cwd=self.home,
                env={**os.environ, "JAVA_HOME": str(self.java), **ENVIRONMENT, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def wait_open(self) -> None:
        until = time.monotonic() + PATIENCE
        for node, port in zip(FILES, (self.ports[3], *self.ports), strict=False):
            while not listening(port):
                text = (self.folder / f"{node}.out").read_text(errors="replace")[-3000:]
                assert self.started[node].poll() is None, text
                assert time.monotonic() < until, text
                time.sleep(0.05)

    # -- what the tool does

    @property
    def inventory(self) -> Path:
        return self.folder / "hosts.yaml"

    def bring_in(self, *words: str) -> tuple[Path, Answer]:
        """``import`` into a new folder."""
        self.imports += 1
        into = self.folder / f"imported-{self.imports}"
        done = command("import", "-i", str(self.inventory), "-o", str(into), *words)
        return into / "cluster.yaml", done

    def pids(self) -> dict[str, list[int]]:
        """Node → the Java processes that run with its file, by their command lines."""
        found: dict[str, list[int]] = {node: [] for node in FILES}
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = entry.read_bytes().decode(errors="replace").split("\0")
                here = (entry.parent / "cwd").readlink()
                for node in FILES:
                    if words[0].endswith("/java") and any(
                        word.endswith(FILES[node]) and here / word == self.file(node)
                        for word in words
                    ):
                        found[node].append(int(entry.parent.name))
        return found

    @contextlib.contextmanager
    def cluster(self) -> Iterator[Both]:
        found = connect([("localhost", port) for port in self.ports[:3]])
        try:
            yield found
        finally:
            found.close()

    def end(self) -> None:
        for pids in self.pids().values():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for process in self.started.values():
            process.wait(60)


FILES = {
    "zookeeper-1": "zookeeper.properties",
    "broker-0": "server.properties",
    "broker-1": "server-1.properties",
    "broker-2": "server-2.properties",
}


def command(verb: str, *words: str) -> Answer:
    done = subprocess.run(
        [sys.executable, "-m", "provisioner", verb, *words],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert "Traceback" not in done.stderr, done.stderr
    document = json.loads(done.stdout) if "--json" in words else {}
    return Answer(done.returncode, done.stdout, done.stderr, document)


@contextlib.contextmanager
def sheet_by_hand(folder: Path) -> Iterator[ByHand]:
    """The lab of the sheet, on ports that were free."""
    home = folder / "dev" / "kafka"
    ports = free_ports(4)
    lab = ByHand(folder, home, ports, unpack(home, "3.9.1"))
    machine = {"localhost": {"ansible_connection": "local"}}
    lab.inventory.write_text(json.dumps({"all": {"hosts": machine}}))
    write(
        lab.file("zookeeper-1"),
        {
            "dataDir": f"{home}/zookeeper/",
            "clientPort": str(ports[3]),
            "maxClientCnxns": "0",
            "admin.enableServer": "false",
        },
    )
    for id in range(3):
        (home / f"logs-{id}").mkdir()
        values = {
            "broker.id": str(id),
            "listeners": f"PLAINTEXT://localhost:{ports[id]}",
            **SERVER,
            "log.dirs": f"{home}/logs-{id}",
            "zookeeper.connect": f"localhost:{ports[3]}",
            "zookeeper.connection.timeout.ms": "18000",
            "zookeeper.session.timeout.ms": "6000",
        }
        write(lab.file(f"broker-{id}"), values)
    try:
        for node in FILES:
            lab.start(node)
        lab.wait_open()
        yield lab
    finally:
        lab.end()
