"""What we propose beside ``kafka-reassign-partitions --generate``, for a few small clusters.

    python -m bench.generate

The tool's own code is run without a cluster (``peers/generate``, Kafka 4.2.0), by the ``java`` of a
JDK. It begins at a random broker, so its figures are medians of five runs.
"""

from __future__ import annotations

import statistics
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.placement import cluster
from bench.places import HERE
from provisioner.plan.placement import Broker, Partition, Rules, propose
from tests.real.kafka_processes import installed

RUNS = 5


@dataclass(frozen=True)
class Example:
    name: str
    brokers: Sequence[Broker]
    partitions: Sequence[Partition]
    rules: Rules


def examples() -> list[Example]:
    """The one of Kafka's documentation, that of KIP-6, and ten brokers on three racks."""
    placed = {
        "foo1": {0: (3, 4), 1: (2, 3), 2: (1, 2)},
        "foo2": {0: (3, 4), 1: (2, 3), 2: (1, 2)},
    }
    documented = [
        Partition(topic, number, replicas, 100)
        for topic, partitions in placed.items()
        for number, replicas in partitions.items()
    ]
    kip = [Partition("kip", number, (int(number > 6),), 100) for number in range(13)]
    found = [
        Example(
            "Kafka's documentation: 1–4 → 5, 6",
            [Broker(number) for number in range(1, 7)],
            documented,
            Rules(leaving=frozenset({1, 2, 3, 4})),
        ),
        Example(
            "KIP-6: 7, 6, 0, 0 replicas",
            [Broker(number) for number in range(4)],
            kip,
            Rules(rebalance="add-brokers"),
        ),
    ]
    for name, what in (("one of ten leaves", "leaving"), ("an eleventh comes", "add-brokers")):
        found.append(Example(f"{name}, 1,000 partitions", *cluster(what, 100)))
    return found


def generate(example: Example) -> dict[tuple[str, int], tuple[int, ...]]:
    """The proposal of Kafka's tool."""
    kafka = installed("4.2.0")
    names = [
        f"{each.id}:{each.rack}" if each.rack else str(each.id)
        for each in example.brokers
        if each.id not in example.rules.leaving
    ]
    lines = [f"{e.topic} {e.id} {','.join(map(str, e.replicas))}\n" for e in example.partitions]
    source = str(HERE / "peers/generate/Generate.java")
    classes = ":".join(map(str, kafka.jars))
    done = subprocess.run(
        ["java", "-cp", classes, source, *names],
        input="".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    found = {}
    for line in done.stdout.splitlines():
        topic, number, replicas = line.split()
        found[topic, int(number)] = tuple(map(int, replicas.split(",")))
    return found


def figures(
    example: Example, after: Mapping[tuple[str, int], tuple[int, ...]]
) -> tuple[int, int, int, int]:
    """Replicas copied, bytes copied, most less least bytes and leaders of a broker afterwards."""
    copied = bytes = 0
    load = {each.id: 0 for each in example.brokers if each.id not in example.rules.leaving}
    leads: Counter[int] = Counter(dict.fromkeys(load, 0))
    for each in example.partitions:
        replicas = after.get((each.topic, each.id), each.replicas)
        size = each.bytes or 0
        new = len(set(replicas) - set(each.replicas))
        copied, bytes = copied + new, bytes + new * size
        leads[replicas[0]] += 1
        for broker in replicas:
            load[broker] += size
    spread = max(load.values()) - min(load.values())
    return copied, bytes, spread, max(leads.values()) - min(leads.values())


def main() -> None:
    print(f"{'':38} {'':10} {'replicas':>9} {'MB copied':>11} {'spread MB':>11} {'leaders':>8}")
    for example in examples():
        moves = propose(example.brokers, example.partitions, example.rules).moves
        ours = figures(example, {(move.topic, move.partition): move.after for move in moves})
        runs = [figures(example, generate(example)) for _ in range(RUNS)]
        theirs = [statistics.median(each) for each in zip(*runs, strict=True)]
        for who, found in (("ours", ours), ("--generate", theirs)):
            copied, size, spread, leads = found
            line = f"{copied:>9.0f} {size / 1e6:>11,.1f} {spread / 1e6:>11,.1f} {leads:>8.0f}"
            print(f"{example.name:38} {who:10} {line}")


if __name__ == "__main__":
    main()
