"""From ZooKeeper to KRaft, and back, on the model: the chain through all rounds of a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from provisioner.kinds.phases import Mode
from provisioner.plan.model import Plan
from provisioner.site import migrating
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import spec_of
from tests.unit.run.migrating_model import MigratingModel
from tests.unit.run.model_run import Killed, converged, session

DUAL = spec_of("migrated")
HYBRID = replace(DUAL, migration="hybrid")
PLAIN = replace(
    DUAL,
    migration="",
    controller_quorum=None,
    nodes=tuple(n for n in DUAL.nodes if not n.is_controller),
)
KRAFT = replace(DUAL, migration="", nodes=tuple(n for n in DUAL.nodes if n not in DUAL.zookeeper))
EVERY: frozenset[str] = frozenset({""})
ALL = {"brokers": {Mode.KRAFT}, "controllers": {Mode.MIGRATING}}
BROKERS = [f"broker-{n}" for n in range(3)]


@pytest.fixture(autouse=True)
def zookeeper(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """ZooKeeper answers as the model's."""

    def znodes(site: Any) -> Any:
        view = MODEL[0].view()
        return (view.znodes if view else None), ""

    monkeypatch.setattr(migrating, "znodes", znodes)
    yield
    MODEL.clear()


MODEL: list[MigratingModel] = []


def cluster(spec: Spec = PLAIN) -> MigratingModel:
    """In ZooKeeper mode, in sync; then its spec is edited."""
    model = MigratingModel(PLAIN)
    MODEL[:] = [model]
    model.edited(PLAIN)
    run(model)
    model.history.clear()
    if spec is not PLAIN:
        model.edited(spec)
    return model


def run(model: MigratingModel, steps: int | None = None) -> list[str]:
    """What an apply did; nothing of it failed."""
    results = converged(model, session(model, steps))
    assert not results.failed, results.failed
    done = [c for c in results.applied if c.id.kind in ("service", "migration", "storage")]
    return [f"{c.action} {c.id.name.rpartition('/')[2]}" for c in done]


def modes(model: MigratingModel) -> dict[str, set[Mode]]:
    return {
        "brokers": set(model.modes(brokers=True).values()),
        "controllers": set(model.modes(brokers=False).values()),
    }


def refused(plan: Plan) -> list[tuple[str, str | None]]:
    return [(item.reason, item.allow) for item in plan.refused]


def test_dual_write_on_plain_zookeeper_goes_through_hybrid_in_one_run() -> None:
    model = cluster(DUAL)
    first = model.plan()
    later = [item for item in first.deferred if item.id.name == "broker-1"]
    assert [item.action for item in later] == ["restart", "restart"]
    assert "in ZooKeeper mode" in later[0].reason
    assert "in KRaft mode" in later[1].reason
    done = run(model)
    restarts = [what for what in done if what.startswith("restart")]
    assert restarts == [f"restart {name}" for name in BROKERS] * 2
    assert "start controller-100" in done
    assert modes(model) == ALL
    assert model.plan().in_sync is True


def test_hybrid_is_a_place_to_stay() -> None:
    model = cluster(HYBRID)
    done = run(model)
    assert [w for w in done if w.startswith("restart")] == [f"restart {name}" for name in BROKERS]
    assert modes(model)["brokers"] == {Mode.MIGRATING}
    assert model.plan().in_sync is True
    model.edited(DUAL)
    assert [w for w in run(model) if w.startswith("restart")] == [f"restart {b}" for b in BROKERS]
    assert modes(model) == ALL


def finalised() -> MigratingModel:
    model = cluster(DUAL)
    run(model)
    model.edited(KRAFT, finalize_migration=EVERY)
    return model


def test_the_end_has_to_be_said_and_restarts_no_broker() -> None:
    model = cluster(DUAL)
    run(model)
    model.edited(KRAFT)
    before = {p.node.name: p.pid for p in model.running()}
    found = refused(model.plan())
    assert {allow for _, allow in found} == {"finalize-migration"}
    assert "no way back" in found[0][0]
    run(model)
    assert {p.node.name: p.pid for p in model.running()} == before

    model.edited(KRAFT, finalize_migration=EVERY)
    done = run(model)
    assert done == ["restart controller-100", "stop zookeeper-1"]
    after = {p.node.name: p.pid for p in model.running()}
    assert {n: after[n] for n in BROKERS} == {n: before[n] for n in BROKERS}
    assert modes(model) == {"brokers": {Mode.KRAFT}, "controllers": {Mode.KRAFT}}
    model.edited(KRAFT)
    plan = model.plan()
    assert plan.in_sync is True
    assert [item.id.name for item in plan.unmanaged] == ["zookeeper-1"]


@pytest.mark.parametrize("since", [HYBRID, DUAL])
def test_going_back_leaves_nothing_and_it_can_be_done_again(since: Spec) -> None:
    model = cluster(since)
    run(model)
    model.edited(PLAIN)
    before = {p.node.name: p.pid for p in model.running()}
    assert {allow for _, allow in refused(model.plan())} == {"revert-migration"}
    run(model)
    assert {p.node.name: p.pid for p in model.running()} == before

    model.edited(PLAIN, revert_migration=EVERY)
    done = run(model)
    assert done.index("stop controller-100") < done.index("delete controller-100")
    assert modes(model) == {"brokers": {Mode.ZOOKEEPER}, "controllers": set()}
    assert "/migration" not in model.znodes
    assert not [e for m in model.machines.values() for e in m.entries if "controller-100" in e]
    model.edited(PLAIN)
    assert model.site.spec.former == ()
    assert model.plan().in_sync is True

    model.edited(DUAL)
    run(model)
    assert modes(model) == ALL
    assert model.plan().in_sync is True


WAYS = {
    "up": (PLAIN, DUAL, {}, ALL),
    "end": (
        DUAL,
        KRAFT,
        {"finalize_migration": EVERY},
        {"brokers": {Mode.KRAFT}, "controllers": {Mode.KRAFT}},
    ),
    "back": (
        DUAL,
        PLAIN,
        {"revert_migration": EVERY},
        {"brokers": {Mode.ZOOKEEPER}, "controllers": set()},
    ),
    "back from hybrid": (
        HYBRID,
        PLAIN,
        {"revert_migration": EVERY},
        {"brokers": {Mode.ZOOKEEPER}, "controllers": set()},
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("steps", range(1, 60, 6))
def test_killed_anywhere_the_next_run_goes_on(way: str, steps: int) -> None:
    before, after, allow, wanted = WAYS[way]
    model = cluster(before)
    run(model)
    model.edited(after, **allow)  # type: ignore[arg-type]
    with contextlib.suppress(Killed):
        converged(model, session(model, steps))
    model.edited(after, **allow)  # type: ignore[arg-type]
    run(model)
    assert modes(model) == wanted
    assert model.plan().in_sync is True


def test_the_controllers_do_not_replace_zookeeper_in_one_step() -> None:
    model = cluster()
    before = {p.node.name: p.pid for p in model.running()}
    model.edited(KRAFT, finalize_migration=EVERY)
    found = refused(model.plan())
    assert {allow for _, allow in found} == {None}
    assert "in ZooKeeper mode, and zookeeper cannot be replaced by controllers" in found[0][0]
    run(model)
    assert {p.node.name: p.pid for p in model.running()} == before


def test_a_hybrid_cluster_is_not_finalised() -> None:
    model = cluster(HYBRID)
    run(model)
    model.edited(KRAFT, finalize_migration=EVERY)
    assert "are in ZooKeeper mode" in refused(model.plan())[0][0]


def test_from_kraft_alone_there_is_no_way_back() -> None:
    model = finalised()
    run(model)
    model.edited(PLAIN, revert_migration=EVERY)
    found = refused(model.plan())
    assert {allow for _, allow in found} == {None}
    assert "Kafka has no way back to ZooKeeper" in found[0][0]
    before = [p.pid for p in model.running()]
    assert run(model) == []
    assert [p.pid for p in model.running()] == before


def test_another_version_in_the_same_plan_is_refused() -> None:
    model = cluster(DUAL)
    model.edited(replace(DUAL, version="3.9.2"))
    model.site.places = {
        host: replace(p, kafka=replace(p.kafka, path=p.kafka.path.replace("-v-", "-3.9.2-")))
        for host, p in model.site.places.items()
        if p.kafka is not None
    }
    found = refused(model.plan())
    assert found
    assert all("version is not changed while the cluster is migrated" in why for why, _ in found)
    assert run(model) == []


@pytest.mark.parametrize("text", ["", "null", "some text", "[]"])
def test_a_node_that_no_controller_wrote_is_refused(text: str) -> None:
    model = cluster(DUAL)
    model.znodes["/migration"] = text
    (found,) = {why for why, _ in refused(model.plan())}
    assert "/migration holds" in found
    assert "deleteall /migration" in found
    assert run(model) == []


def test_a_node_of_another_migration_is_refused() -> None:
    model = cluster(DUAL)
    model.znodes["/migration"] = '{"kraft_metadata_offset": 12}'
    assert "is of another migration" in refused(model.plan())[0][0]
    assert run(model) == []


def test_controllers_that_ran_without_the_flag_are_refused() -> None:
    model = cluster(DUAL)
    machine = model.machines["localhost"]
    model.format(machine_with(machine), "/srv/kafka/controller-100", model.zookeeper_id, "100")
    model._opened(machine, DUAL.controllers[0], "/srv/kafka/controller-100", Mode.KRAFT)
    assert "ran without zookeeper.metadata.migration.enable" in refused(model.plan())[0][0]
    assert run(model) == []


def machine_with(machine: Any) -> Any:
    from tests.unit.plan.model_cluster import Entry

    machine.entries["/srv/kafka/controller-100"] = Entry("directory", "0750", "kafka:kafka")
    return machine


def test_in_dual_write_topics_restarts_and_a_lost_process_are_as_ever() -> None:
    model = cluster(DUAL)
    run(model)
    model.kill("broker-1")
    model.delete_topic("purchases")
    assert run(model) == ["start broker-1"]
    assert "purchases" in model.topics
    assert model.plan().in_sync is True


def several() -> tuple[Spec, Spec, Spec]:
    """With three controllers: on the way, before, and after."""
    (one,) = DUAL.controllers
    assert one.controller_listener is not None
    more = tuple(
        replace(
            one,
            id=id,
            properties=f"/srv/kafka/config/controller-{id}.properties",
            log_dirs=(replace(one.log_dirs[0], path=f"/srv/kafka/controller-{id}"),),
            controller_listener=replace(one.controller_listener, port=9000 + id),
        )
        for id in (99, 101)
    )
    nodes = (*DUAL.zookeeper, *more, one, *DUAL.brokers)
    kraft = tuple(node for node in nodes if node not in DUAL.zookeeper)
    return replace(DUAL, nodes=nodes), PLAIN, replace(KRAFT, nodes=kraft)


def test_of_several_controllers_the_last_that_is_stopped_takes_along_what_is_left() -> None:
    dual, plain, _ = several()
    model = cluster(dual)
    run(model)
    assert len(model.modes(brokers=False)) == 3
    assert model.plan().in_sync is True
    model.edited(plain, revert_migration=EVERY)
    done = run(model)
    stops = [what for what in done if what.startswith("stop")]
    assert sorted(stops) == ["stop controller-100", "stop controller-101", "stop controller-99"]
    assert "/migration" not in model.znodes
    assert modes(model) == {"brokers": {Mode.ZOOKEEPER}, "controllers": set()}
    model.edited(plain)
    assert model.site.spec.former == ()


def test_a_rebuilt_broker_comes_back_in_kraft_mode() -> None:
    model = cluster(DUAL)
    run(model)
    model.kill("broker-1")
    for path in ("logs-1", "config/server-1.properties", ".provision/launch/server-1.conf"):
        model.remove(path)
    for machine in model.machines.values():
        machine.recorded.pop("/srv/kafka/logs-1", None)
    plan = model.plan()
    assert not plan.refused
    done = run(model)
    assert done == ["create logs-1", "start broker-1"]
    assert modes(model) == ALL
    assert model.plan().in_sync is True
