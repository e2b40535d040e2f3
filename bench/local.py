"""On this machine: --version, the no-op, and bare → verified against plain ``java``."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import breakdown
from bench.clock import Cost, interleaved, middle, run, timed
from bench.places import provision
from bench.results import Results
from tests.real.kafka_processes import free_ports

HEAP = "256m"
SPEC = """cluster: bench-lab
kafka:
  version: "3.9.1"
  home: {home}
defaults: {{heap: {heap}}}
zookeeper:
  - {{id: 1, host: localhost, client_port: {p[0]}, data_dir: zookeeper}}
brokers:
  - {{id: 0, host: localhost, listeners: [PLAINTEXT://localhost:{p[1]}], log_dirs: [logs-0]}}
  - {{id: 1, host: localhost, listeners: [PLAINTEXT://localhost:{p[2]}], log_dirs: [logs-1]}}
  - {{id: 2, host: localhost, listeners: [PLAINTEXT://localhost:{p[3]}], log_dirs: [logs-2]}}
topics:
  atu: {{partitions: 1, replication: 1}}
  purchases: {{partitions: 3, replication: 3}}
"""


@dataclass
class LocalLab:
    """The lab of specs/lab.yaml on ports of its own, in a folder of its own."""

    folder: Path
    ports: list[int]

    @property
    def spec(self) -> Path:
        return self.folder / "lab.yaml"

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def apply(self) -> Cost:
        return run(provision("apply", str(self.spec)))

    def destroy(self) -> None:
        """By the tool, for it knows what runs; then the folder."""
        words = ("--confirm", "bench-lab", "--allow", "wipe-log-dir", "--allow", "data-loss")
        run(provision("destroy", str(self.spec), *words), codes=range(256))
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)

    def processes(self) -> dict[int, list[str]]:
        """pid → command line of what runs from our folder."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode("utf-8", "replace").split("\0")[:-1]
            except OSError:
                continue
            if words and words[0].endswith("/java") and words[0].startswith(str(self.folder)):
                found[int(path.parent.name)] = words
        return found


@contextmanager
def local_lab() -> Iterator[LocalLab]:
    with tempfile.TemporaryDirectory(prefix="provision-bench-") as folder:
        lab = LocalLab(Path(folder), free_ports(4))
        lab.spec.write_text(SPEC.format(home=lab.home, heap=HEAP, p=lab.ports))
        try:
            yield lab
        finally:
            lab.destroy()


def noop(results: Results, runs: int) -> None:
    """Whole processes, nothing to change."""
    with local_lab() as lab:
        lab.apply()
        lab.apply()
        results.head("no-op on this machine")
        jobs = {
            "provision --version": lambda: run(provision("--version")),
            "provision drift lab": lambda: run(provision("drift", str(lab.spec))),
            "provision plan lab": lambda: run(provision("plan", str(lab.spec))),
        }
        costs = interleaved(runs, jobs)
        results.costs(costs)
        results.target("--version, s", middle(costs["provision --version"]), 0.15)
        for name in ("provision drift lab", "provision plan lab"):
            results.target(f"{name}, s", middle(costs[name]), 1.0)
            results.target(f"{name}, MB", middle(costs[name], "rss"), 90)
        results.head("where a no-op drift spends its time")
        breakdown.show(lab.spec, runs)


def up(results: Results, runs: int) -> None:
    """Bare → verified, everything cached, against the same JVMs started by plain ``java``."""
    with local_lab() as lab:
        lab.apply()  # whatever is to be cached is cached by it
        plain = Plain(lab)
        lab.destroy()

        def ours() -> Cost:
            try:
                return lab.apply()
            finally:
                lab.destroy()

        results.head("bare → verified on this machine")
        jobs = {"plain java → all ports open": plain.start, "provision apply → verified": ours}
        costs = interleaved(runs, jobs)
        results.costs(costs)
        first, second = costs.values()
        results.ratio("apply / plain java", second, first, 1.0)


class Plain:
    """The JVMs of the lab by hand: same Java, jars and flags, but no archive and no tool.

    Unpacking is not counted: it is done here, before anything is measured.
    """

    def __init__(self, lab: LocalLab) -> None:
        self.ports = lab.ports
        self.folder = lab.folder / "plain"
        shutil.copytree(lab.home / ".provision" / "dist", self.folder / "dist")
        old, new = str(lab.home / ".provision" / "dist"), str(self.folder / "dist")
        lines = lab.processes().values()
        self.commands = [self._plain([w.replace(old, new) for w in words]) for words in lines]
        self.commands.sort(key=lambda words: words[-1])
        assert len(self.commands) == 4

    def _plain(self, words: list[str]) -> list[str]:
        dropped = ("-XX:SharedArchiveFile", "-Xlog:cds", "-Dprovision.", "-Dkafka.logs.dir")
        kept = [word for word in words if not word.startswith(dropped)]
        name = Path(kept[-1]).name
        logs = self.folder / name.removesuffix(".properties")
        index = next(i for i, word in enumerate(kept) if word == "-cp")
        return [*kept[:index], f"-Dkafka.logs.dir={logs}", *kept[index:-1], str(self.folder / name)]

    def start(self) -> Cost:
        """Starts all at once; the time until every port is open. Ends them."""
        for old in self.folder.glob("data-*"):
            shutil.rmtree(old)
        self._properties()
        children: list[subprocess.Popen[bytes]] = []

        def work() -> None:
            for words in self.commands:
                log = Path(words[-1]).with_suffix(".out").open("wb")
                with log:
                    children.append(subprocess.Popen(words, stdout=log, stderr=log, cwd="/"))
            wait_open([("localhost", port) for port in self.ports])

        try:
            return timed(work)
        finally:
            for child in children[::-1]:
                child.kill()
                child.wait()

    def _properties(self) -> None:
        ensemble, *brokers = self.ports
        data = self.folder / "data-zookeeper"
        names = ["server.properties", "server-1.properties", "server-2.properties"]
        (self.folder / "zookeeper.properties").write_text(
            f"dataDir={data}\nclientPort={ensemble}\nmaxClientCnxns=0\nadmin.enableServer=false\n"
        )
        for number, (name, port) in enumerate(zip(names, brokers, strict=True)):
            (self.folder / name).write_text(
                f"broker.id={number}\nlisteners=PLAINTEXT://localhost:{port}\n"
                f"log.dirs={self.folder}/data-{number}\nzookeeper.connect=localhost:{ensemble}\n"
                "offsets.topic.replication.factor=3\n"
            )


def wait_open(addresses: list[tuple[str, int]], seconds: float = 180.0) -> None:
    """Until each can be connected to. Raises TimeoutError."""
    end = time.monotonic() + seconds
    for address in addresses:
        while True:
            try:
                socket.create_connection(address, 1.0).close()
                break
            except OSError:
                if time.monotonic() > end:
                    raise TimeoutError(f"{address[0]}:{address[1]} does not open") from None
                time.sleep(0.02)
