"""What planning costs where a spec has thousands of topics: no host, no Kafka, a process of its own
each time.

    python -m bench.many_topics CASE TOPICS

reads a spec of TOPICS topics of ten partitions in 200 files, makes a view of a Kafka that has (or
lacks) them, and prints one JSON object: CPU seconds of reading the spec, of planning (desired,
seen, plan) and of the plan as text and JSON; megabytes at most; what the plan has.
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from bench.clock import Cost, interleaved, middle, run
from bench.results import Results
from provisioner.kafka.port import (
    BrokerView,
    ClusterView,
    DiskView,
    LogDirView,
    PartitionView,
    QuorumView,
    TopicView,
)
from provisioner.kafka.requests.features import DescribeFeatures, Supported
from provisioner.kafka.requests.reassignments import ListReassignments
from provisioner.kinds.registry import KINDS, asks, desired
from provisioner.plan import pipeline
from provisioner.plan.model import Plan, Report
from provisioner.plan.rules import Rules, Seen
from provisioner.report.formats.json import cluster
from provisioner.report.text import Text
from provisioner.site.observe import told
from provisioner.site.planning import Planned
from provisioner.spec.features import METADATA
from provisioner.spec.load import load
from provisioner.spec.types import Spec

SECONDS, MEGABYTES = 3.0, 600
TOPICS, PARTITIONS, BROKERS, FILES = 10_000, 10, 10, 200
CASES = {
    "nothing": "nothing differs",
    "config": "one value of every topic differs",
    "create": "no topic is there",
    "grow": "every topic gets partitions",
    "replication": "replication factor 2 → 3",
    "others": "as many topics that the spec has not",
    "leaders": "no preferred leader leads",
}


def many_topics(results: Results, runs: int) -> None:
    whole = f"{TOPICS:,} topics, {PARTITIONS * TOPICS:,} partitions"
    results.head(f"topics: planning {whole} on {BROKERS} brokers")
    jobs = {text: partial(_child, case, TOPICS) for case, text in CASES.items()}
    tenths = {
        f"{text}, a tenth": partial(_child, case, TOPICS // 10) for case, text in CASES.items()
    }
    found = interleaved(runs, jobs | tenths)
    results.costs(found)
    for text in CASES.values():
        print(f"{text:38} {found[text][0].text}")
        results.target(f"{text}, CPU s", middle(found[text]), SECONDS)
        results.target(f"{text}, MB", middle(found[text], "rss"), MEGABYTES)
        results.ratio(f"{text}: ten times as many", found[text], found[f"{text}, a tenth"], 13)


def _child(case: str, topics: int) -> Cost:
    done = run([sys.executable, "-m", "bench.many_topics", case, str(topics)])
    found = json.loads(done.text.splitlines()[-1])
    return Cost(found["planned"], done.cpu, found["megabytes"], found["text"])


def spec_of(folder: Path, case: str, topics: int) -> Spec:
    """A spec of ten brokers and so many topics in files of their own."""
    brokers = "".join(
        f"  - {{id: {n}, host: localhost, listeners: ['PLAINTEXT://localhost:{9092 + n}'],"
        f" log_dirs: [logs-{n}], rack: rack-{n % 3}}}\n"
        for n in range(1, BROKERS + 1)
    )
    leaders = "policy: {leaders: preferred}\n" if case == "leaders" else ""
    (folder / "topics").mkdir(parents=True)
    (folder / "cluster.yaml").write_text(
        'cluster: bench-topics\nkafka: {version: "4.3.1"}\n'
        "controllers: [{id: 100, host: localhost, port: 9192,"
        ' config: {auto.leader.rebalance.enable: "false"}}]\n'
        f"brokers:\n{brokers}{leaders}topic_files: [topics/*.yaml]\n"
        "topic_profiles: {standard: {partitions: 10, replication: 3}}\n"
    )
    names = iter(range(topics))
    for file in range(FILES):
        lines = ["topics:"]
        for number in islice(names, topics // FILES):
            lines.append(
                f"  team-{file}.topic-{number}: {{profile: standard, config: "
                "{retention.ms: 86400000, cleanup.policy: delete, min.insync.replicas: 2}}"
            )
        (folder / f"topics/{file:03}.yaml").write_text("\n".join([*lines, ""]))
    return load(folder / "cluster.yaml", env={"HOME": "/nonexistent"})


def seen_of(case: str, spec: Spec) -> ClusterView:
    """What Kafka tells in that case."""
    ids = [node.id for node in spec.brokers]
    turns = cycle(range(len(ids)))
    copies = 2 if case == "replication" else 3
    partitions = 5 if case == "grow" else PARTITIONS
    names = [topic.name for topic in spec.topics] if case != "create" else []
    if case == "others":
        names += [f"other.{number}" for number in range(len(names))]
    config = {"retention.ms": "86400000", "cleanup.policy": "delete", "min.insync.replicas": "2"}
    if case == "config":
        config["retention.ms"] = "80000000"

    def placed() -> Iterator[PartitionView]:
        for number in range(partitions):
            at = next(turns)
            replicas = tuple(ids[(at + copy) % len(ids)] for copy in range(copies))
            yield PartitionView(number, replicas[case == "leaders"], replicas, replicas)

    topics = tuple(
        TopicView(name, False, tuple(placed()), dict(config), 2, f"id-{number}", dict(config))
        for number, name in enumerate(sorted(names))
    )
    answers: dict[Any, Any] = {ask: {} for ask in asks(spec)}
    answers[DescribeFeatures()] = Supported({METADATA: (7, 30)}, {METADATA: 30}, epoch=1)
    brokers = tuple(BrokerView(n, "localhost", 9092 + n, f"rack-{n % 3}") for n in ids)
    view = ClusterView(
        "id", 100, brokers, topics, quorum=QuorumView(100, {100: 0}), answers=answers, noted={}
    )
    assert ListReassignments() in answers or not spec.topics
    return replace(
        view,
        broker_configs={id: {} for id in ids},
        log_dirs=_sizes(topics),
        disks=dict.fromkeys(ids, (DiskView(10**14, 10**14),)),
    )


def _sizes(topics: tuple[TopicView, ...]) -> dict[int, tuple[LogDirView, ...]]:
    """Bytes and gigabytes, the same ones every time."""
    held: dict[int, dict[tuple[str, int], int]] = {}
    for at, topic in enumerate(topics):
        for partition in topic.partitions:
            place = at * PARTITIONS + partition.id
            for broker in partition.replicas:
                size = place * 7_919 % 1_000_003 * (place % 97) ** 2
                held.setdefault(broker, {})[topic.name, partition.id] = size
    return {id: (LogDirView("/logs", 0, None, sizes),) for id, sizes in held.items()}


@dataclass
class Stages:
    """CPU seconds of each stage of this process."""

    spent: dict[str, float]

    def timed(self, name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        try:
            return work()
        finally:
            self.spent[name] = time.process_time() - began


def planned(spec: Spec, view: ClusterView) -> Planned:
    """As ``site.planning`` does: seen, desired, plan, and what a person is warned of."""
    seen = told(spec, Seen({}, view))
    plan = pipeline.plan(spec, desired(spec, ()), seen, Rules(KINDS))
    found = Planned(plan, seen, seen)
    found.warnings(spec)
    return found


def text_of(plan: Plan) -> str:
    return Text().plan(plan) + json.dumps(cluster(Report("bench-topics", plan=plan)))


def main(case: str, topics: int) -> None:
    gc.set_threshold(100_000, 20, 20)  # as the command does
    stages = Stages({})
    with tempfile.TemporaryDirectory(prefix="provision-bench-") as folder:
        spec = stages.timed("spec", lambda: spec_of(Path(folder), case, topics))
    view = seen_of(case, spec)
    found = stages.timed("planned", lambda: planned(spec, view))
    stages.timed("text", lambda: text_of(found.plan))
    plan = found.plan
    text = (
        f"{len(plan.changes):,} changes, {len(plan.deferred):,} deferred, "
        f"{len(plan.refused):,} refused, {len(plan.unmanaged):,} unmanaged; "
        f"spec {stages.spent['spec']:.2f} s, text {stages.spent['text']:.2f} s"
    )
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**stages.spent, "megabytes": most, "text": text}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
