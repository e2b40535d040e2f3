"""Real ZooKeeper and Kafka processes on loopback ports, for tests that must show what Kafka does.

``zookeeper_lab`` and ``kraft_lab`` start a small cluster in a folder and give back a ``Lab``; its
processes are ended by their own pid, never by a name. Nothing is shared between labs but the jars.
"""

from __future__ import annotations

import contextlib
import io
import os
import platform
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from provisioner.artifacts.model import Distribution
from provisioner.artifacts.store import Store
from provisioner.kafka.client import connect
from tests.ports import free_ports as free_ports  # here for those who start processes

ZOOKEEPER_VERSION = "3.9.1"
KRAFT_VERSION = "4.2.0"
START_SECONDS = 300.0

# C1 and the serial collector halve the CPU of a start, which is most of what these tests cost.
JVM = ("-Xms256m", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")

# Both to the console, which goes to the process's own log: log4j 1 up to 3.9, log4j 2 from 4.0.
LOG4J = """log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %p %m (%c)%n
"""
LOG4J2 = """rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %m (%c)%n
"""

COMMON = {
    "num.partitions": "1",
    "auto.create.topics.enable": "true",  # so that a client that asks for it would be seen
    "offsets.topic.replication.factor": "3",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "group.initial.rebalance.delay.ms": "0",
    # Its default, 128 MB, made anew when the cleaner is reconfigured, does not fit into this heap
    # twice: 3.9's thread for dynamic changes then dies, and the broker takes no change any more.
    "log.cleaner.dedupe.buffer.size": "8388608",
    "controlled.shutdown.retry.backoff.ms": "500",
}


@dataclass(frozen=True)
class Installed:
    """Java and the jars of one Kafka version, unpacked on this machine."""

    java: Path
    jars: tuple[Path, ...]


@cache
def installed(version: str) -> Installed:
    """Kafka of this version and a Java, as the tool ships them to hosts.

    They are loaded into the tool's own cache when they are not there, and unpacked once, in a
    folder named by their digest. What cannot be had is an error, never a skip.
    """
    store = Store()
    prepared = store.ensure(store.prepare(version, platform=f"linux-{platform.machine()}"))
    assert prepared.kafka is not None
    assert prepared.java is not None
    jars = unpacked(store, prepared.kafka).rglob("*.jar")
    (java,) = unpacked(store, prepared.java).rglob("bin/java")
    return Installed(java, tuple(sorted(jars)))


def unpacked(store: Store, what: Distribution) -> Path:
    """The folder with its files. Two test processes may want it at once: the last rename wins."""
    parent = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "provision-tests"
    folder = parent / what.folder
    if not folder.exists():
        parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=parent))
        with tarfile.open(fileobj=io.BytesIO(b"".join(store.open(what)))) as archive:
            archive.extractall(fresh, filter="tar")
        with contextlib.suppress(OSError):  # the other one was first
            fresh.rename(folder)
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


def listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


@dataclass
class Process:
    """One java process: what it runs, the port that says it is up, and its log."""

    name: str
    port: int
    command: Sequence[str]
    folder: Path
    popen: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    @property
    def running(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def start(self) -> None:
        """Starts it and does not wait."""
        with self.log.open("ab") as out:
            self.popen = subprocess.Popen(
                self.command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def wait_open(self, seconds: float = START_SECONDS) -> None:
        """Until its port answers; a process that ended or is late fails with the end of its log."""
        until = time.monotonic() + seconds
        while not listening(self.port):
            if not self.running or time.monotonic() > until:
                tail = self.log.read_text(errors="replace")[-3000:]
                raise AssertionError(f"{self.name} did not open port {self.port}\n{tail}")
            time.sleep(0.05)

    def stop(self, seconds: float = 30.0) -> None:
        """SIGTERM and wait; SIGKILL after ``seconds``."""
        if self.popen is None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait(30)


@dataclass
class Lab:
    """A running cluster. ``brokers`` by id; ``zookeeper`` is None with KRaft."""

    folder: Path
    brokers: Mapping[int, Process]
    zookeeper: Process | None = None
    cluster_id: str | None = None
    _all: list[Process] = field(default_factory=list)

    @property
    def bootstrap(self) -> list[tuple[str, int]]:
        return [("localhost", broker.port) for broker in self.brokers.values()]

    def start(self) -> None:
        """Starts what does not run and waits for every port."""
        everything = [*([self.zookeeper] if self.zookeeper else []), *self.brokers.values()]
        for process in everything:
            if not process.running:
                process.start()
            if process is self.zookeeper:
                process.wait_open()
        for process in everything:
            process.wait_open()
        self._wait_registered()

    def _wait_registered(self, seconds: float = START_SECONDS) -> None:
        """Until every broker tells of all: a port is open before its broker knows of any."""
        until = time.monotonic() + seconds
        with contextlib.closing(connect(self.bootstrap, timeout=5.0)) as cluster:
            while True:
                seen = list(cluster.bootstrap_views().values())
                if all(not isinstance(v, str) and v.alive == set(self.brokers) for v in seen):
                    return
                assert time.monotonic() < until, f"not all brokers are registered: {seen}"
                time.sleep(0.05)

    def close(self) -> None:
        """Ends every process, brokers first: together they need no clean hand-over."""
        for broker in self.brokers.values():
            broker.kill()
        if self.zookeeper:
            self.zookeeper.kill()


def java(version: str, folder: Path, main: str, *arguments: str) -> list[str]:
    """The command line of a main class of this version, which logs to its standard output."""
    found = installed(version)
    classpath = ":".join(str(jar) for jar in found.jars)
    (folder / "log4j.properties").write_text(LOG4J)
    (folder / "log4j2.properties").write_text(LOG4J2)
    logging = (
        f"-Dlog4j.configuration=file:{folder}/log4j.properties",
        f"-Dlog4j2.configurationFile={folder}/log4j2.properties",
    )
    return [str(found.java), *JVM, *logging, "-cp", classpath, main, *arguments]


def write_properties(path: Path, values: Mapping[str, str]) -> Path:
    path.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    return path


@contextlib.contextmanager
def zookeeper_lab(
    folder: Path, brokers: int = 3, config: Mapping[str, str] | None = None
) -> Iterator[Lab]:
    """ZooKeeper and ``brokers`` brokers 0, 1, …; ``config`` is added to every broker's file."""
    zk_port, *ports = free_ports(brokers + 1)
    zk_file = write_properties(
        folder / "zookeeper.properties",
        {
            "dataDir": str(folder / "zookeeper"),
            "clientPort": str(zk_port),
            "clientPortAddress": "127.0.0.1",
            "admin.enableServer": "false",
            "maxClientCnxns": "0",
            "tickTime": "500",
        },
    )
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    zookeeper = Process(
        "zookeeper", zk_port, java(ZOOKEEPER_VERSION, folder, main, str(zk_file)), folder
    )
    nodes = {}
    for id, port in enumerate(ports):
        file = write_properties(
            folder / f"server-{id}.properties",
            COMMON
            | {
                "broker.id": str(id),
                "listeners": f"PLAINTEXT://localhost:{port}",
                "log.dirs": str(folder / f"logs-{id}"),
                "zookeeper.connect": f"localhost:{zk_port}",
                "zookeeper.session.timeout.ms": "6000",
                "zookeeper.connection.timeout.ms": "60000",
            }
            | dict(config or {}),
        )
        command = java(ZOOKEEPER_VERSION, folder, "kafka.Kafka", str(file))
        nodes[id] = Process(f"broker-{id}", port, command, folder)
    lab = Lab(folder, nodes, zookeeper)
    try:
        lab.start()
        yield lab
    finally:
        lab.close()


@contextlib.contextmanager
def kraft_lab(
    folder: Path,
    nodes: int = 3,
    config: Mapping[str, str] | None = None,
    version: str = KRAFT_VERSION,
) -> Iterator[Lab]:
    """``nodes`` combined nodes 1, 2, … (broker and static controller in one process)."""
    ports = free_ports(2 * nodes)
    ids = range(1, nodes + 1)
    clients = dict(zip(ids, ports, strict=False))
    quorum = dict(zip(ids, ports[nodes:], strict=True))
    voters = ",".join(f"{id}@localhost:{port}" for id, port in quorum.items())
    cluster_id = "MkU3OEVBNTcwNTJENDM2Qg"
    members, formats = {}, []
    for id in ids:
        file = write_properties(
            folder / f"server-{id}.properties",
            COMMON
            | {
                "process.roles": "broker,controller",
                "node.id": str(id),
                "listeners": f"PLAINTEXT://localhost:{clients[id]},"
                f"CONTROLLER://localhost:{quorum[id]}",
                "controller.listener.names": "CONTROLLER",
                "controller.quorum.voters": voters,
                "log.dirs": str(folder / f"logs-{id}"),
                "broker.session.timeout.ms": "3000",
                "broker.heartbeat.interval.ms": "500",
            }
            | dict(config or {}),
        )
        tool = ("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(file))
        formats.append(subprocess.Popen(java(version, folder, *tool), stdout=subprocess.DEVNULL))
        command = java(version, folder, "kafka.Kafka", str(file))
        members[id] = Process(f"node-{id}", clients[id], command, folder)
    assert [each.wait(300) for each in formats] == [0] * nodes
    lab = Lab(folder, members, None, cluster_id)
    try:
        lab.start()
        yield lab
    finally:
        lab.close()
