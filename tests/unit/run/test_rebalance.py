"""``policy.rebalance`` on ``ModelCluster``: who gets what, in rounds, and that it ends."""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from provisioner.kinds.ids import placement_id, throttle_id
from provisioner.plan.model import Unknown
from provisioner.site.forecast import copies
from provisioner.site.planning import make_plan
from provisioner.spec.load import load
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import FRESH, ModelCluster, places_of
from tests.unit.plan.test_properties import nothing_left
from tests.unit.run.model_run import Killed, converged, session
from tests.unit.run.test_moves import done, throttled

MB = 1_000_000
LAB = Path(__file__).parents[1] / "plan" / "specs" / "lab.yaml"
BROKER = (
    "  - {id: 3, host: localhost, listeners: [PLAINTEXT://localhost:9095], log_dirs: [logs-3]}\n"
)


def spec_with(tmp: Path, mode: str, *, more: str = "") -> Spec:
    """The lab with a fourth broker and this policy."""
    text = LAB.read_text().replace("topics:\n", BROKER + "topics:\n" + more)
    text = text.replace("policy: {leaders: preferred}", f"policy: {{rebalance: {mode}}}")
    path = tmp / "four.yaml"
    path.write_text(text)
    spec = load(path, env={"HOME": "/nonexistent"})
    return replace(spec.bind({"localhost": "/home/kafka"}), fresh_cluster_id=FRESH)


def given_spec(model: ModelCluster, spec: Spec) -> None:
    model.spec = model.site.spec = spec
    model.site.places = {name: places_of(spec, name) for name in model.site.used_hosts}


def three(spec: Spec) -> ModelCluster:
    """The first three brokers of it, in sync, with a topic of forty partitions."""
    model = ModelCluster(replace(spec, nodes=tuple(n for n in spec.nodes if n.name != "broker-3")))
    converged(model, session(model))
    given_spec(model, spec)
    return model


def unnamed(model: ModelCluster, topic: str, partitions: int) -> None:
    """A topic that the spec does not name, on the first three brokers."""
    model.topic(topic, partitions, 2, {})
    model.topics[topic].replicas = [[n % 3, (n + 1) % 3] for n in range(partitions)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rebalance")


@pytest.fixture
def growing(folder: Path) -> ModelCluster:
    more = "  big: {partitions: 8, replication: 2}\n"
    model = three(spec_with(folder, "add-brokers", more=more))
    model.topics["big"].bytes = [(number + 1) * 100 * MB for number in range(8)]
    for name in ("atu", "purchases"):
        model.topics[name].bytes = [0] * len(model.topics[name].replicas)
    return model


def held(model: ModelCluster) -> Counter[int]:
    """Broker → bytes."""
    found: Counter[int] = Counter({node.id: 0 for node in model.spec.brokers})
    for topic in model.topics.values():
        for number, replicas in enumerate(topic.replicas):
            for broker in replicas:
                found[broker] += topic.bytes[number] if topic.bytes else 1
    return found


def moved(model: ModelCluster, before: dict[str, list[list[int]]]) -> dict[str, int]:
    """Topic → replicas that were copied."""
    return {
        name: count
        for name, topic in model.topics.items()
        if (
            count := sum(
                len(set(now) - set(was))
                for was, now in zip(before[name], topic.replicas, strict=True)
            )
        )
    }


def placed(model: ModelCluster) -> dict[str, list[list[int]]]:
    return {name: [list(r) for r in topic.replicas] for name, topic in model.topics.items()}


def test_a_broker_that_comes_gets_its_share_and_nobody_else_anything(growing: ModelCluster) -> None:
    before, pids = placed(growing), {p.node.name: p.pid for p in processes(growing)}
    results = converged(growing, session(growing))
    assert not results.failed
    assert done(results.applied)[-1] == "delete throttle/cluster"
    loads = held(growing)
    mean = sum(loads.values()) / 4
    assert 0.75 * mean <= loads[3] <= 1.1 * mean
    for name, topic in growing.topics.items():
        for was, now in zip(before[name], topic.replicas, strict=True):
            assert set(now) - set(was) <= {3}
    assert sum(moved(growing, before).values()) <= 4
    assert {n: p for n, p in now_of(growing).items() if n in pids} == pids
    assert not throttled(growing)
    nothing_left(growing)


def test_a_second_and_a_third_broker_restart_nobody(folder: Path) -> None:
    """Though the defaults of Kafka's own topics are others then: in the files, until a start."""
    spec = spec_with(folder, "add-brokers")
    topics = tuple(replace(topic, replication=1) for topic in spec.topics)
    spec = replace(spec, topics=topics)

    def with_brokers(count: int) -> Spec:
        some = {node.name for node in spec.brokers[:count]}
        nodes = tuple(n for n in spec.nodes if not n.is_broker or n.name in some)
        return replace(spec, nodes=nodes)

    model = ModelCluster(with_brokers(1))
    converged(model, session(model))
    for count in (2, 3):
        pids = now_of(model)
        given_spec(model, with_brokers(count))
        results = converged(model, session(model))
        assert not results.failed
        assert {name: pid for name, pid in now_of(model).items() if name in pids} == pids
        text = model.machines["localhost"].text("/srv/kafka/config/server.properties")
        assert f"offsets.topic.replication.factor={count}" in text
        assert model.process("broker-0").static["offsets.topic.replication.factor"] == "1"
        nothing_left(model)
    named = replace(spec.brokers[0], config={"offsets.topic.replication.factor": "2"})
    nodes = tuple(named if n.name == named.name else n for n in with_brokers(3).nodes)
    given_spec(model, replace(spec, nodes=nodes))
    assert [c.id.name for c in model.plan().changes if c.action == "restart"] == ["broker-0"]


def processes(model: ModelCluster) -> list[Any]:
    return [process for machine in model.machines.values() for process in machine.processes]


def now_of(model: ModelCluster) -> dict[str, int]:
    return {process.node.name: process.pid for process in processes(model)}


def test_before_it_is_there_the_plan_says_what_it_will_get(growing: ModelCluster) -> None:
    planned = growing.planned()
    (waiting,) = [d for d in planned.plan.deferred if d.id == placement_id("big")]
    assert waiting.reason.startswith("once broker-3 is up: partition ")
    assert waiting.foreseen
    assert any(d.id == throttle_id() for d in planned.plan.deferred)
    assert sum(copy.bytes or 0 for copy in copies(planned)) > 0
    assert all(copy.to == (3,) for copy in copies(planned))
    converged(growing, session(growing), planned)
    nothing_left(growing)


def test_as_many_at_once_as_the_policy_lets_and_the_share_is_the_same(
    growing: ModelCluster,
) -> None:
    other = growing.copy()
    converged(other, session(other))
    policy = growing.spec.policy
    move = replace(policy.move, per_broker=1)
    given_spec(growing, replace(growing.spec, policy=replace(policy, move=move)))
    results = converged(growing, session(growing))
    assert len([c for c in results.applied if c.id == placement_id("big")]) > 1
    assert held(growing)[3] == held(other)[3]
    nothing_left(growing)


@pytest.mark.parametrize("steps", range(0, 40, 3))
def test_killed_anywhere_the_next_run_fills_it_up(growing: ModelCluster, steps: int) -> None:
    policy = growing.spec.policy
    move = replace(policy.move, per_broker=1)
    given_spec(growing, replace(growing.spec, policy=replace(policy, move=move)))
    whole = growing.copy()
    converged(whole, session(whole))
    with contextlib.suppress(Killed):
        converged(growing, session(growing, steps))
    results = converged(growing, session(growing))
    assert not results.failed
    assert held(growing)[3] == held(whole)[3]
    assert not throttled(growing)
    nothing_left(growing)


def test_one_that_was_filled_once_is_not_filled_again(growing: ModelCluster) -> None:
    converged(growing, session(growing))
    growing.topics["big"].bytes = [
        size * (1 if 3 in replicas else 5)
        for size, replicas in zip(
            growing.topics["big"].bytes, growing.topics["big"].replicas, strict=True
        )
    ]
    nothing_left(growing)


def test_one_that_is_held_gets_nothing(growing: ModelCluster) -> None:
    nodes = tuple(replace(n, hold="disk swap") if n.id == 3 else n for n in growing.spec.nodes)
    given_spec(growing, replace(growing.spec, nodes=nodes))
    before = placed(growing)
    converged(growing, session(growing))
    assert not moved(growing, before)


def test_topics_with_a_placement_and_those_of_others_stay(folder: Path) -> None:
    pins = {n: [n % 3, (n + 1) % 3] for n in range(6)}
    more = f"  pinned: {{placement: {pins}}}\n  team.mine: {{partitions: 6, replication: 2}}\n"
    model = three(spec_with(folder, "add-brokers", more=more))
    unnamed(model, "other", 6)
    model.spec = model.site.spec = replace(
        model.spec, topics_scope=("team.*", "pinned", "atu", "purchases")
    )
    before = placed(model)
    results = converged(model, session(model))
    assert not results.failed
    assert set(moved(model, before)) <= {"team.mine", "purchases", "atu"}
    assert "team.mine" in moved(model, before)
    nothing_left(model)


def test_topics_in_the_scope_move_though_the_spec_does_not_name_them(folder: Path) -> None:
    model = three(spec_with(folder, "add-brokers"))
    unnamed(model, "by-an-application", 12)
    before = placed(model)
    results = converged(model, session(model))
    assert "update placement/by-an-application" in done(results.applied)
    assert "by-an-application" in moved(model, before)
    assert not throttled(model)
    nothing_left(model)


def test_what_somebody_else_moves_is_waited_for(growing: ModelCluster) -> None:
    converged(growing, session(growing))
    given_spec(
        growing,
        replace(growing.spec, policy=replace(growing.spec.policy, rebalance="balance")),
    )
    growing.topics["big"].bytes = [MB * 900] * 3 + [0] * 5
    seen = growing.observe()
    strange = placement_id("purchases")
    plan = make_plan(
        growing.site, replace(seen, things={**seen.things, strange: Unknown("somebody else")})
    ).plan
    assert not [c for c in plan.changes if c.id.kind == "placement"]
    (waiting,) = [d for d in plan.deferred if d.id == placement_id("big")]
    assert waiting.reason.startswith(
        "once it is known where the replicas of topic purchases are: partition "
    )


def test_balance_evens_bytes_and_leaders_and_then_nothing(folder: Path) -> None:
    more = "  big: {partitions: 24, replication: 2}\n"
    model = three(spec_with(folder, "balance", more=more))
    model.topics["big"].bytes = [100 * MB] * 24
    for name in ("atu", "purchases"):
        model.topics[name].bytes = [0] * len(model.topics[name].replicas)
    results = converged(model, session(model))
    assert not results.failed
    loads = held(model)
    mean = sum(loads.values()) / 4
    assert all(abs(load - mean) <= mean / 10 for load in loads.values())
    leads = Counter(r[0] for topic in model.topics.values() for r in topic.replicas)
    assert max(leads.values()) - min(leads[b] for b in range(4)) <= 2
    nothing_left(model)


def test_a_few_records_more_move_nothing(folder: Path) -> None:
    model = three(spec_with(folder, "balance", more="  big: {partitions: 24, replication: 2}\n"))
    for topic in model.topics.values():
        topic.bytes = [0] * len(topic.replicas)
    converged(model, session(model))
    nothing_left(model)
    model.topics["big"].bytes = [number * 1000 for number in range(24)]
    nothing_left(model)


def test_off_moves_nothing(folder: Path) -> None:
    model = three(spec_with(folder, "off"))
    before = placed(model)
    converged(model, session(model))
    assert not moved(model, before)
    nothing_left(model)


def test_one_that_is_out_of_sync_is_not_moved(growing: ModelCluster) -> None:
    converged_hosts(growing)
    growing.topics["big"].lagging = {
        (number, replicas[0]) for number, replicas in enumerate(growing.topics["big"].replicas)
    }
    plan = growing.plan()
    assert not [c for c in plan.changes if c.id == placement_id("big")]


def converged_hosts(model: ModelCluster) -> None:
    """The fourth broker is up and holds nothing."""
    policy = replace(model.spec.policy, rebalance="off")
    wanted = model.spec
    given_spec(model, replace(model.spec, policy=policy))
    converged(model, session(model))
    given_spec(model, wanted)


@settings(max_examples=25, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=10),
    st.sampled_from(["add-brokers", "balance"]),
    st.integers(1, 3),
    st.one_of(st.none(), st.integers(0, 25)),
)
def test_however_large_the_partitions_it_ends_and_then_nothing(
    sizes: list[int], mode: str, per_broker: int, steps: int | None
) -> None:
    model = READY[mode].copy()
    spec = model.spec
    move = replace(spec.policy.move, per_broker=per_broker)
    given_spec(model, replace(spec, policy=replace(spec.policy, move=move)))
    unnamed(model, "sized", len(sizes))
    model.topics["sized"].bytes = [size * 10 * MB for size in sizes]
    with contextlib.suppress(Killed):
        converged(model, session(model, steps))
    results = converged(model, session(model))
    assert not results.failed
    assert not throttled(model)
    nothing_left(model)


READY: dict[str, ModelCluster] = {}


@pytest.fixture(scope="module", autouse=True)
def ready(folder: Path) -> None:
    for mode in ("add-brokers", "balance"):
        READY[mode] = three(spec_with(folder, mode))


def test_the_journal_tells_that_it_is_over(growing: ModelCluster) -> None:
    converged(growing, session(growing))
    noted = (growing.site.noted or {})[str(throttle_id())]
    assert noted[0]["broker-3"] == 50_000_000
    assert any(name.startswith("to big ") and 3 in to for name, to in noted[0].items() if to)
    assert noted[-1] == {"over": 1}
