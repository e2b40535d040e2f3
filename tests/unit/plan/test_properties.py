"""What holds of every plan, shown on ``ModelCluster``: machines that exist only as data."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.kinds.registry import KINDS
from provisioner.kinds.safety_view import safety_view
from provisioner.plan import safety
from provisioner.plan.model import Change, Layer, Plan, Unknown, Wave
from provisioner.site.planning import make_plan
from tests.unit.plan.model_cluster import Impossible, ModelCluster, spec_of, stopped_by

SPECS = ("lab", "kraft", "three", "ensemble")
MADE: dict[str, ModelCluster] = {}


def made(name: str) -> ModelCluster:
    """A cluster in sync, made once and copied."""
    if name not in MADE:
        MADE[name] = ModelCluster.made(name)
    return MADE[name].copy()


@dataclass(frozen=True)
class Deed:
    """Something that somebody did to the cluster: a method of the model and its arguments."""

    name: str
    args: tuple[Any, ...]

    def do(self, model: ModelCluster) -> None:
        getattr(model, self.name)(*self.args)

    def __repr__(self) -> str:
        return f"{self.name}{self.args}"


def deeds(name: str) -> list[Deed]:
    """Everything that can be mended by a plan, for one of the specs."""
    spec = spec_of(name)
    found: list[Deed] = []
    for node in spec.nodes:
        where = f"{node.host}:{node.properties}"
        launch = f"{node.host}:{ModelCluster(spec).site.places[node.host].launch(node)}"
        found += [
            Deed("edit", (where, {"num.network.threads": "9"})),
            Deed("edit", (launch, {"heap": "3g"})),
            Deed("append", (where, "# a comment by hand\n")),
            Deed("remove", (where,)),
            Deed("chmod", (where, "0644")),
            Deed("becomes", (launch, "fifo")),
            Deed("kill", (node.name,)),
            Deed("bounce", (node.name,)),
        ]
        if node.is_broker:
            found += [
                Deed("broker_config", (node.id, {"log.cleaner.threads": "2"})),
                Deed("broker_config", (node.id, {"num.io.threads": "6"})),
                Deed("start", (node.name,)),
            ]
    for host in sorted({node.host for node in spec.nodes}):
        home = spec.home_on(host)
        where_ = ModelCluster(spec).site.places[host]
        assert where_.kafka is not None
        found += [
            Deed("remove", (f"{host}:{home}/.provision/key",)),
            Deed("remove", (f"{host}:{home}/libs",)),
            Deed("remove", (f"{host}:{home}/logs/{spec.on(host)[0].name}",)),
            Deed("chmod", (f"{host}:{home}/config", "0777")),
            Deed("damage", (f"{host}:{where_.kafka.path}", "changed=libs/a.jar")),
            Deed("remove", (f"{host}:{where_.kafka.path}",)),
        ]
    for quota in spec.quotas or ():
        entity, key = dict(quota.entity), next(iter(quota.rates))
        found += [
            Deed("quota", (entity, {key: 1})),
            Deed("quota", (entity, {key: 2, "request_percentage": 1.5})),
            Deed("quota", (entity, dict.fromkeys(quota.rates))),
        ]
    if spec.features is not None:
        found += [
            Deed("finalize", ({"metadata.version": 25},)),
            Deed("finalize", ({"group.version": 0, "eligible.leader.replicas.version": 0},)),
        ]
    for topic in spec.topics:
        found += [
            Deed("topic_config", (topic.name, {"message.format.version": "3.0-IV1"})),
            Deed("topic_config", (topic.name, {"retention.ms": "1"})),
            Deed("topic_config", (topic.name, {"segment.ms": "77777"})),
            Deed("delete_topic", (topic.name,)),
            Deed("leads", (topic.name, 0, spec.brokers[1].id)),
            Deed("topic", (topic.name, max(1, topic.partitions - 1), topic.replication, {})),
        ]
    return found


DEEDS = {name: deeds(name) for name in SPECS}


@st.composite
def histories(draw: Callable[..., Any]) -> tuple[str, list[Deed]]:
    name = draw(st.sampled_from(SPECS))
    return name, draw(st.lists(st.sampled_from(DEEDS[name]), max_size=6))


def of_each_sort(name: str) -> list[Deed]:
    """One deed of each sort: not on every broker what was done to the first."""
    found: dict[tuple[str, str], Deed] = {}
    for deed in DEEDS[name]:
        sort = re.sub(r"\d+", "", str(deed.args[0])).removeprefix("h:")
        found.setdefault((deed.name, sort + str(deed.args[1:])), deed)
    return list(found.values())


def after(history: tuple[str, list[Deed]]) -> ModelCluster:
    """A cluster in sync to which all of this was done; what could not be done was not."""
    model = made(history[0])
    for deed in history[1]:
        with contextlib.suppress(Impossible):
            deed.do(model)
    return model


def test_what_cannot_be_done_is_said_to_be_impossible() -> None:
    """Whatever was done before it: a deed that fails by anything else would make all properties
    weaker in silence."""
    some = of_each_sort("lab")
    for first in some:
        model = after(("lab", [first]))
        for second in some:
            with contextlib.suppress(Impossible):
                second.do(model.copy())


def nothing_left(model: ModelCluster) -> None:
    plan = model.plan()
    left = [f"{c.action} {c.id}: {c.reason}" for c in plan.changes]
    for part in (plan.deferred, plan.refused, plan.unread):
        left += [f"{item.id}: {item.reason}" for item in part]
    assert not left


@pytest.mark.parametrize("name", SPECS)
def test_from_nothing_to_in_sync_with_one_apply(name: str) -> None:
    model = ModelCluster(spec_of(name))
    assert model.plan().changes
    model.apply()
    nothing_left(model)
    assert model.plan().in_sync is True


@pytest.mark.parametrize("name", SPECS)
def test_what_is_in_sync_is_left_alone(name: str) -> None:
    model = made(name)
    model.apply()
    assert not model.history


@pytest.mark.parametrize(
    ("name", "deed"),
    [(name, deed) for name in SPECS for deed in of_each_sort(name)],
    ids=lambda value: value if isinstance(value, str) else repr(value)[:80],
)
def test_each_deed_alone_is_mended_by_one_apply(name: str, deed: Deed) -> None:
    model = made(name)
    deed.do(model)
    model.apply()
    nothing_left(model)


@settings(max_examples=60)
@given(histories())
def test_after_a_plan_the_next_plan_is_empty(history: tuple[str, list[Deed]]) -> None:
    """A plan that foresees more ends in the empty one after the rounds it foresaw."""
    model = after(history)
    while any(item.foreseen for item in model.apply().deferred):
        pass
    nothing_left(model)


@settings(max_examples=20)
@given(histories())
def test_planning_changes_nothing_and_is_the_same_each_time(
    history: tuple[str, list[Deed]],
) -> None:
    model = after(history)
    before = model.copy()
    first, second = model.plan(), model.plan()
    assert first == second
    assert before.machines == model.machines
    assert before.topics == model.topics


def layers_in_order(plan: Plan) -> None:
    last = (Layer.HOST, 0)
    for wave in plan.waves:
        found = {KINDS[change.id.kind].layer for change in wave.changes}
        assert len(found) == 1, "a wave is of one layer"
        assert (found.copy().pop(), wave.number) > last
        last = (found.pop(), wave.number)
        assert {change.wave for change in wave.changes} == {wave.number}
    assert [wave.number for wave in plan.waves] == list(range(1, len(plan.waves) + 1))


def one_bounce_at_a_time(wave: Wave) -> None:
    bounced = list(stopped_by(wave))
    if bounced:
        assert len(wave.changes) == 1
        assert wave.gate == "may-stop"


@settings(max_examples=30)
@given(histories())
def test_files_before_processes_before_topics_and_bounces_one_at_a_time(
    history: tuple[str, list[Deed]],
) -> None:
    plan = after(history).plan()
    layers_in_order(plan)
    for wave in plan.waves:
        one_bounce_at_a_time(wave)


@settings(max_examples=30)
@given(histories())
def test_starts_go_by_tier_and_before_any_bounce(history: tuple[str, list[Deed]]) -> None:
    model = after(history)
    planned = model.planned()
    tiers = [
        (bool(list(stopped_by(wave))), int(planned.wanted[change.id].args["tier"]))
        for wave in planned.plan.waves
        for change in wave.changes
        if change.id.kind == "service"
    ]
    assert tiers == sorted(tiers)


@settings(max_examples=40)
@given(histories())
def test_no_partition_falls_below_its_minimum_by_a_gated_wave(
    history: tuple[str, list[Deed]],
) -> None:
    """Asked before every stop, as the executor does: what it allows does no harm."""
    model = after(history)

    def watch(wave: Wave) -> None:
        for change in stopped_by(wave):
            node = model.spec.node(change.id.name)
            view = model.view()
            if not node.is_broker or view is None:
                continue
            before = safety_view(view)
            verdict = safety.may_stop_broker(before, node.id)
            without = model.copy()
            without.kill(node.name)
            rest = without.view()
            if not verdict.allowed or rest is None:
                continue
            for partition in safety_view(rest).partitions:
                if str(partition) in verdict.offline:
                    continue
                was = next(p for p in before.partitions if str(p) == str(partition))
                if node.id in was.replicas:
                    assert len(partition.isr) >= min(was.min_isr, len(was.replicas))

    model.apply(watch)


def unreadable_things(name: str) -> list[tuple[str, str]]:
    model = made(name)
    return [
        (id.kind, f"{id.host}:{id.name}")
        for id in sorted(model.observe().things)
        if id.host and id.kind in ("file", "directory", "storage", "kafka", "java")
    ]


UNREADABLE = {name: unreadable_things(name) for name in SPECS}


@st.composite
def partly_unreadable(draw: Callable[..., Any]) -> tuple[str, bool, list[Deed]]:
    name = draw(st.sampled_from(SPECS))
    some = draw(st.lists(st.sampled_from(UNREADABLE[name]), min_size=1, max_size=4, unique=True))
    return name, draw(st.booleans()), [Deed("unreadable", (k, p, "denied")) for k, p in some]


@settings(max_examples=60)
@given(partly_unreadable())
def test_what_could_not_be_read_is_neither_touched_nor_in_sync(
    case: tuple[str, bool, list[Deed]],
) -> None:
    name, fresh, troubles = case
    model = ModelCluster(spec_of(name)) if fresh else made(name)
    for deed in troubles:
        deed.do(model)
    planned = model.planned()
    plan = planned.plan
    unknown = {i for i, seen in planned.seen.things.items() if isinstance(seen, Unknown)}
    assert unknown
    assert not [c for c in plan.changes if c.id in unknown]
    assert not [c for c in plan.changes if c.action == "delete"]
    wanted = {i for i in unknown if i in planned.wanted}
    if wanted:
        assert wanted == {item.id for item in plan.unread}
        assert plan.in_sync is not True
        assert not plan.complete
    assert not started_from(plan.changes, planned.wanted, wanted)


def started_from(changes: Any, desired: Any, unknown: Any) -> list[Change]:
    """Processes that would be started or bounced from something that could not be read."""
    return [
        change
        for change in changes
        if change.action in ("start", "restart") and set(desired[change.id].inputs) & unknown
    ]


@pytest.mark.parametrize("name", SPECS)
def test_an_unreadable_input_holds_back_what_is_made_from_it_and_nothing_else(name: str) -> None:
    model = ModelCluster(spec_of(name))
    node = model.spec.brokers[-1]
    model.unreadable("file", f"{node.host}:{node.properties}", "permission denied")
    plan = model.plan()
    held = [item for item in plan.deferred if item.id.kind == "service"]
    assert [(item.id.name, item.action) for item in held] == [(node.name, "start")]
    assert "permission denied" in held[0].reason
    started = {c.id.name for c in plan.changes if c.action == "start"}
    assert started == {other.name for other in model.spec.nodes} - {node.name}


def test_nothing_is_formatted_with_a_file_that_could_not_be_read() -> None:
    model = ModelCluster(spec_of("kraft"))
    model.unreadable("file", "config/server-1.properties", "permission denied")
    formatted = [c.id.name for c in model.plan().changes if c.id.kind == "storage"]
    assert "/srv/kafka/logs-1" not in formatted


@pytest.mark.parametrize(
    "written", ["num.io.threads=4  ", r"num.io.threads=\u0034", "num.io.threads=4\t"]
)
def test_a_file_that_reads_the_same_but_is_written_otherwise_is_mended_too(written: str) -> None:
    model = made("lab")
    machine, path = model.machine_of("config/server-1.properties")
    model.write(path, machine.text(path).replace("num.io.threads=4", written))
    model.bounce("broker-1")
    model.apply()
    nothing_left(model)


def test_an_unreachable_host_defers_the_format_of_a_fresh_cluster() -> None:
    model = ModelCluster(spec_of("three"))
    model.unreachable("h3")
    plan = model.plan()
    assert not [c for c in plan.changes if c.id.kind in ("storage", "service")]
    assert not plan.refused
    assert not plan.complete


def test_a_broker_is_not_formatted_while_a_partition_is_in_sync_nowhere_else() -> None:
    model = made("kraft")
    model.topic("alone", 3, 1, {})
    model.kill("broker-1")
    model.wipe("logs-1")
    model.forget("logs-1")
    refused = [item for item in model.plan().refused if item.id.kind == "storage"]
    assert [item.allow for item in refused] == ["data-loss"]


def test_a_broker_is_not_started_while_its_id_serves_from_another_host() -> None:
    model = made("three")
    model.kill("broker-2")
    seen = model.observe()
    assert seen.view is not None
    elsewhere = replace(next(b for b in seen.view.brokers if b.id == 1), id=2, host="h9")
    kept = tuple(b for b in seen.view.brokers if b.id != 2)
    view = replace(seen.view, brokers=(*kept, elsewhere))
    plan = make_plan(model.site, replace(seen, view=view)).plan
    assert [str(r.id) + ": " + r.reason for r in plan.refused] == [
        "h2/service/broker-2: broker 2 is running at h9: stop it there first"
    ]
    assert not [c for c in plan.changes if c.id.kind == "service"]


LEAVES = "/srv/kafka/more would no longer be a log dir of broker-1, and that would lose data: "


@pytest.mark.parametrize(
    ("now", "refused"),
    [("serves from it", True), ("is down", True), ("does not know of it", False)],
)
@pytest.mark.parametrize("copies", [1, 3])
def test_a_log_dir_leaves_a_broker_only_when_what_it_holds_is_elsewhere(
    now: str, refused: bool, copies: int
) -> None:
    model = made("lab")
    model.topic("alone", 3, copies, {})
    dirs = {"log.dirs": "/srv/kafka/logs-1,/srv/kafka/more"}
    model.edit("config/server-1.properties", dirs)
    match now:
        case "serves from it":
            model.running_digest_static("broker-1", dirs)
        case "is down":
            model.kill("broker-1")
    plan = model.plan()
    found = {str(item.id): item for item in plan.refused}
    file = "localhost/file//srv/kafka/config/server-1.properties"
    if not refused or copies == 3:
        assert not found
        return
    assert found[file].reason.startswith(LEAVES)
    assert found[file].allow == "data-loss"
    assert not [c for c in plan.changes if c.id.name == "broker-1"]
    model.site.options = replace(model.site.options, allow={"data-loss": frozenset()})
    assert not model.plan().refused


def test_a_disk_that_is_gone_is_made_anew_only_when_that_is_allowed_by_name() -> None:
    model = made("three")
    model.kill("broker-2")
    model.wipe("h2:logs-2")
    (unread,) = [item for item in model.plan().unread if item.id.kind == "storage"]
    assert unread.reason.endswith("not mounted? To accept this: --allow data-loss")
    model.site.options = replace(model.site.options, allow={"data-loss": frozenset()})
    plan = model.plan()
    assert [(c.action, c.id.kind) for c in plan.changes] == [
        ("create", "storage"),
        ("create", "throttle"),
    ]
    assert ("start", "service") in [(item.action, item.id.kind) for item in plan.deferred]
    assert not plan.unread


def test_an_unreachable_host_starts_nothing_on_a_fresh_cluster() -> None:
    model = ModelCluster(spec_of("three"))
    model.unreachable("h3")
    plan = model.plan()
    assert not [c for c in plan.changes if c.id.kind in ("storage", "service")]
    assert not plan.complete
    assert {item.id.name for item in plan.unread} == {"controller-102", "broker-3"}


def test_the_active_controller_is_bounced_last() -> None:
    model = made("kraft")
    for broker in (0, 1, 2):
        model.edit(f"config/server-{broker}.properties", {"queued.max.requests": "9"})
        model.bounce(f"broker-{broker}")
    for leader in (0, 1, 2):
        model.controller = leader
        bounced = [c.id.name for w in model.plan().waves for c in stopped_by(w)]
        others = [f"broker-{n}" for n in (0, 1, 2) if n != leader]
        assert bounced == [*others, f"broker-{leader}"]
