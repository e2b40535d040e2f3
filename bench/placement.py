"""What it costs to plan where replicas go: no host, no Kafka, a process of its own each time.

    python -m bench.placement WHAT TOPICS

makes a cluster of ten brokers on three racks and TOPICS topics of ten partitions, and prints one
JSON object: CPU seconds of planning (one thread), megabytes at most, and the moves.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from functools import partial
from typing import Literal

from bench.clock import Cost, interleaved, middle, run
from bench.results import Results
from provisioner.plan.placement import Broker, Partition, Rules, batches, initial, propose

SECONDS = 3.0
MEGABYTES = 600
TOPICS = 10_000
BROKERS = 10
WHAT = {
    "nothing": "nothing to do",
    "leaving": "one of ten brokers leaves",
    "replication": "replication factor 2 → 3",
    "add-brokers": "an eleventh broker gets its share",
    "balance": "balance after an eleventh broker",
}


def placement(results: Results, runs: int) -> None:
    results.head(f"placement: {TOPICS:,} topics, {10 * TOPICS:,} partitions, {BROKERS} brokers")
    jobs = {text: partial(_child, what, TOPICS) for what, text in WHAT.items()}
    tenth = "one of ten brokers leaves, a tenth"
    jobs[tenth] = partial(_child, "leaving", TOPICS // 10)
    found = interleaved(runs, jobs)
    results.costs(found)
    for text in WHAT.values():
        print(f"{text:38} {found[text][0].text}")
        results.target(f"{text}, s", middle(found[text]), SECONDS)
        results.target(f"{text}, MB", middle(found[text], "rss"), MEGABYTES)
    leaving = WHAT["leaving"]
    results.ratio(f"{leaving}: ten times as many", found[leaving], found[tenth], 13)


def _child(what: str, topics: int) -> Cost:
    done = run([sys.executable, "-m", "bench.placement", what, str(topics)])
    found = json.loads(done.text.splitlines()[-1])
    return Cost(found["seconds"], done.cpu, found["megabytes"], found["text"])


def cluster(what: str, topics: int) -> tuple[list[Broker], list[Partition], Rules]:
    """Sizes from some bytes to some gigabytes, the same ones every time."""
    brokers = [Broker(number, f"rack-{number % 3}") for number in range(BROKERS)]
    replication = 2 if what == "replication" else 3
    pattern = initial(brokers, 1000, replication, [])
    partitions = []
    for topic in range(topics):
        for number in range(10):
            place = 10 * topic + number
            size = place * 7_919 % 1_000_003 * (place % 97) ** 2
            replicas = pattern[place % len(pattern)]
            partitions.append(Partition(f"topic-{topic}", number, replicas, size))
    if what == "leaving":
        return brokers, partitions, Rules(leaving=frozenset({4}))
    if what == "replication":
        wanted = {each.topic: 3 for each in partitions}
        return brokers, partitions, Rules(wanted)
    more: dict[str, Literal["add-brokers", "balance"]]
    more = {"add-brokers": "add-brokers", "balance": "balance"}
    if what in more:
        return [*brokers, Broker(BROKERS, "rack-1")], partitions, Rules(rebalance=more[what])
    return brokers, partitions, Rules()


def main(what: str, topics: int) -> None:
    brokers, partitions, rules = cluster(what, topics)
    began = time.process_time()
    found = propose(brokers, partitions, rules)
    groups = batches(found.moves, per_broker=5)
    seconds = time.process_time() - began
    copied = sum(move.bytes or 0 for move in found.moves)
    whole = sum((each.bytes or 0) * len(each.replicas) for each in partitions)
    text = (
        f"{len(found.moves):,} moves, {100 * copied / whole:.1f} % of all bytes, "
        f"{len(groups):,} batches, {len(found.refused)} refused"
    )
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "megabytes": most, "text": text}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
