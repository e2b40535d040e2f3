"""A broker that goes under a throttle: how much of the rate is used."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.clock import Cost, Failed, run
from bench.places import provision
from bench.results import Results
from provisioner.kafka.port import KafkaUnavailable
from provisioner.kafka.requests.reassignments import ListReassignments
from tests.real.kafka_processes import free_ports, installed
from tests.real.lab import Lab, kraft_lab

VERSION = "4.3.1"
RATE, MEGA = 5, 1_000_000
PARTITIONS, RECORDS, RECORD = 8, 1920, 100_000
"""How many records of how many bytes go to how many partitions."""
LOOK = 0.1


class Watch(threading.Thread):
    """When the first replica began to move, and when none moved any more and nothing was left."""

    def __init__(self, lab: Lab, leaves: int) -> None:
        super().__init__(daemon=True)
        self.lab, self.leaves = lab, leaves
        self.over = threading.Event()
        self.began = self.ended = 0.0

    def run(self) -> None:
        with self.lab.cluster() as cluster:
            while not self.over.wait(LOOK):
                try:
                    view = cluster.view([ListReassignments()])
                except KafkaUnavailable:
                    continue
                now, moving = time.monotonic(), view.answers.get(ListReassignments())
                if moving and not self.began:
                    self.began = now
                held = any(self.leaves in p.replicas for t in view.topics for p in t.partitions)
                if self.began and not moving and not held:
                    self.ended = now
                    return


@contextmanager
def _two() -> Iterator[Lab]:
    """Two brokers beside a controller; all that is written is on the second."""
    with tempfile.TemporaryDirectory(prefix="provision-bench-") as folder:
        lab = kraft_lab(Path(folder), "bench-drain", version=VERSION, brokers=2)
        (port,) = free_ports(1)
        lab.data["controllers"] = [{"id": 100, "host": "localhost", "port": port}]
        lab.data["controller_quorum"] = "dynamic"
        lab.data["topics"] = {
            "big": {"placement": {str(number): [1] for number in range(PARTITIONS)}}
        }
        lab.write()
        try:
            run(provision("apply", str(lab.spec)))
            yield lab
        finally:
            lab.clean()


def drain(results: Results, runs: int) -> None:
    """Each run on a cluster of its own."""
    found: list[Cost] = []
    used: list[float] = []
    whole = RECORDS * RECORD
    for number in range(runs):
        seconds = _drained()
        used.append(whole / seconds / (RATE * MEGA))
        found.append(Cost(seconds))
        load = os.getloadavg()[0]
        results.say(f"  {number + 1}/{runs}: {seconds:.1f} s (load {load:.1f})")
    results.head(f"a broker leaves with {whole / MEGA:.0f} MB at {RATE} MB/s")
    results.costs({"first replica moves → all have moved": found})
    middle = sorted(used)[len(used) // 2]
    results.target("used of the rate", middle, 0.9, least=True)


def _written(lab: Lab) -> None:
    """By Kafka's own producer: the one in Python takes minutes."""
    java = installed(VERSION)
    words = [str(java.java), "-Xmx256M", "-cp", ":".join(map(str, java.jars))]
    words += ["org.apache.kafka.tools.ProducerPerformance", "--topic", "big"]
    words += ["--num-records", str(RECORDS), "--record-size", str(RECORD), "--throughput", "-1"]
    run([*words, "--producer-props", f"bootstrap.servers=localhost:{lab.ports[0]}", "acks=all"])


def _drained() -> float:
    with _two() as lab:
        _written(lab)
        lab.data["topics"] = {"big": {"partitions": PARTITIONS, "replication": 1}}
        lab.data["brokers"][1] = {"id": 1, "host": "localhost", "state": "absent"}
        lab.data["policy"] = {"move": {"rate": f"{RATE}MB/s"}}
        lab.write()
        watch = Watch(lab, 1)
        watch.start()
        words = ("apply", str(lab.spec), "--allow", f"wipe-log-dir={lab.home}/logs-1")
        done = run(provision(*words))
        watch.join(30)
        watch.over.set()
        if not watch.ended:
            raise Failed(f"nothing was seen to move\n{done.text}")
        return watch.ended - watch.began
