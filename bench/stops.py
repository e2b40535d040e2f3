"""What it costs to decide about one stop: the gate's look at its Kafka, and its verdict.

    python -m bench.stops TOPICS PARTITIONS

asks ten brokers of recorded answers (bench/recorded.py) whether one of them may be stopped, as the
gate does before each stop of a roll, and prints one JSON object: seconds by the clock and of CPU of
the later ones, CPU seconds of the first one (which makes the code that reads Kafka's answers), and
megabytes at most.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.clock import Cost, interleaved, middle, run
from bench.recorded import brokers
from bench.results import Results
from provisioner.plan.model import Change, Id, Wave
from provisioner.plan.order import MAY_STOP
from provisioner.run.gates import gate
from provisioner.site.site import Options, Site
from provisioner.spec.load import load
from tests.real.kafka_processes import free_ports

BROKERS, AGAIN = 10, 5
SIZES = {
    "1,000 topics, 10,000 partitions": (1_000, 10, 0.3),
    "10,000 topics, 100,000 partitions": (10_000, 10, 3.0),
}
"""Topics, partitions of each, and the target in seconds."""


def stops(results: Results, runs: int) -> None:
    results.head("deciding one stop: the look and the verdict, recorded answers of ten brokers")
    jobs = {
        text: partial(_child, topics, partitions) for text, (topics, partitions, _) in SIZES.items()
    }
    found = interleaved(runs, jobs)
    results.costs(found)
    for text, (_, _, seconds) in SIZES.items():
        print(f"{text:38} {found[text][0].text}")
        results.target(f"one stop, {text}, s", middle(found[text]), seconds)


def _child(topics: int, partitions: int) -> Cost:
    done = run([sys.executable, "-m", "bench.stops", str(topics), str(partitions)])
    found: dict[str, Any] = json.loads(done.text.splitlines()[-1])
    text = f"the first one {found['first']:.2f} s of CPU"
    return Cost(found["wall"], found["cpu"], found["megabytes"], text)


def site_of(folder: Path, ports: list[int]) -> Site:
    """A cluster of so many brokers whose hosts nobody looks at."""
    nodes = "".join(
        f"  - {{id: {number}, host: localhost, listeners: ['PLAINTEXT://localhost:{port}'],"
        f" log_dirs: [logs-{number}]}}\n"
        for number, port in enumerate(ports, 1)
    )
    (folder / "cluster.yaml").write_text(
        'cluster: bench-stops\nkafka: {version: "4.3.1"}\n'
        f"controllers: [{{id: 101, host: localhost, port: 9192}}]\nbrokers:\n{nodes}"
    )
    spec = load(folder / "cluster.yaml", env={"HOME": "/nonexistent"})
    return Site(spec, Options(kafka_timeout=60.0))


def main(topics: int, partitions: int) -> None:
    gc.set_threshold(100_000, 20, 20)  # as the command does
    ports = free_ports(BROKERS)
    change = Change(Id("localhost", "service", "broker-3"), "restart", None, None)
    wave = Wave(1, (change,), MAY_STOP)
    with tempfile.TemporaryDirectory(prefix="provision-bench-") as folder:
        site = site_of(Path(folder), ports)
    with brokers(topics, partitions, ports):
        may_stop = gate(site, lambda event: None, threading.Event())
        first, *found = [_timed(lambda: may_stop(wave, [], 1)) for _ in range(1 + AGAIN)]
        site.cluster().close()
    walls, cpus = zip(*found, strict=True)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        json.dumps(
            {
                "wall": sorted(walls)[AGAIN // 2],
                "cpu": sorted(cpus)[AGAIN // 2],
                "first": first[1],
                "megabytes": most,
            }
        )
    )


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return time.monotonic() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
