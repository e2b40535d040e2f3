"""Two thousand topics on a real broker of this machine: what looking and changing costs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.clock import Cost, Failed, interleaved, middle, run
from bench.instrumented import measured
from bench.local import LocalLab
from bench.places import HERE, provision
from bench.results import Results
from tests.real.kafka_processes import Installed, free_ports, installed

VERSION = "4.2.0"
TOPICS, PARTITIONS, FILES = 2000, 6, 40
CHANGED = 500
SPEC = """cluster: bench-lab
kafka: {{version: "{version}", home: {home}}}
defaults:
  heap: 1g
  jvm_opts: ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
  config: {{log.index.size.max.bytes: 65536}}
controllers:
  - {{id: 1, host: localhost, port: {p[0]}}}
brokers:
  - {{id: 1, host: localhost, listeners: ['PLAINTEXT://localhost:{p[1]}'], log_dirs: [data]}}
{more}"""
MORE = "topic_files: [topics/*.yaml]\n"
CLIENT = ("-Xmx256M", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
"""Java's flags of Kafka's own scripts."""


@dataclass
class Live(LocalLab):
    """A combined node whose topics are in files beside the spec."""

    java: Installed = field(default_factory=lambda: installed(VERSION))

    @property
    def server(self) -> str:
        return f"localhost:{self.ports[1]}"

    def write(self, more: str = MORE) -> None:
        text = SPEC.format(version=VERSION, home=self.home, p=self.ports, more=more)
        self.spec.write_text(text)

    def topics(self, name: str, count: int, partitions: int, retention: int) -> None:
        """A file of topics NAME.0, NAME.1, …"""
        folder = self.folder / "topics"
        folder.mkdir(exist_ok=True)
        lines = [
            f"  {name}.{n}: {{partitions: {partitions}, replication: 1, "
            f"config: {{retention.ms: {retention}}}}}"
            for n in range(count)
        ]
        (folder / f"{name}.yaml").write_text("\n".join(["topics:", *lines, ""]))

    def tool(self, main: str, *words: str) -> Cost:
        """One of Kafka's own commands, a JVM of its own."""
        classes = ":".join(map(str, self.java.jars))
        command = [str(self.java.java), *CLIENT, "-cp", classes, main]
        return run([*command, "--bootstrap-server", self.server, *words])


@contextmanager
def live() -> Iterator[Live]:
    with TemporaryDirectory(prefix="provision-bench-") as folder:
        lab = Live(Path(folder), free_ports(2))
        try:
            yield lab
        finally:
            lab.destroy()


def live_topics(results: Results, runs: int) -> None:
    with live() as lab:
        lab.write("")
        lab.apply()
        none = measured("drift", str(lab.spec))
        lab.write()
        _change(results, lab, runs)
        for number in range(FILES):
            lab.topics(f"team-{number}", TOPICS // FILES, PARTITIONS, 86_400_000)
        results.head(f"topics: {TOPICS:,} are made, {TOPICS * PARTITIONS:,} partitions")
        _show_apply(measured("apply", str(lab.spec)))
        _look(results, lab, runs, none)


def _look(results: Results, lab: Live, runs: int, none: dict[str, Any]) -> None:
    results.head(f"topics: no-op drift of {TOPICS:,} topics, {TOPICS * PARTITIONS:,} partitions")
    topics = "org.apache.kafka.tools.TopicCommand"
    configs = "kafka.admin.ConfigCommand"
    jobs = {
        "provision drift": lambda: run(provision("drift", str(lab.spec))),
        "kafka-topics --describe": partial(lab.tool, topics, "--describe"),
        "kafka-configs --describe": partial(
            lab.tool, configs, "--describe", "--entity-type", "topics"
        ),
    }
    found = interleaved(runs, jobs)
    results.costs(found)
    ours = found["provision drift"]
    theirs = [found[name] for name in list(jobs)[1:]]
    both = [Cost(sum(each.wall for each in pair)) for pair in zip(*theirs, strict=True)]
    results.target("no-op drift, s", middle(ours), 2.0)
    results.target("no-op drift, CPU s", middle(ours, "cpu"), 2.0)
    results.ratio("kafka-topics and kafka-configs / drift", both, ours, 3, least=True)
    seen = measured("drift", str(lab.spec))
    for name, each in (("without topics", none), (f"with {TOPICS:,}", seen)):
        print(f"requests of a drift {name}: {each['requests']} {each['by_name']}")


def _change(results: Results, lab: Live, runs: int) -> None:
    """Five hundred topics, and then a setting of each, by everybody in turn."""
    results.head(f"topics: {CHANGED} made, and one setting of {CHANGED} changed")
    counts: list[str] = []
    for what in ("create", "alter"):  # a broker's first request of a sort is its slowest
        _batch(lab, what, "python", 0)
    for what in ("create", "alter"):
        jobs = {
            "ours": partial(_ours, lab, what, counts),
            "java": partial(_batch, lab, what, "java"),
            "python": partial(_batch, lab, what, "python"),
        }
        turns: dict[str, int] = dict.fromkeys(jobs, 0)

        def once(who: str, jobs: Any = jobs, turns: Any = turns) -> Cost:
            turns[who] += 1
            done: Cost = jobs[who](turns[who])
            return done

        found = interleaved(runs, {who: partial(once, who) for who in jobs})
        named = {
            f"{what} {CHANGED}: ours": found["ours"],
            f"{what} {CHANGED}: Kafka's AdminClient": found["java"],
            f"{what} {CHANGED}: kafka-python's": found["python"],
        }
        results.costs(named)
        for line in counts:
            print(f"  {line}")
        counts.clear()
        for who, text in (("java", "Kafka's AdminClient"), ("python", "kafka-python's")):
            results.ratio(f"{what}: ours / {text}", found["ours"], found[who], 1.2)


def _ours(lab: Live, what: str, counts: list[str], turn: int) -> Cost:
    """What an apply writes, with its lock checks; the whole of it is told beside."""
    retention = 60_000_000 if what == "create" else 60_000_001
    lab.topics(f"ours-{turn}", CHANGED, 1, retention)
    # On a busy machine verify may find a broker that does not answer in time: it is written then.
    found = measured("apply", str(lab.spec), codes=(0, 3))
    if "written" not in found["seconds"]:
        raise Failed("the broker did not answer in time, so nothing was written")
    counts.append(_apply_text(found))
    return Cost(found["seconds"]["written"])


def _batch(lab: Live, what: str, who: str, turn: int) -> Cost:
    value = "60000000" if what == "create" else "60000001"
    words = [lab.server, what, f"{who}-{turn}.", str(CHANGED), value]
    if who == "python":
        command = [sys.executable, str(HERE / "peers/admin/batch.py"), *words]
    else:
        classes = ":".join(map(str, lab.java.jars))
        source = str(HERE / "peers/admin/Batch.java")
        command = ["java", *CLIENT, "-cp", classes, source, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{who}: {done.stderr[-2000:]}")
    return Cost(float(done.stdout.splitlines()[-1]))


def _show_apply(found: dict[str, Any]) -> None:
    print(_apply_text(found), flush=True)


def _apply_text(found: dict[str, Any]) -> str:
    seconds, counts = found["seconds"], found["counts"]
    parts = ", ".join(
        f"{name} {seconds.get(name, 0.0):.2f} s" for name in ("written", "awaited", "verified")
    )
    changed = {
        name: number
        for name, number in found["by_name"].items()
        if name.startswith(("Create", "Incremental"))
    }
    return (
        f"apply {seconds['whole']:.2f} s ({parts}); {found['requests']} requests, of which "
        f"{changed}; {counts.get('lock_checks', 0)} lock checks of "
        f"{seconds.get('lock_checks', 0.0):.2f} s, {counts['execs']} execs"
    )
