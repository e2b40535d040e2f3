"""Clusters that ``provision apply`` made, in a folder of the test, on ports of its own.

Everything goes through the command line, as a user's would. Processes are ended by their own pid.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real.kafka_processes import free_ports

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0  # for one command: a hang ends the test, slowness does not

SPEC = """cluster: {name}
kafka:
  version: "{version}"
  home: {home}
defaults:
  heap: 256m
  jvm_opts: [-XX:TieredStopAtLevel=1, -XX:+UseSerialGC]
  config: {{log.cleaner.dedupe.buffer.size: 8388608{config}}}
{coordination}
brokers:
  - {{id: 0, host: localhost, listeners: [PLAINTEXT://localhost:{b[0]}], log_dirs: [logs-0]}}
  - {{id: 1, host: localhost, listeners: [PLAINTEXT://localhost:{b[1]}], log_dirs: [logs-1]}}
  - {{id: 2, host: localhost, listeners: [PLAINTEXT://localhost:{b[2]}], log_dirs: [logs-2]}}
topics:
  atu: {{partitions: 1, replication: 1}}
  purchases: {{partitions: 3, replication: 3}}
"""
ZOOKEEPER = """zookeeper:
  - {{id: 1, host: localhost, client_port: {c[0]}, data_dir: zookeeper}}"""
KRAFT = """controllers:
  - {{id: 0, host: localhost, port: {c[0]}}}
  - {{id: 1, host: localhost, port: {c[1]}}}
  - {{id: 2, host: localhost, port: {c[2]}}}"""
SESSIONS = ", broker.session.timeout.ms: 5000, broker.heartbeat.interval.ms: 500"
"""A restarted broker is let in again when its old session is over: after 9 seconds by itself."""
ZOOKEEPER_SESSIONS = ", zookeeper.session.timeout.ms: 6000, zookeeper.connection.timeout.ms: 60000"
"""A start gives up after the second, which is as short as the first unless it is set."""
VERSIONS = {"zookeeper": "3.9.1", "kraft": "4.3.1"}


@dataclass
class Answer:
    """What one command ended with."""

    code: int
    text: str
    progress: str
    document: dict[str, Any] = field(default_factory=dict)

    @property
    def cluster(self) -> dict[str, Any]:
        (only,) = self.document["clusters"]
        return dict(only)


@dataclass
class Provisioned:
    """A cluster of one spec file."""

    spec: Path
    home: Path
    ports: list[int]
    kraft: bool

    def command(self, verb: str, *words: str) -> list[str]:
        return [sys.executable, "-m", "provisioner", verb, str(self.spec), *words]

    def begin(self, verb: str, *words: str) -> subprocess.Popen[str]:
        """The command, running, in a process group of its own."""
        return subprocess.Popen(
            self.command(verb, *words),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, verb: str, *words: str) -> Answer:
        done = subprocess.run(
            self.command(verb, *words), cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE
        )
        document = json.loads(done.stdout) if "--json" in words else {}
        return Answer(done.returncode, done.stdout, done.stderr, document)

    def apply(self) -> None:
        """Whole again, or the test fails with what apply said."""
        done = self.run("apply")
        assert done.code == 0, done.text + done.progress

    def status(self) -> dict[str, Any]:
        done = self.run("status", "--json")
        assert done.code == 0, done.text + done.progress
        return done.cluster

    def leader(self, topic: str, partition: int = 0) -> int:
        (found,) = [t for t in self.status()["topics"] if t["name"] == topic]
        return int(found["partitions"][partition]["leader"])

    def pids(self, config: str = "") -> list[int]:
        """Java processes of this home, or the one that was started with that config file."""
        found = []
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = entry.read_bytes().decode(errors="replace").split("\0")
                mine = any(word.startswith(f"{self.home}/config/") for word in words)
                wanted = not config or f"{self.home}/config/{config}" in words
                if words[0].endswith("/java") and mine and wanted:
                    found.append(int(entry.parent.name))
        return sorted(found)

    def broker_pid(self, id: int) -> int:
        name = "server.properties" if id == 0 and not self.kraft else f"server-{id}.properties"
        (pid,) = self.pids(name)
        return pid

    def end(self, *pids: int, how: signal.Signals = signal.SIGTERM) -> None:
        """Ends these processes and waits until they have ended."""
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        until = time.monotonic() + 300
        while set(pids) & set(self.pids()):
            assert time.monotonic() < until, f"{pids} do not end"
            time.sleep(0.1)


@contextlib.contextmanager
def provisioned(folder: Path, mode: str) -> Iterator[Provisioned]:
    """A cluster of that mode (``zookeeper``, ``kraft``), applied; its processes end with it."""
    ports = free_ports(6)
    kraft = mode == "kraft"
    text = (KRAFT if kraft else ZOOKEEPER).format(c=ports[3:])
    session = SESSIONS if kraft else ZOOKEEPER_SESSIONS
    lab = Provisioned(folder / "lab.yaml", folder / "kafka", ports[:3], kraft)
    lab.spec.write_text(
        SPEC.format(
            name=f"test-{mode}",
            version=VERSIONS[mode],
            home=lab.home,
            coordination=text,
            config=session,
            b=ports,
        )
    )
    try:
        lab.apply()
        yield lab
    finally:
        lab.end(*lab.pids(), how=signal.SIGKILL)
