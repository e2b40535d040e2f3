"""Brokers that are to go (``state: absent``): drained, proved empty, stopped, removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.joining import in_requests, joined
from provisioner.kafka.requests.leaders import ElectAnyLeaders
from provisioner.kinds.broker.requests import IsRegistered
from provisioner.kinds.ids import broker_id, config_id, file_id, service_id, storage_id
from provisioner.kinds.safety_view import safety_view
from provisioner.plan import safety
from provisioner.plan.model import Change, Plan
from provisioner.plan.rules import ALL, Seen
from provisioner.run.results import Overtaken, Results
from provisioner.site.observe import told as observed
from provisioner.site.planning import make_plan
from provisioner.site.verdicts import holds_again
from provisioner.spec.features import METADATA
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import ModelCluster, spec_of
from tests.unit.run.model_run import Killed, ModelSession, converged, session

CORDON = "cordoned.log.dirs"
WIPE = {"wipe-log-dir": frozenset({ALL})}
MADE: dict[str, ModelCluster] = {}


def without(spec: Spec, *ids: int) -> Spec:
    gone = tuple(node for node in spec.known if node.is_broker and node.id in ids)
    return replace(spec, nodes=tuple(n for n in spec.nodes if n not in gone), leaving=gone)


def cluster(name: str, *gone: int, allow: Any = WIPE) -> ModelCluster:
    """One in sync, from whose spec these brokers are then to go."""
    if name not in MADE:
        MADE[name] = ModelCluster.made(name)
    model = MADE[name].copy()
    model.becomes_spec(without(spec_of(name), *gone))
    model.site.options = replace(model.site.options, allow=allow)
    return model


def done(results: Results, *kinds: str) -> list[tuple[str, str]]:
    """(action, kind and name) of what was done, in its order."""
    return [
        (change.action, f"{change.id.kind}/{change.id.name}")
        for change in results.applied
        if change.id.kind in (kinds or ("broker", "broker-config", "service"))
    ]


def held(model: ModelCluster, broker: int) -> set[str]:
    return {
        f"{name}-{number}"
        for name, topic in model.topics.items()
        for number, replicas in enumerate(topic.replicas)
        if broker in replicas or broker in topic.moving.get(number, ())
    }


def gone(model: ModelCluster, broker: int) -> None:
    """Nothing of it is anywhere, and the plan is empty."""
    node = next(node for node in model.spec.leaving if node.id == broker)
    assert not held(model, broker)
    assert broker not in model.registered or not model.spec.is_kraft
    assert broker not in model.alive()
    machine = model.machines[node.host]
    where = model.site.places[node.host]
    for path in (node.properties, where.launch(node), where.logs(node)):
        assert path not in machine.entries, path
    for log_dir in node.log_dirs:
        assert not [e for e in machine.entries if e.startswith(f"{log_dir.path}/")]
    plan = model.plan()
    assert plan.in_sync is True, left(plan)


def left(plan: Plan) -> list[str]:
    found = [f"{c.action} {c.id}: {c.reason}" for c in plan.changes]
    for part in (plan.deferred, plan.refused, plan.unread):
        found += [f"{item.id}: {item.reason}" for item in part]
    return found


def run(model: ModelCluster, steps: int | None = None) -> ModelSession:
    """A run that asks before each stop whether it does harm."""
    made = session(model, steps)

    def may_stop(wave: Any, others: Sequence[Change], most: int) -> Sequence[Change]:
        for change in wave.changes:
            node = model.spec.node(change.id.name)
            view = model.view()
            assert view is not None
            if model.spec.leaves(node.id):
                assert not held(model, node.id), f"{node.name} is stopped and holds replicas"
            assert safety.may_stop_broker(safety_view(view), node.id).allowed
        return ()

    made.may_stop = may_stop
    return made


def test_the_first_plan_shows_the_whole_chain() -> None:
    model = cluster("five", 5)
    model.dynamic[5] = {"log.cleaner.threads": "2"}
    plan = model.plan()
    assert [str(c.id) for c in plan.changes] == [
        "broker-config/broker-5",
        "throttle/cluster",
        "placement/orders",
    ]
    assert plan.changes[0].after == {CORDON: "*"}
    node = model.spec.leaving[0]
    foreseen = {item.id: (item.action, item.reason) for item in plan.deferred if item.foreseen}
    assert foreseen[config_id("broker-5")] == ("update", "cleared once it holds no replica")
    assert foreseen[service_id(node)] == ("stop", "stopped once it holds no replica")
    assert foreseen[broker_id(5)][0] == "delete"
    assert "it holds" in foreseen[broker_id(5)][1]
    assert foreseen[file_id("h5", node.properties)][0] == "delete"
    assert foreseen[storage_id("h5", node.log_dirs[1].path)][0] == "delete"


@pytest.mark.parametrize(("name", "broker"), [("five", 5), ("four", 3)])
def test_one_goes_in_one_run(name: str, broker: int) -> None:
    model = cluster(name, broker)
    model.topic("elsewhere", 12, 2, {})
    model.topic("__consumer_offsets", 5, 1, {})
    others = {p.node.name: p.pid for m in model.machines.values() for p in m.processes}
    others.pop(f"broker-{broker}")
    before = {name: list(map(list, topic.replicas)) for name, topic in model.topics.items()}
    results = converged(model, run(model))
    assert not results.failed
    gone(model, broker)
    stopped = ("stop", f"service/broker-{broker}")
    cordoned, unregistered = (
        ("update", f"broker-config/broker-{broker}"),
        ("delete", f"broker/{broker}"),
    )
    # Of a ZooKeeper cluster the registration goes with the process.
    assert done(results) == ([cordoned, stopped, unregistered] if name == "five" else [stopped])
    assert others == {p.node.name: p.pid for m in model.machines.values() for p in m.processes}
    for topic, replicas in before.items():
        for was, now in zip(replicas, model.topics[topic].replicas, strict=True):
            assert len(was) == len(now) == len(set(now))
            assert set(was) - {broker} <= set(now), "only what was on it has moved"


def test_two_at_once_and_nothing_is_moved_twice() -> None:
    model = cluster("five", 4, 5)
    model.topic("elsewhere", 20, 2, {})
    results = converged(model, run(model))
    assert not results.failed
    gone(model, 4)
    gone(model, 5)
    moved = [
        (change.id.name, name)
        for change in results.applied
        if change.id.kind == "placement"
        for name in change.fields
    ]
    assert len(moved) == len(set(moved))


def test_its_own_settings_are_cleared_while_it_runs() -> None:
    model = cluster("five", 5)
    model.dynamic[5] = {"log.cleaner.threads": "2"}
    results = converged(model, run(model))
    assert not results.failed
    assert model.dynamic[5] == {CORDON: "*"}
    gone(model, 5)


def test_below_the_level_it_is_not_cordoned() -> None:
    model = cluster("five", 5)
    model.finalized[METADATA] = 29
    results = converged(model, run(model))
    assert not results.failed
    assert CORDON not in model.dynamic.get(5, {})
    gone(model, 5)


def test_without_the_word_all_else_is_done_and_the_data_stays() -> None:
    model = cluster("five", 5, allow={})
    results = converged(model, run(model))
    assert not results.failed
    assert 5 not in model.registered
    plan = model.plan()
    assert not plan.changes
    assert not plan.deferred
    node = model.spec.leaving[0]
    assert [(item.id.name, item.word) for item in plan.refused] == [
        (log_dir.path, f"wipe-log-dir={log_dir.path}")
        for log_dir in sorted(node.log_dirs, key=lambda each: each.path)
    ]
    model.site.options = replace(model.site.options, allow=WIPE)
    assert not converged(model, run(model)).failed
    gone(model, 5)


def test_its_line_may_stay_in_the_spec() -> None:
    model = cluster("five", 5)
    converged(model, run(model))
    again = run(model)
    assert converged(model, again).applied == []
    assert model.plan().in_sync is True


def test_what_strangers_create_meanwhile_leaves_too() -> None:
    model = cluster("five", 5)
    model.finalized[METADATA] = 29
    session = run(model)
    made: list[str] = []
    send = model.send

    def and_somebody_creates(request: Any) -> None:
        send(request)
        if len(made) < 50:
            made.append(f"stranger-{len(made)}")
            model.topic(made[-1], 1, 2, {})
            for name in made[-1:]:
                model.topics[name].replicas = [[5, 1]]

    model.send = and_somebody_creates  # type: ignore[method-assign]
    results = converged(model, session)
    assert not results.failed, results.failed
    assert len(made) == 50
    gone(model, 5)


def test_a_stop_is_put_off_where_it_got_a_replica_since_the_plan() -> None:
    model = cluster("five", 5)
    model.finalized[METADATA] = 29
    session = run(model)
    ask, late = session.may_stop, list[str]()

    def overtaken(wave: Any, others: Sequence[Change], most: int) -> Sequence[Change]:
        if len(late) < 2:
            late.append(f"late-{len(late)}")
            model.topic(late[-1], 1, 1, {})
            model.topics[late[-1]].replicas = [[5]]
        for change in wave.changes:
            if holds_again(model.spec, model.spec.node(change.id.name), Seen(view=model.view())):
                raise Overtaken(change)
        return ask(wave, others, most)

    session.may_stop = overtaken
    results = converged(model, session)
    assert not results.failed
    assert done(results, "service") == [("stop", "service/broker-5")]
    assert len(results.overtaken) == 2
    gone(model, 5)


def test_others_who_never_end_are_named() -> None:
    model = cluster("five", 5)
    model.finalized[METADATA] = 29
    session = run(model)
    late: list[str] = []

    def overtaken(wave: Any, others: Sequence[Change], most: int) -> Sequence[Change]:
        late.append(f"late-{len(late)}")
        model.topic(late[-1], 1, 1, {})
        model.topics[late[-1]].replicas = [[5]]
        raise Overtaken(wave.changes[0])

    session.may_stop = overtaken
    results = converged(model, session)
    ((change, why),) = results.failed
    assert change.id.name == "broker-5"
    assert "as fast as they are moved away" in why
    assert 5 in model.alive()


def test_what_lands_on_it_while_it_stops_is_moved_away_once_it_is_started_again() -> None:
    model = cluster("five", 5)
    model.finalized[METADATA] = 29
    session = run(model)
    ask = session.may_stop
    late: list[str] = []

    def one_more(wave: Any, others: Sequence[Change], most: int) -> Sequence[Change]:
        found = ask(wave, others, most)
        if len(late) < 2:
            late.append(f"late-{len(late)}")
            model.topic(late[-1], 1, 1, {})
            model.topics[late[-1]].replicas = [[5]]
        return found

    session.may_stop = one_more
    results = converged(model, session)
    assert not results.failed
    assert done(results, "service") == [
        (action, "service/broker-5") for action in ("stop", "start", "stop", "start", "stop")
    ]
    assert not [name for name in late if model.topics[name].emptied]
    gone(model, 5)


def test_after_three_passes_it_is_said() -> None:
    model = cluster("five", 5)
    model.finalized[METADATA] = 29
    session = run(model)
    late: list[str] = []

    def one_more(wave: Any, others: Sequence[Change], most: int) -> Sequence[Change]:
        late.append(f"late-{len(late)}")
        model.topic(late[-1], 1, 1, {})
        model.topics[late[-1]].replicas = [[5]]
        return ()

    session.may_stop = one_more
    results = converged(model, session)
    assert len(late) == 3
    assert {change.id.name for change, _ in results.failed} == {"broker-5"}
    assert 5 in model.registered


def test_too_few_brokers_for_a_topic_is_refused_by_name_and_nothing_moves() -> None:
    model = cluster("five", 4, 5)
    model.topic("wide", 2, 3, {})
    model.topics["wide"].replicas = [[1, 2, 4, 5], [2, 3, 5, 4]]
    results = converged(model, run(model))
    assert not results.failed
    assert done(results, "placement", "service", "broker", "broker-config", "throttle") == []
    plan = model.plan()
    refused = {str(item.id): item.reason for item in plan.refused}
    assert "needs 4 replicas" in refused["placement/wide"]
    assert "topic wide needs 4 replicas" in refused["broker-config/broker-4"]
    assert all(item.allow is None for item in plan.refused if not item.id.host)


@pytest.mark.parametrize("reached", [True, False], ids=["its host answers", "its host is gone"])
def test_a_dead_one_goes_with_nothing_needed_from_it(reached: bool) -> None:
    model = cluster("five", 5)
    model.topic("alone", 1, 1, {})
    model.topics["alone"].replicas = [[1]]
    model.kill("broker-5")
    if not reached:
        model.unreachable("h5")
    results = converged(model, run(model))
    assert not results.failed
    assert not held(model, 5)
    assert 5 not in model.registered
    assert done(results) == [("delete", "broker/5")]
    plan = model.plan()
    if reached:
        gone(model, 5)
    else:
        assert [str(item.id) for item in plan.unread] == ["h5/service/broker-5"]
        assert plan.in_sync is None, left(plan)


def test_what_nobody_else_has_is_lost_only_by_name() -> None:
    model = cluster("five", 5)
    model.topic("alone", 2, 1, {})
    model.topics["alone"].replicas = [[5], [1]]
    model.kill("broker-5")
    model.unreachable("h5")
    results = converged(model, run(model))
    assert not results.failed
    assert held(model, 5) == {"alone-0"}
    plan = model.plan()
    (refused,) = plan.refused
    assert not plan.changes, "no limit is set for what is not copied"
    assert (refused.id.name, refused.allow) == ("alone", "data-loss")
    assert "alone-0" in refused.reason
    model.site.options = replace(model.site.options, allow={**WIPE, "data-loss": frozenset()})
    results = converged(model, run(model))
    assert not results.failed
    assert model.topics["alone"].emptied == {0}
    assert not held(model, 5)
    assert 5 not in model.registered


def test_one_that_is_down_and_has_the_only_copy_is_started_first() -> None:
    model = cluster("five", 5)
    model.topic("alone", 1, 1, {})
    model.topics["alone"].replicas = [[5]]
    model.kill("broker-5")
    results = converged(model, run(model))
    assert not results.failed
    assert done(results, "service") == [
        ("start", "service/broker-5"),
        ("stop", "service/broker-5"),
    ]
    assert not model.topics["alone"].emptied
    gone(model, 5)


def test_kafka_silent_nothing_is_stopped_or_removed() -> None:
    model = cluster("five", 5)
    for name in ("broker-1", "broker-2", "broker-3", "broker-4"):
        model.kill(name)
    for controller in ("controller-100", "controller-101", "controller-102"):
        model.kill(controller)
    plan = model.plan()
    assert not [c for c in plan.changes if c.action in ("stop", "delete")]


def test_abort_takes_the_cordon_back() -> None:
    model = cluster("five", 5)
    with pytest.raises(Killed):
        converged(model, run(model, steps=1))
    assert model.dynamic[5] == {CORDON: "*"}
    # The spec as it was before: what this tool has cordoned for it takes replicas again.
    model.becomes_spec(spec_of("five"))
    (change,) = model.plan().changes
    assert (change.id, change.after) == (config_id("broker-5"), {CORDON: None})
    assert not converged(model, run(model)).failed
    assert model.dynamic[5] == {}


@pytest.mark.parametrize("what", ["reassignments", "log-dirs-5", "broker-5"])
def test_what_it_holds_is_not_known_where_a_right_is_missing(what: str) -> None:
    """With an authorizer the list of topics may be short, and then its log dirs alone tell."""
    model = cluster("five", 5)
    for topic in model.topics.values():
        topic.replicas = [[1, 2, 3][: len(each)] for each in topic.replicas]
    assert [c.action for c in model.plan().changes if c.id.kind == "service"] == ["stop"]
    known = model.observe()
    assert isinstance(known.view, ClusterView)
    things = {id: each for id, each in known.things.items() if id.host}
    errors = {what: "CLUSTER_AUTHORIZATION_FAILED: needs DESCRIBE on the cluster"}
    view = replace(known.view, errors=errors, log_dirs={})
    plan = make_plan(model.site, observed(model.spec, Seen(things, view))).plan
    assert not [c for c in plan.changes if c.id.kind in ("service", "broker", "storage")]
    assert {str(item.id): item.reason for item in plan.unread}["broker/5"] == errors[what]


def test_whether_it_is_registered_is_not_known_where_no_topic_may_be_created() -> None:
    ask = IsRegistered(5)

    def errors(code: int, words: str) -> list[Any]:
        topic = SimpleNamespace(error_code=code, error_message=words)
        return [each.error_code for each in ask.message.items(SimpleNamespace(topics=[topic]))]

    assert errors(29, "Authorization failed.") == [29]
    assert errors(39, "no such broker is registered") == []


def test_several_elections_without_copies_go_together() -> None:
    some = [ElectAnyLeaders((("a", 0),)), ElectAnyLeaders((("b", 1), ("b", 2)))]
    assert in_requests(some) == [[0, 1]]
    fields = joined(some).fields
    assert fields["election_type"] == 1
    assert [each["topic"] for each in fields["topic_partitions"]] == ["a", "b"]
    assert len(in_requests([some[0], ElectAnyLeaders((("a", 0), ("b", 0)))])) == 2


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_ended_anywhere_the_next_run_goes_on(data: Any) -> None:
    some: Callable[[Any], Any] = data.draw
    name = some(st.sampled_from(["five", "four"]))
    ids = [node.id for node in spec_of(name).brokers]
    most = 2 if name == "five" else 1
    out = some(st.lists(st.sampled_from(ids), min_size=1, max_size=most, unique=True))
    model = cluster(name, *out)
    model.finalized[METADATA] = some(st.sampled_from([29, 30]))
    for number in range(some(st.integers(0, 3))):
        replicas = some(
            st.lists(st.sampled_from(ids), min_size=1, max_size=len(ids) - len(out), unique=True)
        )
        model.topic(f"other-{number}", 1, 1, {})
        model.topics[f"other-{number}"].replicas = [replicas]
    for _ in range(some(st.integers(0, 2))):
        try:
            converged(model, run(model, steps=some(st.integers(0, 40))))
        except Killed:
            continue
    results = converged(model, run(model))
    assert not results.failed, results.failed
    for broker in out:
        gone(model, broker)
    assert all(not topic.emptied for topic in model.topics.values())


def test_fewer_brokers_restart_nobody() -> None:
    """What is made of their number is in the files, and counts from the next start on."""
    model = cluster("five", 3, 4, 5)
    for topic in ("orders",):
        model.delete_topic(topic)
    model.becomes_spec(replace(model.spec, topics=()))
    pids = {p.node.name: p.pid for m in model.machines.values() for p in m.processes}
    results = converged(model, run(model))
    assert not results.failed
    text = model.machines["h1"].text("/srv/kafka/config/server-1.properties")
    assert "offsets.topic.replication.factor=2" in text
    for node in ("broker-1", "broker-2"):
        assert model.process(node).pid == pids[node]
    assert model.plan().in_sync is True, left(model.plan())
