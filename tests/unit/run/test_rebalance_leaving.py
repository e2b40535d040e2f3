"""A broker leaves and another comes, with a rebalance: one plan, and nothing moves twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.spec.load import load
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import FRESH, ModelCluster
from tests.unit.run.model_run import converged, session
from tests.unit.run.test_moves import done, throttled
from tests.unit.run.test_rebalance import BROKER, LAB, MB, given_spec, held, placed


def spec_of(folder: Path, mode: str, *, leaves: bool) -> Spec:
    text = LAB.read_text().replace(
        "purchases: {partitions: 3, replication: 3", "p: {partitions: 3, replication: 2"
    )
    text = text.replace(
        "topics:\n",
        (BROKER if leaves else "") + "topics:\n  big: {partitions: 8, replication: 2}\n",
    )
    text = text.replace("policy: {leaders: preferred}", f"policy: {{rebalance: {mode}}}")
    if leaves:
        text = text.replace("log_dirs: [logs-2]}", "log_dirs: [logs-2], state: absent}")
    path = folder / f"{mode}-{leaves}.yaml"
    path.write_text(text)
    spec = load(path, env={"HOME": "/nonexistent"})
    return replace(spec.bind({"localhost": "/home/kafka"}), fresh_cluster_id=FRESH)


@pytest.mark.parametrize("mode", ["off", "add-brokers", "balance"])
def test_what_leaves_goes_to_the_one_that_comes(mode: str, tmp_path: Path) -> None:
    model = ModelCluster(spec_of(tmp_path, "off", leaves=False))
    converged(model, session(model))
    for name, topic in model.topics.items():
        topic.bytes = [(50 * MB if name == "big" else 0) for _ in topic.replicas]
    given_spec(model, spec_of(tmp_path, mode, leaves=True))
    model.site.options = replace(model.site.options, allow={"wipe-log-dir": frozenset()})
    before = placed(model)
    results = converged(model, session(model))
    assert not results.failed, results.failed
    assert "stop localhost/service/broker-2" in done(results.applied)
    assert held(model)[2] == 0
    assert not throttled(model)
    plan = model.plan()
    assert not plan.changes, [f"{c.action} {c.id} {c.reason}" for c in plan.changes]
    copied = sum(
        len(set(now) - set(was))
        for was, now in zip(before["big"], model.topics["big"].replicas, strict=True)
    )
    left = sum(2 in replicas for replicas in before["big"])
    assert copied <= left + (0 if mode == "off" else 1)
