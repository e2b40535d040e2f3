"""A hundred SSH targets: no-op drift of a hundred clusters side by side, and how it grows.

The targets are one machine under a hundred addresses. One real one-node cluster runs there, and
every target's spec describes it: each target has a connection, a look at the host and a
conversation with Kafka through its own SSH connection, and finds nothing to change.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bench.clock import interleaved, middle, run
from bench.ours import inventory
from bench.places import provision
from bench.results import Results
from tests.hosts.lab import Lab
from tests.hosts.machine import Machine

MOST = 100
SIZES = (10, 50, 100)
SPEC = """cluster: fleet
inventory: fleet-inventory.yaml
kafka: {version: "4.2.0", home: /home/deploy/kafka}
defaults: {heap: 256m}
controllers:
  - {id: 1, host: t000, port: 9093}
brokers:
  - {id: 1, host: t000, listeners: ['PLAINTEXT://localhost:9092'], log_dirs: [data]}
topics:
  atu: {partitions: 1, replication: 1}
"""


def measure(lab: Lab, machine: Machine, folder: Path, results: Results, runs: int) -> None:
    lab.start([machine])
    targets = {f"t{n:03}": (at, machine.known_hosts) for n, at in enumerate(machine.addresses)}
    text = inventory(targets, machine.key, kafka_address=machine.address)
    (folder / "fleet-inventory.yaml").write_text(text)
    spec = folder / "fleet.yaml"
    spec.write_text(SPEC)
    run(provision("apply", str(spec)))
    run(provision("drift", str(spec)))

    def drift(count: int) -> list[str]:
        limit = f"kafka[0:{count - 1}]"
        return provision("drift", str(spec), "--each", "kafka", "--limit", limit)

    results.head("no-op drift of many SSH targets (one machine, many addresses)")
    jobs = {f"{n:3} targets": partial(run, drift(n)) for n in SIZES}
    costs = interleaved(runs, jobs)
    results.costs(costs)
    most = costs[f"{MOST:3} targets"]
    results.target("100 targets, s", middle(most), 8.0)
    results.target("100 targets, MB", middle(most, "rss"), 400)
    growth = (middle(most) - middle(costs[" 50 targets"])) / 50
    before = (middle(costs[" 50 targets"]) - middle(costs[" 10 targets"])) / 40
    print(
        f"  (a target more costs {before * 1000:.0f} ms from 10 to 50, {growth * 1000:.0f} from 50)"
    )
