"""Runs on the model that are killed at moments which a seed decides, several times in a row: the
next one converges, nothing is left behind, and no partition ever was below its minimum.

A further scenario is one more line of ``SCENARIOS``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from provisioner.kinds.safety_view import safety_view
from provisioner.plan import safety
from provisioner.plan.model import Change
from tests.soak import SOAK
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.plan.test_leaving import cluster as leaving
from tests.unit.plan.test_leaving import run as drain
from tests.unit.plan.test_properties import nothing_left
from tests.unit.run.model_run import Killed, ModelSession, converged, session
from tests.unit.run.test_moves import thinned
from tests.unit.run.test_upgrade import old

SEEDS = range(200 if SOAK else 60)
MOST = 4
"""Kills in a row."""
THROTTLES = (
    "leader.replication.throttled.rate",
    "follower.replication.throttled.rate",
    "replica.alter.log.dirs.io.max.bytes.per.second",
    "leader.replication.throttled.replicas",
    "follower.replication.throttled.replicas",
)
Run = Callable[[ModelCluster, int | None], ModelSession]


def rolling() -> ModelCluster:
    """Every process has to be restarted for another heap."""
    model = ModelCluster.made("three").copy()
    nodes = tuple(replace(node, heap="300m") for node in model.spec.nodes)
    model.becomes_spec(replace(model.spec, nodes=nodes))
    return model


def gated(model: ModelCluster, steps: int | None) -> ModelSession:
    """A run of which every stop of a broker has to be safe."""
    made = session(model, steps)

    def may_stop(wave: Any, others: Sequence[Change], most: int) -> Sequence[Change]:
        for change in wave.changes:
            node, view = model.spec.node(change.id.name), model.view()
            if node.is_broker and view is not None and node.id in view.alive:
                assert safety.may_stop_broker(safety_view(view), node.id).allowed
        return ()

    made.may_stop = may_stop
    return made


SCENARIOS: dict[str, tuple[Callable[[], ModelCluster], Run]] = {
    "roll": (rolling, gated),
    "drain": (lambda: leaving("five", 5), drain),
    "drain of two": (lambda: leaving("five", 4, 5), drain),
    "move": (thinned, gated),
    "upgrade": (old, gated),
}


def left_behind(model: ModelCluster) -> list[str]:
    found = [
        f"broker {b}: {k}" for b, keys in model.dynamic.items() for k in keys if k in THROTTLES
    ]
    for name, topic in model.topics.items():
        found += [f"{name}: {key}" for key in topic.config if key in THROTTLES]
        found += [f"{name}-{partition} moves" for partition in topic.moving]
        found += [name] if name.startswith("__provision-") else []
    return found


def length(name: str) -> int:
    """How many steps a run takes that nobody kills."""
    start, run = SCENARIOS[name]
    model, most = start(), 1_000
    made = run(model, most)
    converged(model, made)
    assert made.life.steps is not None
    return most - made.life.steps


LENGTHS: dict[str, int] = {}


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_seeded_moments_the_next_run_converges(seed: int) -> None:
    chance = random.Random(seed)
    name = list(SCENARIOS)[seed % len(SCENARIOS)]
    if name not in LENGTHS:
        LENGTHS[name] = length(name)
    start, run = SCENARIOS[name]
    model = start()
    topics = {name: len(topic.replicas) for name, topic in model.topics.items()}
    killed = []
    for _ in range(chance.randint(1, MOST)):
        moment = chance.randrange(LENGTHS[name])
        try:
            converged(model, run(model, moment))
        except Killed:
            killed.append(moment)
    print(f"seed {seed}: {name}, of {LENGTHS[name]} steps killed after {killed}")
    results = converged(model, run(model, None))
    assert not results.failed
    assert not left_behind(model)
    nothing_left(model)
    assert {name: len(topic.replicas) for name, topic in model.topics.items()} == topics
    assert all(replicas for topic in model.topics.values() for replicas in topic.replicas)
