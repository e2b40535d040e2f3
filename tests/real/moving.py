"""What tests of moving replicas have in common: a topic that takes a while to move, and what Kafka
has under way."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

from provisioner.kafka.requests.reassignments import ListReassignments, Moving
from tests.real.lab import Lab, shown, until

RATE = "follower.replication.throttled.rate"
RATES = ("leader.replication.throttled.rate", RATE)
LISTS = ("leader.replication.throttled.replicas", "follower.replication.throttled.replicas")
PIECE = b"x" * 100_000
SLOW = {"move": {"rate": "1MB/s"}}


@contextlib.contextmanager
def with_topic(made: Lab, name: str, **more: Any) -> Iterator[Lab]:
    """With a topic ``moved-NAME`` of one replica a partition, and more in it than the ten seconds'
    worth of a rate that Kafka lets through at once."""
    topic = f"moved-{name}"
    before = dict(made.data["topics"])
    wanted = {"partitions": 3, "replication": 1} if "placement" not in more else {}
    made.data["topics"] = {**before, topic: {**wanted, **more}}
    made.write()
    made.apply()
    made.produce(topic, [PIECE] * (160 if "placement" in more else 120))
    try:
        yield made
    finally:
        with made.cluster() as cluster:
            cluster.delete_topic(topic)
        made.data["topics"] = before
        made.write()
        until(lambda: not throttles(made))
        assert made.run("drift").code == 0


def topic_of(lab: Lab) -> str:
    return next(name for name in lab.data["topics"] if name.startswith("moved-"))


def replicated(lab: Lab, replication: int, **policy: Any) -> Any:
    def change(spec: Any) -> None:
        spec["topics"][topic_of(lab)]["replication"] = replication
        spec["policy"] = policy

    return lab.changed(change)


def throttles(lab: Lab) -> dict[str, str]:
    """Every key of a throttle there is, by broker or topic."""
    with lab.cluster() as cluster:
        view = cluster.view()
    found = {}
    for broker, configs in view.broker_configs.items():
        for key in RATES:
            if key in configs and configs[key].source == "dynamic-broker":
                found[f"broker-{broker} {key}"] = configs[key].value or ""
    for topic in view.topics:
        found |= {f"{topic.name} {k}": v for k, v in topic.config.items() if k in LISTS}
    return found


def ongoing(lab: Lab) -> dict[tuple[str, int], Moving]:
    with lab.cluster() as cluster:
        answers = cluster.view([ListReassignments()]).answers
    found: dict[tuple[str, int], Moving] = answers[ListReassignments()]
    return found


def begun(lab: Lab, *words: str) -> subprocess.Popen[str]:
    """An apply whose move is under way. A broker that missed its heartbeats on a busy machine gets
    nothing until the next run."""
    told = ""
    for _ in range(3):
        running = lab.start("apply", *words)
        until(lambda: ongoing(lab) or running.poll() is not None)  # noqa: B023
        if running.poll() is None:
            return running
        told = shown(lab.answer(running))
    raise AssertionError(f"nothing moves: {told}")


def replicas(lab: Lab) -> list[int]:
    with lab.cluster() as cluster:
        topic = cluster.view().topic(topic_of(lab))
    assert topic is not None
    return [len(partition.replicas) for partition in topic.partitions]


def kill(lab: Lab, broker: int) -> None:
    os.kill(lab.pid(f"broker-{broker}"), signal.SIGKILL)


def start_by_hand(lab: Lab, broker: int) -> None:
    """As its supervisor would, or somebody in a terminal."""
    name = f"config/{lab.nodes[f'broker-{broker}']}"
    command = [lab.home / "bin/kafka-server-start.sh", "-daemon", name]
    subprocess.run(command, cwd=lab.home, check=True, timeout=60)


def is_up(lab: Lab, broker: int) -> bool:
    with lab.cluster() as cluster:
        return broker in cluster.liveness().alive
