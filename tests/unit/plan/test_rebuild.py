"""A broker whose host came back empty, under the same id: filled again by the others, throttled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provisioner.kafka.port import ClusterView
from provisioner.kinds.ids import refill_id, service_id, storage_id, throttle_id
from provisioner.kinds.registry import KINDS
from provisioner.kinds.throttled import BROKER, LISTS, RATES, being_filled, limits_of
from provisioner.plan.model import Change, Plan
from provisioner.run.results import Results
from provisioner.site.forecast import copies
from provisioner.spec.types import Node, Spec
from tests.unit.plan.model_cluster import Machine, ModelCluster, Topic
from tests.unit.run.model_run import Killed, converged, session

LOSS = {"data-loss": frozenset({""})}
MADE: dict[str, ModelCluster] = {}


class Watched(ModelCluster):
    """Nothing is started empty before it is throttled, and nobody is stopped meanwhile."""

    def launch(self, machine: Machine, node: Node, signed: bool = True) -> None:
        before = set(self.filled)
        super().launch(machine, node, signed)
        for broker in self.filled.keys() - before:
            self._limited(broker)

    def _limited(self, broker: int) -> None:
        for name, topic in self.topics.items():
            for number, replicas in enumerate(topic.replicas):
                if broker in replicas and len(replicas) > 1:
                    followers = topic.config.get(LISTS[1], "").split(",")
                    leaders = topic.config.get(LISTS[0], "").split(",")
                    others = [each for each in replicas if each != broker]
                    assert f"{number}:{broker}" in followers, (name, number)
                    assert {f"{number}:{each}" for each in others} <= set(leaders)
                    for each in set(others) & set(self.alive()):
                        assert RATES[0] in self.dynamic[each]

    def run_service_stop(self, machine: Machine, change: Change, user: str, *words: str) -> None:
        assert not self.filled, f"a node is stopped while {self.filled} are filled"
        super().run_service_stop(machine, change, user, *words)


def cluster(name: str) -> Watched:
    if name not in MADE:
        MADE[name] = Watched.made(name)
    found = Watched(MADE[name].spec)
    found.__dict__ |= MADE[name].copy().__dict__
    return found


def node_of(model: ModelCluster, broker: int) -> Node:
    return next(node for node in model.spec.brokers if node.id == broker)


def reinstalled(model: ModelCluster, *brokers: int) -> None:
    """Their hosts have nothing on them any more."""
    for broker in brokers:
        host = node_of(model, broker).host
        fresh = Machine(host, key=f"new-key-of-{host}")
        fresh.accounts = model.machines[host].accounts
        model.machines[host] = fresh


def emptied(model: ModelCluster, broker: int) -> None:
    """Its process and what it wrote are gone, and so is what the manifest had of it."""
    node = node_of(model, broker)
    machine = model.machines[node.host]
    machine.processes = [p for p in machine.processes if p.node.name != node.name]
    for log_dir in node.log_dirs:
        machine.recorded.pop(log_dir.path, None)
        for path in [p for p in machine.entries if p.startswith(log_dir.path)]:
            del machine.entries[path]


def pids(model: ModelCluster, but: int) -> dict[str, int]:
    return {
        process.node.name: process.pid
        for machine in model.machines.values()
        for process in machine.processes
        if process.node.id != but
    }


def done(results: Results, *kinds: str) -> list[str]:
    return [
        f"{change.action} {change.id.kind}/{change.id.name}"
        for change in results.applied
        if change.id.kind in (kinds or ("service", "throttle", "refill"))
    ]


def words(plan: Plan) -> list[str]:
    found = [f"{c.action} {c.id}: {c.reason}" for c in plan.changes]
    for part in (plan.deferred, plan.refused, plan.unread):
        found += [f"{item.id}: {item.reason}" for item in part]
    return found


def throttles(model: ModelCluster) -> dict[str, Any]:
    view = model.view()
    assert view is not None
    return limits_of(view)


@pytest.mark.parametrize(("name", "broker"), [("five", 4), ("lab", 2)])
def test_it_is_filled_under_a_throttle_and_nobody_else_restarts(name: str, broker: int) -> None:
    model = cluster(name)
    if name == "lab":
        emptied(model, broker)
    else:
        reinstalled(model, broker)
    before = pids(model, broker)
    first = model.plan()
    node = node_of(model, broker)
    later = {item.id: item.action for item in first.deferred}
    assert later[service_id(node)] == "start"
    assert later[refill_id(broker)] == "update"
    assert later[throttle_id()] == "delete"
    (limit,) = [change for change in first.changes if change.id == throttle_id()]
    assert limit.after is not None
    assert f"{BROKER}{broker}" not in limit.after  # it is not up, and cannot be told
    results = converged(model, session(model))
    assert not results.failed
    assert done(results) == [
        "create throttle/cluster",
        f"start service/broker-{broker}",
        "update throttle/cluster",
        f"update refill/broker-{broker}",
        "delete throttle/cluster",
    ]
    assert not throttles(model)
    assert pids(model, broker) == before
    assert model.plan().in_sync is True, words(model.plan())


def test_the_forecast_tells_what_is_copied() -> None:
    model = cluster("five")
    model.topics["orders"].bytes = [1000 * n for n in range(10)]
    reinstalled(model, 4)
    mine = [n for n, on in enumerate(model.topics["orders"].replicas) if 4 in on]
    found = copies(model.planned())
    assert sorted(each.bytes or 0 for each in found) == [1000 * n for n in mine]
    assert {each.to for each in found} == {(4,)}


def test_killed_after_any_step_the_next_run_goes_on() -> None:
    steps = 0
    while True:
        model = cluster("five")
        reinstalled(model, 4)
        before = pids(model, 4)
        try:
            converged(model, session(model, steps))
        except Killed:
            results = converged(model, session(model))
            assert not results.failed, (steps, results.failed)
            assert pids(model, 4) == before
            assert not throttles(model)
            assert model.plan().in_sync is True, (steps, words(model.plan()))
            steps += 1
            continue
        break
    assert steps > 15


def test_it_is_still_filled_by_what_the_journal_says_when_somebody_removed_the_throttle() -> None:
    model = cluster("five")
    reinstalled(model, 4)
    run = session(model)
    started(run, model)
    with pytest.raises(Killed):
        converged(model, run)
    for topic in model.topics.values():
        topic.config = {k: v for k, v in topic.config.items() if k not in LISTS}
    view = model.view()
    assert view is not None
    assert set(being_filled(view)) == {4}


def started(run: Any, model: ModelCluster) -> None:
    """Killed once the broker has been started."""
    launch = model.launch

    def then_killed(*args: Any, **more: Any) -> None:
        launch(*args, **more)
        run.life.steps = 0

    model.launch = then_killed  # type: ignore[method-assign]


def test_what_only_it_had_is_named_before_anything_is_formatted() -> None:
    model = cluster("five")
    model.topics["alone"] = Topic([[4], [1]])
    reinstalled(model, 4)
    plan = model.plan()
    storage = storage_id("h4", node_of(model, 4).log_dirs[0].path)
    (refused,) = [item for item in plan.refused if item.id == storage]
    assert refused.allow == "data-loss"
    assert "alone-0" in refused.reason
    assert "alone-1" not in refused.reason
    results = converged(model, session(model))
    assert not done(results)
    assert not throttles(model)
    assert storage.name not in {e for e in model.machines["h4"].entries if "meta" in e}
    model.site.options = replace(model.site.options, allow=LOSS)
    plan = model.plan()
    (format,) = [change for change in plan.changes if change.id == storage]
    assert format.effect == "loss"
    assert "alone-0" in format.reason
    assert not converged(model, session(model)).failed
    assert model.plan().in_sync is True


def test_without_a_format_the_start_is_what_is_refused() -> None:
    model = cluster("lab")
    model.topics["alone"] = Topic([[2]])
    emptied(model, 2)
    plan = model.plan()
    (refused,) = [item for item in plan.refused if item.id.kind == "service"]
    assert (refused.id.name, refused.allow) == ("broker-2", "data-loss")
    assert "alone-0" in refused.reason
    assert not [change for change in plan.changes if change.id == throttle_id()]
    results = converged(model, session(model))
    assert not done(results)
    assert not throttles(model)


def test_a_copy_on_a_broker_that_is_down_too_does_not_count() -> None:
    model = cluster("five")
    model.topics["pair"] = Topic([[4, 5]])
    machine = model.machines["h5"]
    machine.processes = []
    reinstalled(model, 4)
    plan = model.plan()
    assert [item.allow for item in plan.refused] == ["data-loss"]


def test_a_disk_that_is_not_mounted_is_still_unknown() -> None:
    model = cluster("five")
    node = node_of(model, 4)
    recorded = dict(model.machines["h4"].recorded)
    emptied(model, 4)
    model.machines["h4"].recorded = recorded
    plan = model.plan()
    storage = storage_id("h4", node.log_dirs[0].path)
    assert [item.id for item in plan.unread] == [storage]
    assert "not mounted?" in plan.unread[0].reason
    results = converged(model, session(model))
    assert not done(results)
    assert not throttles(model)


def test_one_of_several_log_dirs_is_filled_the_same_way() -> None:
    model = cluster("five")
    node = node_of(model, 5)
    lost = node.log_dirs[1].path
    machine = model.machines["h5"]
    machine.processes = []
    machine.recorded.pop(lost)
    for path in [p for p in machine.entries if p.startswith(f"{lost}/")]:
        del machine.entries[path]
    results = converged(model, session(model))
    assert not results.failed
    assert done(results)[:2] == ["create throttle/cluster", "start service/broker-5"]
    assert not throttles(model)
    assert model.plan().in_sync is True


def heap(spec: Spec, value: str) -> Spec:
    nodes = tuple(replace(node, heap=value) if node.is_broker else node for node in spec.nodes)
    return replace(spec, nodes=nodes)


class Stale(Watched):
    """Kafka takes broker 4 for alive for so many looks."""

    looks = 6

    def view(self) -> ClusterView | None:
        found = super().view()
        self.looks -= 1
        if found is None or self.looks < 0 or 4 in self.alive():
            return found
        where = node_of(self, 4).advertised_listeners[0].host
        brokers = tuple(
            replace(b, fenced=False, host=where) if b.id == 4 else b for b in found.brokers
        )
        return replace(found, brokers=brokers, errors={"broker-4": "no answer within 10 s"})


def test_kafka_has_to_notice_first_that_it_is_gone() -> None:
    known = cluster("five")
    model = Stale(known.spec)
    model.__dict__ |= known.__dict__
    reinstalled(model, 4)
    later = {item.id.kind: item for item in model.plan().deferred if item.id.name == "broker-4"}
    assert later["service"].reason.startswith("once Kafka has noticed that it is gone")
    run = session(model)
    results = converged(model, run)
    assert not results.failed
    assert done(results)[:2] == ["create throttle/cluster", "start service/broker-4"]
    assert not throttles(model)
    assert model.plan().in_sync is True


def test_nobody_else_is_bounced_before_it_is_whole() -> None:
    model = cluster("five")
    reinstalled(model, 4)
    model.becomes_spec(heap(model.spec, "700m"))
    later = {i.id.name: i.reason for i in model.plan().deferred if i.action == "restart"}
    assert later.keys() == {"broker-1", "broker-2", "broker-3", "broker-5"}
    assert set(later.values()) == {"once the replicas of broker-4 are in sync again"}
    results = converged(model, session(model))
    assert not results.failed
    order = done(results, "service", "refill")
    assert order[:2] == ["start service/broker-4", "update refill/broker-4"]
    assert len(order) == 6
    assert model.plan().in_sync is True


def test_what_cannot_come_back_does_not_keep_the_others() -> None:
    model = cluster("five")
    model.topics["alone"] = Topic([[4]])
    reinstalled(model, 4)
    model.becomes_spec(heap(model.spec, "700m"))
    assert {c.id.name for c in model.plan().changes if c.action == "restart"} == {
        "broker-1",
        "broker-2",
        "broker-3",
        "broker-5",
    }


def test_a_new_broker_needs_no_throttle() -> None:
    model = cluster("five")
    for topic in model.topics.values():
        topic.replicas = [[1, 2, 3] for _ in topic.replicas]
    reinstalled(model, 4)
    assert not [item for item in model.plan().deferred if item.id.kind == "service"]
    assert "start service/broker-4" in done(converged(model, session(model)))


@pytest.mark.parametrize("waited", ["placement", "refill"])
def test_a_wait_asks_what_the_throttle_is_kept_up_by(waited: str) -> None:
    spec = cluster("five").spec
    assert set(KINDS["throttle"].asks(spec)) <= set(KINDS[waited].asks(spec))


def test_nothing_else_of_the_cluster_is_done_before_it_runs() -> None:
    """A topic with as many replicas as there are brokers needs it."""
    model = cluster("five")
    reinstalled(model, 4)
    wide = replace(model.spec.topics[0], name="wide", partitions=1, replication=5, placement=None)
    model.becomes_spec(replace(model.spec, topics=(*model.spec.topics, wide)))
    results = converged(model, session(model))
    assert not results.failed
    order = done(results, "service", "topic")
    assert order == ["start service/broker-4", "create topic/wide"]
