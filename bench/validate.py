"""What ``validate`` costs of a spec with many words: no host, no Kafka."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.clock import interleaved, middle, run
from bench.places import provision
from bench.results import Results

CLUSTER = """cluster: bench-words
kafka: {version: "4.3.1"}
controllers: [{id: 100, host: localhost, port: 9192}]
brokers: [{id: 1, host: localhost, listeners: [PLAINTEXT://:9092], log_dirs: [data]}]
"""
LIMIT = 0.5
"""Seconds, of the whole command."""
REPOSITORY = "10,000 topics in 200 files"
REPOSITORY_LIMIT = 3.0


def specs() -> dict[str, tuple[str, int]]:
    """{what it is: (the spec, the exit code)}."""
    topics = "".join(
        f"  t-{number}: {{partitions: 3, replication: 1, config: {{retention.ms: {number}}}}}\n"
        for number in range(2000)
    )
    unknown = "".join(f"    no.such.property.{number}.at.all: 1\n" for number in range(400))
    return {
        "a small spec": (CLUSTER, 0),
        "2,000 topics": (f"{CLUSTER}topics:\n{topics}", 0),
        "400 unknown properties": (f"{CLUSTER}defaults:\n  config:\n{unknown}", 1),
    }


def repository(folder: Path) -> Path:
    """A spec whose topics are in files of their own: half by a profile, half written out."""
    (folder / "topics").mkdir(parents=True)
    for file in range(1, 201):
        lines = ["topics:"]
        for number in range(0, 50, 2):
            lines += [
                f"  team-{file}.{number}: {{profile: standard, config: {{segment.ms: {file}0}}}}",
                f"  team-{file}.{number + 1}:",
                "    partitions: 10",
                "    replication: 1",
                f"    config: {{retention.ms: {number + 1}, cleanup.policy: compact}}",
            ]
        (folder / "topics" / f"team-{file}.yaml").write_text("\n".join([*lines, ""]))
    spec = folder / "cluster.yaml"
    spec.write_text(
        f"{CLUSTER}topic_files: [topics/*.yaml]\ntopics_scope: [team-*]\n"
        "topic_profiles: {standard: {partitions: 3, replication: 1, config: {retention.ms: 1}}}\n"
    )
    return spec


def validate(results: Results, runs: int) -> None:
    results.head("validate")
    with tempfile.TemporaryDirectory(prefix="provision-bench-") as folder:
        jobs = {}
        for number, (name, (text, code)) in enumerate(specs().items()):
            path = Path(folder) / f"{number}.yaml"
            path.write_text(text)
            words = provision("validate", str(path))
            jobs[name] = lambda words=words, code=code: run(words, codes=[code])
        words = provision("validate", str(repository(Path(folder) / "repository")))
        jobs[REPOSITORY] = lambda words=words: run(words)
        found = interleaved(runs, jobs)
    results.costs(found)
    for name in list(jobs)[1:]:
        limit = REPOSITORY_LIMIT if name == REPOSITORY else LIMIT
        results.target(name, middle(found[name]), limit)
