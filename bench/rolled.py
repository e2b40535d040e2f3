"""A cluster of this machine that is rolled: by ``provision apply``, and bare.

Bare is what no tool can leave out: each broker is stopped (SIGTERM, until the process is gone),
started again with the same files, and waited for until every replica is in sync.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.clock import Cost, Failed, run, timed
from bench.places import provision
from bench.results import Results
from provisioner.kafka.port import ClusterView, KafkaReader, KafkaUnavailable
from tests.real.kafka_processes import free_ports
from tests.real.lab import CLEANER, Lab, kraft_lab

VERSION = "4.3.1"
RESTARTING = "queued.max.requests"
"""A property that no broker takes live."""
LOOK = 0.05
PATIENCE = 300.0
STEP = re.compile(r"^  ✓ (restart .*)$", re.MULTILINE)


@dataclass
class Rolled:
    lab: Lab
    queued: int = 600
    steps: list[str] = field(default_factory=list)
    """What the last apply said of each restart."""

    @property
    def brokers(self) -> list[int]:
        return [broker["id"] for broker in self.lab.data["brokers"]]

    def apply(self) -> Cost:
        done = run(provision("apply", str(self.lab.spec)))
        self.steps = STEP.findall(done.text)
        return done

    def change(self, **roll: Any) -> Cost:
        """A property that restarts every broker, and no controller."""
        self.queued += 1
        for broker in self.lab.data["brokers"]:
            broker["config"] = {RESTARTING: self.queued}
        self.lab.data["policy"] = {"roll": roll} if roll else {}
        self.lab.write()
        pids = {broker: self.lab.pid(f"broker-{broker}") for broker in self.brokers}
        done = self.apply()
        if any(self.lab.pid(f"broker-{broker}") == pid for broker, pid in pids.items()):
            raise Failed(f"a broker was not restarted\n{done.text}")
        if len(self.steps) != len(pids):
            raise Failed(f"something else was restarted\n{done.text}")
        return done

    def bare(self) -> Cost:
        def work() -> None:
            for broker in self.brokers:
                self._bounced(broker)

        return timed(work)

    def _bounced(self, broker: int) -> None:
        pid = self.lab.pid(f"broker-{broker}")
        os.kill(pid, signal.SIGTERM)
        while Path(f"/proc/{pid}").exists():
            time.sleep(LOOK)
        home, name = self.lab.home, self.lab.nodes[f"broker-{broker}"]
        subprocess.Popen(
            [str(home / "bin/kafka-server-start.sh"), str(home / "config" / name)],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.whole()

    def whole(self) -> None:
        with self.lab.cluster() as cluster:
            wait_whole(cluster, len(self.brokers))


def wait_whole(cluster: KafkaReader, brokers: int) -> None:
    """Until so many brokers are alive and every replica is in sync."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            if _whole(cluster.liveness(), brokers):
                return
        except KafkaUnavailable:
            pass
        if time.monotonic() > end:
            raise Failed("not every replica comes in sync")
        time.sleep(LOOK)


def _whole(view: ClusterView, brokers: int) -> bool:
    replicas = (p for topic in view.topics for p in topic.partitions)
    return len(view.alive) == brokers and all(len(p.isr) == len(p.replicas) for p in replicas)


@contextmanager
def rolled(brokers: int, topics: dict[str, Any], heap: str = "256m") -> Iterator[Rolled]:
    """One controller and so many brokers of their own."""
    with tempfile.TemporaryDirectory(prefix="provision-bench-") as folder:
        lab = kraft_lab(Path(folder), "bench-roll", version=VERSION, brokers=brokers)
        (port,) = free_ports(1)
        lab.data["controllers"] = [{"id": 100, "host": "localhost", "port": port}]
        lab.data["defaults"]["heap"] = heap
        lab.data["defaults"]["config"] = dict(CLEANER)  # sessions as long as Kafka's own
        lab.data["topics"] = topics
        lab.write()
        try:
            made = Rolled(lab)
            made.apply()
            yield made
        finally:
            lab.clean()


def restarts(results: Results, runs: int) -> None:
    """Three brokers, replication factor 3."""
    three = {"orders": {"partitions": 12, "replication": 3, "config": {"min.insync.replicas": 2}}}
    found: dict[str, list[Cost]] = {"provision apply": [], "bare: stop, start, all in sync": []}
    with rolled(3, three) as made:
        for number in range(runs):
            for name, work in zip(found, (made.change, made.bare), strict=True):
                made.whole()
                cost = work()
                found[name].append(cost)
                load = os.getloadavg()[0]
                results.say(f"  {number + 1}/{runs} {name}: {cost.wall:.1f} s (load {load:.1f})")
            results.say("".join(f"      {step}\n" for step in made.steps).rstrip())
    results.head("three brokers of this machine restarted one after another")
    results.costs(found)
    ours, bare = found.values()
    results.ratio("rolling restart: provision / bare", ours, bare, 1.15)


def together(results: Results, runs: int) -> None:
    """Six brokers in two threes that share no partition."""
    halves: Sequence[Sequence[int]] = ([0, 1, 2], [3, 4, 5])
    topics = {
        f"half-{number}": {"placement": {str(at): _turned(half, at) for at in range(6)}}
        for number, half in enumerate(halves)
    }
    found: dict[str, list[Cost]] = {"one at a time": [], "two at a time": []}
    with rolled(6, topics, heap="160m") as made:
        for number in range(runs):
            for name, most in zip(found, (1, 2), strict=True):
                made.whole()
                cost = made.change(parallel=most)
                found[name].append(cost)
                load = os.getloadavg()[0]
                results.say(f"  {number + 1}/{runs} {name}: {cost.wall:.1f} s (load {load:.1f})")
                results.say("".join(f"      {step}\n" for step in made.steps).rstrip())
    results.head("six brokers of this machine restarted by policy.roll.parallel")
    results.costs(found)
    one, two = found.values()
    results.ratio("six brokers: two at a time / one at a time", two, one, 0.6)


def _turned(brokers: Sequence[int], by: int) -> list[int]:
    by %= len(brokers)
    return [*brokers[by:], *brokers[:by]]
