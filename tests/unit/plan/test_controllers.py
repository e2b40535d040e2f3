"""Controllers of a dynamic quorum: added, replaced, moved, retired; and a static quorum that is
made dynamic. Whatever is done, at every step a majority of the voters is there and caught up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.kafka.port import ClusterView, QuorumView
from provisioner.kafka.requests.features import DescribeFeatures, RegisteredControllers
from provisioner.kinds.file.quorum import SERVERS, VOTERS
from provisioner.kinds.ids import file_id, service_id, storage_id
from provisioner.kinds.live import reaches
from provisioner.kinds.registry import asks
from provisioner.kinds.voter.requests import AddVoter, RemoveVoter
from provisioner.plan.model import Plan
from provisioner.plan.rules import ALL
from provisioner.run.results import Results
from provisioner.spec.features import KRAFT, METADATA
from provisioner.spec.types import Node, Role, Spec
from tests.unit.plan.model_cluster import FRESH, Entry, ModelCluster, spec_of
from tests.unit.run.model_run import Killed, converged, session

FORMAT = {"format-controller": frozenset[str]()}
WIPE = {"wipe-log-dir": frozenset({ALL})}
MADE: dict[tuple[str, str, tuple[int, ...]], ModelCluster] = {}
BASE = spec_of("five")


def controller(id: int, host: str) -> Node:
    """As those of the spec, on another host."""
    pattern = BASE.controllers[0]
    address = BASE.hosts[host].kafka_address or ""
    assert pattern.advertised_controller is not None
    home = BASE.home
    return replace(
        pattern,
        id=id,
        host=host,
        properties=f"{home}/config/controller-{id}.properties",
        log_dirs=(replace(pattern.log_dirs[0], path=f"{home}/controller-{id}"),),
        advertised_controller=replace(pattern.advertised_controller, host=address),
    )


WHERE = {100: "h1", 101: "h2", 102: "h3", 103: "h4", 104: "h5"}


def spec_with(
    ids: tuple[int, ...], version: str = "4.3.1", quorum: str = "dynamic", **more: Any
) -> Spec:
    """The five brokers with these controllers."""
    made = tuple(controller(id, WHERE[id]) for id in ids)
    return replace(
        BASE, nodes=(*made, *BASE.brokers), version=version, controller_quorum=quorum, **more
    )


def cluster(
    ids: tuple[int, ...] = (100, 101, 102), version: str = "4.3.1", quorum: str = "dynamic"
) -> ModelCluster:
    """One in sync with these controllers."""
    key = (version, quorum, ids)
    if key not in MADE:
        model = ModelCluster(spec_with(ids, version, quorum))
        model.controllers.clear()
        model.apply()
        assert model.plan().in_sync, left(model.plan())
        MADE[key] = model
    return MADE[key].copy()


def left(plan: Plan) -> list[str]:
    found = [f"{c.action} {c.id}: {c.reason}" for c in plan.changes]
    for part in (plan.deferred, plan.refused, plan.unread):
        found += [f"{item.id}: {item.reason}" for item in part]
    return found


def allow(model: ModelCluster, *names: dict[str, frozenset[str]]) -> None:
    both = {key: value for each in names for key, value in each.items()}
    model.site.options = replace(model.site.options, allow=both)


def pids(model: ModelCluster) -> dict[str, int]:
    return {p.node.name: p.pid for m in model.machines.values() for p in m.processes}


def lost(model: ModelCluster, id: int) -> None:
    """Its process ends, and its host comes back with an empty disk."""
    model.kill(f"controller-{id}")
    machine, path = model.machines[WHERE[id]], f"{BASE.home}/controller-{id}"
    for entry in [e for e in machine.entries if e.startswith(f"{path}/")]:
        del machine.entries[entry]
    machine.recorded.pop(path, None)


@contextmanager
def never_without_a_majority(model: ModelCluster) -> Iterator[None]:
    """After every step of a run the quorum can elect a leader and commit."""
    done: Callable[..., None] = model.step

    def step(*args: Any) -> None:
        done(*args)
        there = model.serving()
        assert len(there) > len(model.voters) // 2, f"{there} of {sorted(model.voters)} {args[1]}"

    model.step = step  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        del model.__dict__["step"]


def run(model: ModelCluster, steps: int | None = None) -> Results:
    with never_without_a_majority(model):
        return converged(model, session(model, steps))


def done(results: Results) -> list[str]:
    """What was done to voters and processes, in its order."""
    kinds = ("voter", "service", "feature")
    return [f"{c.action} {c.id.name}" for c in results.applied if c.id.kind in kinds]


# --- they come -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "then"), [((100,), (100, 101, 102)), ((100, 101, 102), (100, 101, 102, 103, 104))]
)
def test_controllers_come_one_after_the_other(now: tuple[int, ...], then: tuple[int, ...]) -> None:
    model = cluster(now)
    before = pids(model)
    directories = dict(model.voters)
    model.becomes_spec(spec_with(then))
    results = run(model)
    assert not results.failed
    new = [f"controller-{id}" for id in then if id not in now]
    joined = [f"create {id}" for id in then if id not in now]
    restarted = [each for each in done(results) if each.startswith("restart")]
    # Hosts are side by side, and what is started too.
    order, count = done(results), len(new)
    assert sorted(order[:count]) == [f"start {name}" for name in new]
    assert order[count:] == [*restarted, *joined]
    # One of three known is not enough: when that one fails, a broker finds no leader.
    assert len(restarted) == (5 if now == (100,) else 0)
    assert not [each for each in restarted if "controller" in each]
    after = pids(model)
    assert {name for name in before if after[name] != before[name]} == {
        each.removeprefix("restart ") for each in restarted
    }
    assert {id: model.voters[id] for id in now} == directories, "nobody is formatted again"
    assert sorted(model.voters) == list(then)
    assert model.plan().in_sync, left(model.plan())


def test_the_files_of_the_others_follow_and_wait_for_their_next_start() -> None:
    model = cluster()
    model.becomes_spec(spec_with((100, 101, 102, 103, 104)))
    changed = {c.id.name: c for c in model.plan().changes if c.id.kind == "file"}
    for node in (model.spec.node("broker-1"), model.spec.node("controller-100")):
        assert changed[node.properties].fields == (SERVERS,)
    assert not [c for c in model.plan().changes if c.action == "restart"]
    run(model)
    text = model.machines["h1"].text(model.spec.node("broker-1").properties)
    assert "10.0.0.4\\:9192" in text or "10.0.0.4:9192" in text


@pytest.mark.parametrize(
    ("known", "controllers", "enough"),
    [
        ("a:1", "a:1", True),
        ("a:1", "a:1,b:1", True),
        ("a:1", "a:1,b:1,c:1", False),
        ("a:1,b:1", "a:1,b:1,c:1", True),
        ("a:1, b:1", "a:1,b:1,c:1,d:1,e:1", False),
        ("a:1,b:1,c:1", "a:1,b:1,c:1,d:1,e:1", True),
        ("a:1,b:1,c:1", "a:2,b:2,c:1", False),
    ],
)
def test_a_broker_knows_one_more_than_may_fail(known: str, controllers: str, enough: bool) -> None:
    assert reaches(known, controllers) is enough


# --- they are replaced ------------------------------------------------------------------------


def test_one_whose_host_came_back_empty_votes_again() -> None:
    model = cluster()
    lost(model, 101)
    before, voters = pids(model), dict(model.voters)
    held = [item for item in model.plan().refused if item.id.kind == "storage"]
    assert [item.allow for item in held] == ["format-controller"]
    allow(model, FORMAT)
    results = run(model)
    assert done(results) == ["start controller-101", "update 101"]
    told = next(c.reason for c in results.applied if c.id.kind == "voter")
    assert told.endswith("then this one in; meanwhile all 2 others are needed")
    assert model.voters[101] != voters[101]
    assert {name: pid for name, pid in pids(model).items() if name in before} == before
    assert model.plan().in_sync


def test_of_a_static_quorum_it_is_formatted_and_joins() -> None:
    model = cluster(quorum="static")
    lost(model, 101)
    allow(model, FORMAT)
    assert done(run(model)) == ["start controller-101"]
    assert model.plan().in_sync


def test_without_a_majority_of_the_others_nothing_is_formatted() -> None:
    model = cluster()
    lost(model, 101)
    model.kill("controller-102")
    allow(model, FORMAT)
    held = [item for item in model.plan().refused if item.id.kind == "storage"]
    assert [(item.id.name[-3:], item.allow) for item in held] == [("101", None)]


def view(voters: dict[int, int], observers: dict[tuple[int, str], int]) -> ClusterView:
    quorum = QuorumView(100, voters, frozenset(observers), reading=observers)
    return ClusterView("id", 1, (), (), quorum=quorum)


NEW = "AQIDBAUGBwgJCgsMDQ4PEA"


@pytest.mark.parametrize(
    ("voters", "late", "why"),
    [
        ({100: 0, 101: 900, 102: 0}, 0, None),
        ({100: 0, 101: 900, 102: 0}, 5000, "NOT_CAUGHT_UP"),
        ({100: 0, 101: 900, 102: 900}, 0, "NO_MAJORITY"),
        ({100: 0, 101: 900}, 0, None),
        ({101: 0}, 0, "NO_MAJORITY"),
    ],
)
def test_a_voter_is_taken_out_only_while_the_others_are_a_majority(
    voters: dict[int, int], late: int, why: str | None
) -> None:
    request = AddVoter(101, NEW, ("CONTROLLER", "h", 9192), replaces="gone")
    refusal = request.ready(view(voters, {(101, NEW): late}))
    assert (refusal.code if refusal else None) == why
    if late == 0:
        refusal = RemoveVoter(101, NEW).ready(view(voters, {}))
        assert (refusal.code if refusal else None) == why


# --- they move --------------------------------------------------------------------------------


def moved(id: int, to: str, said: bool = True, **more: Any) -> Spec:
    """Another host has its id now; ``said``: where it was it is ``absent``."""
    ids = (100, 101, 102)
    spec = spec_with(ids, **more)
    nodes = tuple(
        controller(id, to) if node.id == id and node.role is Role.CONTROLLER else node
        for node in spec.nodes
    )
    return replace(spec, nodes=nodes, retiring=(controller(id, WHERE[id]),) if said else ())


def test_one_moves_to_another_host_under_its_id() -> None:
    model = cluster()
    before, voters = pids(model), dict(model.voters)
    model.becomes_spec(moved(102, "h5"))
    plan = model.plan()
    held = {item.allow for item in plan.refused if item.id.kind == "storage"}
    assert held == {"format-controller", "wipe-log-dir"}
    assert not [c for c in plan.changes if c.id.kind == "service"], "nothing is stopped for nothing"
    allow(model, FORMAT, WIPE)
    results = run(model)
    assert not results.failed
    assert done(results) == ["stop controller-102", "start controller-102", "update 102"]
    after = pids(model)
    assert {n for n in before if after[n] != before[n]} == {"controller-102"}
    assert model.voters[102] != voters[102]
    assert model.endpoints[102] == ("10.0.0.5", 9192)
    old, machine = controller(102, "h3"), model.machines["h3"]
    assert old.properties not in machine.entries
    assert not [e for e in machine.entries if e.startswith(old.log_dirs[0].path)]
    assert model.plan().in_sync, left(model.plan())


def test_the_first_plan_of_a_move_shows_the_whole_chain() -> None:
    model = cluster()
    model.becomes_spec(moved(102, "h5"))
    allow(model, FORMAT, WIPE)
    plan = model.plan()
    foreseen = {item.id: (item.action, item.reason) for item in plan.deferred if item.foreseen}
    old, new = model.spec.retiring[0], model.spec.node("controller-102")
    assert foreseen[service_id(old)] == (
        "stop",
        "stopped once its log dir on the new host is formatted",
    )
    assert foreseen[service_id(new)] == ("start", "started once it is stopped at h3")
    assert foreseen[file_id("h3", old.properties)][0] == "delete"
    assert foreseen[storage_id("h3", old.log_dirs[0].path)][0] == "delete"


def test_one_that_runs_elsewhere_is_not_started_a_second_time() -> None:
    """The spec says nothing of where it was."""
    model = cluster()
    model.becomes_spec(moved(102, "h5", said=False))
    allow(model, FORMAT)
    held = [item for item in model.plan().refused if item.id.kind == "service"]
    assert [item.reason for item in held] == [
        "controller 102 is running at 10.0.0.3:9192: stop it there first, or write it with "
        "state: absent"
    ]
    model.machines["h3"].processes = [p for p in model.machines["h3"].processes if p.node.id != 102]
    assert done(run(model)) == ["start controller-102", "update 102"]
    assert model.plan().in_sync


def test_of_two_voters_none_is_moved() -> None:
    model = cluster((100, 101))
    spec = spec_with((100, 101))
    new = controller(101, "h5")
    nodes = tuple(new if n.id == 101 and n.role is Role.CONTROLLER else n for n in spec.nodes)
    model.becomes_spec(replace(spec, nodes=nodes, retiring=(controller(101, "h2"),)))
    allow(model, FORMAT)
    results = run(model)
    assert "stop controller-101" not in done(results)
    assert len(model.serving()) == 2
    # Nor one whose new log dir is there, from a run when there were three.
    path = new.log_dirs[0].path
    model.machines["h5"].entries[path] = Entry("directory", "0750", "kafka:kafka")
    model.format(model.machines["h5"], path, FRESH, "101")
    assert "stop controller-101" not in done(run(model))
    held = [item.reason for item in model.plan().refused if item.id.kind == "service"]
    assert held == ["of 2 voters none can be moved: the others are no majority. Add one first"]


# --- they go ----------------------------------------------------------------------------------


def without(*gone: int, version: str = "4.4.0") -> Spec:
    ids = tuple(id for id in (100, 101, 102, 103, 104) if id not in gone)
    spec = spec_with(ids, version)
    return replace(spec, retiring=tuple(controller(id, WHERE[id]) for id in gone))


def test_below_44_none_is_retired_and_it_runs_on() -> None:
    model = cluster((100, 101, 102, 103, 104))
    before = pids(model)
    model.becomes_spec(without(104, version="4.3.1"))
    plan = model.plan()
    refused = {(str(item.id), item.allow) for item in plan.refused}
    assert ("voter/104", None) in refused
    why = next(item.reason for item in plan.refused if item.id.kind == "voter")
    assert "stays registered, and no feature is raised" in why
    run(model)
    assert pids(model) == before
    assert 104 in model.voters


def test_from_44_on_they_vote_no_more_are_stopped_and_unregistered() -> None:
    model = cluster((100, 101, 102, 103, 104), "4.4.0")
    before = pids(model)
    model.becomes_spec(without(100, 104))
    allow(model, WIPE)
    results = run(model)
    assert not results.failed
    assert done(results) == [
        "update 100",
        "update 104",
        "stop controller-100",
        "stop controller-104",
        "delete 100",
        "delete 104",
    ]
    told = [c.reason for c in results.applied if c.id.kind == "voter" and c.action == "update"]
    assert told == ["it is to go", "it is to go"]
    assert sorted(model.voters) == [101, 102, 103]
    assert model.controllers == {101, 102, 103}
    assert {n: p for n, p in before.items() if n not in ("controller-100", "controller-104")} == (
        pids(model)
    )
    assert model.plan().in_sync, left(model.plan())


def test_a_wait_asks_all_that_tells_of_one_that_goes() -> None:
    """A wait asks only what the kind itself asks of every look."""
    asked = asks(without(104), ["voter"])
    assert {type(ask) for ask in asked} == {DescribeFeatures, RegisteredControllers}
    assert sum(isinstance(ask, RegisteredControllers) for ask in asked) == 4
    assert asks(spec_with((100, 101)), ["voter"]) == ()


def test_that_nobody_is_spare_afterwards_is_said() -> None:
    model = cluster((100, 101, 102), "4.4.0")
    spec = spec_with((100, 101), "4.4.0")
    model.becomes_spec(replace(spec, retiring=(controller(102, "h3"),)))
    (change,) = [c for c in model.plan().changes if c.id.kind == "voter"]
    assert change.reason == ("it is to go; from then on each of the 2 voters that stay is needed")


def test_what_comes_votes_before_anything_goes() -> None:
    model = cluster((100, 101, 102), "4.4.0")
    spec = spec_with((101, 102, 103), "4.4.0")
    model.becomes_spec(replace(spec, retiring=(controller(100, "h1"),)))
    allow(model, WIPE)
    results = run(model)
    voters = [each for each in done(results) if each.split()[1].isdigit()]
    assert voters == ["create 103", "update 100", "delete 100"]
    assert model.plan().in_sync, left(model.plan())


def test_a_ghost_is_told_with_what_helps() -> None:
    model = cluster()
    model.controllers.add(9)
    model.voters[8] = "elsewhere"
    told = {item.id.name: item.detail for item in model.plan().unmanaged}
    assert "raises no feature above what it supported" in told["9"]
    assert "start a controller with that id once" in told["9"]
    assert "remove-controller --controller-id 8 --controller-directory-id elsewhere" in told["8"]
    model = cluster((100, 101, 102), "4.4.0")
    model.controllers.add(9)
    told = {item.id.name: item.detail for item in model.plan().unmanaged}
    assert "state: absent" in told["9"]


# --- killed anywhere --------------------------------------------------------------------------

SCENARIOS: dict[str, Callable[[], ModelCluster]] = {}


def scenario(make: Callable[[], ModelCluster]) -> Callable[[], ModelCluster]:
    SCENARIOS[make.__name__] = make
    return make


@scenario
def grows() -> ModelCluster:
    model = cluster((100,))
    model.becomes_spec(spec_with((100, 101, 102)))
    return model


@scenario
def replaced() -> ModelCluster:
    model = cluster()
    lost(model, 100)
    allow(model, FORMAT)
    return model


@scenario
def moves() -> ModelCluster:
    model = cluster()
    model.becomes_spec(moved(100, "h4"))
    allow(model, FORMAT, WIPE)
    return model


@scenario
def retires() -> ModelCluster:
    model = cluster((100, 101, 102, 103, 104), "4.4.0")
    model.becomes_spec(without(100, 101))
    allow(model, WIPE)
    return model


@scenario
def becomes_dynamic() -> ModelCluster:
    model = cluster(quorum="static")
    model.becomes_spec(spec_with((100, 101, 102), quorum_said=True))
    return model


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(SCENARIOS)), st.lists(st.integers(0, 60), max_size=3))
def test_killed_anywhere_the_next_run_goes_on(name: str, ends: list[int]) -> None:
    model = SCENARIOS[name]()
    for steps in ends:
        try:
            run(model, steps)
        except Killed:
            continue
    results = run(model)
    assert not results.failed
    assert model.plan().in_sync, left(model.plan())
    assert len(model.serving()) == len(model.voters) == len(model.spec.controllers)


# --- static becomes dynamic -------------------------------------------------------------------


def test_a_static_quorum_becomes_dynamic_where_the_spec_says_so() -> None:
    model = cluster(quorum="static")
    model.becomes_spec(spec_with((100, 101, 102), quorum_said=True))
    plan = model.plan()
    (raised,) = [c for c in plan.changes if c.id.kind == "feature"]
    assert raised.id.name == KRAFT
    assert "can never be static again" in raised.reason
    foreseen = {item.id.name: item.action for item in plan.deferred if item.foreseen}
    assert foreseen["controller-100"] == foreseen["broker-1"] == "restart"
    assert foreseen[model.spec.node("broker-1").properties] == "update"
    results = run(model)
    assert not results.failed
    order = done(results)
    first = order.index(f"update {KRAFT}")
    # What others reach a controller by is in its file before the quorum keeps it.
    assert [each.split("-")[0] for each in order[:first]] == ["restart controller"] * 3
    assert len(order[first + 1 :]) == 8
    assert all(model.voters.values())
    for node in model.spec.nodes:
        text = model.machines[node.host].text(node.properties)
        assert VOTERS not in text
        assert SERVERS in text
    assert model.plan().in_sync, left(model.plan())


def test_the_default_of_a_version_makes_none_dynamic() -> None:
    model = cluster(quorum="static")
    model.becomes_spec(spec_with((100, 101, 102)))
    plan = model.plan()
    assert not plan.changes
    assert {item.id.kind for item in plan.refused} == {"file"}
    assert all("set controller_quorum: static" in item.reason for item in plan.refused)


def test_before_41_none_is_made_dynamic() -> None:
    model = cluster(version="4.0.2", quorum="static")
    model.becomes_spec(spec_with((100, 101, 102), "4.0.2", quorum_said=True))
    plan = model.plan()
    assert not plan.changes
    assert all("from 4.1.0 on" in item.reason for item in plan.refused)


def test_it_waits_until_every_broker_is_new_enough() -> None:
    model = cluster(quorum="static")
    model.finalized[METADATA] = 25
    model.runs = {broker.id: "4.0.2" for broker in model.spec.brokers}
    model.becomes_spec(spec_with((100, 101, 102), quorum_said=True))
    (item,) = [d for d in model.plan().deferred if d.id.kind == "feature"]
    assert "once every node runs Kafka 4.3.1" in item.reason


def test_its_voters_are_changed_only_afterwards() -> None:
    model = cluster(quorum="static")
    model.becomes_spec(spec_with((100, 101, 102, 103), quorum_said=True))
    plan = model.plan()
    assert {item.reason for item in plan.refused if item.id.kind == "file"} == {
        "the voters of a static quorum cannot be changed: they are 100@10.0.0.1:9192,"
        "101@10.0.0.2:9192,102@10.0.0.3:9192 (make it dynamic first, with the same controllers)"
    }


def test_a_voter_is_not_started_as_a_broker_only() -> None:
    """A combined node whose controller was taken out of the spec."""
    model = ModelCluster.made("kraft")
    spec = model.spec
    node = spec.node("broker-2")
    alone = replace(node, role=Role.BROKER, controller_listener=None, advertised_controller=None)
    nodes = tuple(alone if each is node else each for each in spec.nodes)
    model.becomes_spec(replace(spec, nodes=nodes))
    held = {item.id.name: item.reason for item in model.plan().refused}
    assert "it is a voter of the quorum, and would run on as a broker only" in held[node.properties]
    assert "restart broker-2" not in [f"{c.action} {c.id.name}" for c in model.plan().changes]
