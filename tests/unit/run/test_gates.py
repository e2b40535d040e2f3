"""The one gate before a node is stopped: what it waits for, for how long, and whom it asks."""

from __future__ import annotations

import ast
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import provisioner
from provisioner import patience
from provisioner.kafka.port import (
    BrokerView,
    ClusterView,
    KafkaUnavailable,
    PartitionView,
    QuorumView,
    TopicView,
)
from provisioner.kafka.requests.sizes import Sizes
from provisioner.kinds.service.recovery import Recovery
from provisioner.plan.model import Change, Event, Id, Wave
from provisioner.plan.rules import Seen
from provisioner.report.events import words
from provisioner.run import gates, maintenance, processes
from provisioner.run.waits import NoProgress
from provisioner.site.behind import behind, sizes_of_behind
from provisioner.site.site import Options, Site
from provisioner.site.verdicts import verdict
from provisioner.spec.types import Role
from tests.unit.plan.model_cluster import ModelCluster

CODE = Path(provisioner.__file__).parent


def shared(name: str, replicas: tuple[int, ...], isr: tuple[int, ...]) -> TopicView:
    return TopicView(name, False, (PartitionView(0, isr[0], replicas, isr),), min_isr=1)


BROKERS = tuple(BrokerView(id, f"host-{id}", 9092) for id in (1, 2, 3, 4))


def four(late: Sequence[str] = (), **more: Any) -> ClusterView:
    """Four brokers in two pairs; of the topics of the second pair some are behind on broker 4."""
    topics = [shared("a", (1, 2), (1, 2))]
    topics += [shared(t, (3, 4), (3,) if t in late else (3, 4)) for t in ("b", "c")]
    return replace(ClusterView("id", 1, BROKERS, tuple(topics)), **more)


def lacking(bytes_: int, late: Sequence[str] = ("b",)) -> ClusterView:
    """Broker 4 has so many bytes less of topic b than its leader."""
    place = ("b", 0)
    sizes = {
        Sizes(3, (place,)): {place: 1_000_000},
        Sizes(4, (place,)): {place: 1_000_000 - bytes_},
    }
    return four(late, answers=sizes)


Look = ClusterView | KafkaUnavailable


@dataclass
class World:
    """Kafka as the gate sees it, and a clock that goes on only when somebody pauses.

    ``looks``: one after another; the last for ever. ``recoveries``: node → what its log tells, look
    by look.
    """

    looks: Sequence[Look]
    recoveries: dict[str, Sequence[Recovery | None]] = field(default_factory=dict)
    asked: int = 0
    avoided: list[Collection[Any]] = field(default_factory=list)
    now: float = 0.0
    said: list[str] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    read: int = 0

    def view(self, *, more: Any, avoid: Collection[Any], of_brokers: bool) -> ClusterView:
        assert not of_brokers, "no stop depends on what only a broker itself knows"
        found = self.looks[min(self.asked, len(self.looks) - 1)]
        self.asked += 1
        self.avoided.append(avoid)
        if isinstance(found, KafkaUnavailable):
            raise found
        return found

    def recovering(self, site: Any, nodes: Sequence[Any]) -> dict[str, Recovery]:
        self.read += 1
        found = {}
        for node in nodes:
            told = self.recoveries.get(node.name, (None,))
            counts = told[min(self.read - 1, len(told) - 1)]
            if counts is not None:
                found[node.name] = counts
        return found

    def emit(self, event: Event) -> None:
        self.said.append(words(event))
        self.times.append(self.now)

    def pause(self, seconds: float | None = None) -> bool:
        self.now += seconds or 0.0
        return False

    @property
    def site(self) -> Site:
        nodes = [broker(id) for id in (1, 2, 3, 4)]
        found = SimpleNamespace(
            spec=SimpleNamespace(
                node=lambda name: nodes[int(name[-1]) - 1],
                brokers=nodes,
                leaves=lambda broker: False,
                bootstrap=(),
                topics=(),
                policy=SimpleNamespace(offline_partitions="allow"),
            ),
            cluster=lambda: SimpleNamespace(view=self.view),
            options=Options(),
        )
        return cast(Site, found)

    def stop(self) -> threading.Event:
        stop = threading.Event()
        stop.wait = self.pause  # type: ignore[method-assign, assignment]
        return stop


def broker(id: int) -> Any:
    listener = SimpleNamespace(host=f"host-{id}", port=9092)
    return SimpleNamespace(
        id=id,
        name=f"broker-{id}",
        host=f"host-{id}",
        role=Role.BROKER,
        is_broker=True,
        is_controller=False,
        listeners=[listener],
        advertised_listeners=[listener],
        controller_listener=None,
    )


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[World], gates.Gate]:
    def opens(world: World) -> gates.Gate:
        monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: world.now))
        monkeypatch.setattr(gates, "recovering", world.recovering)
        return gates.gate(world.site, world.emit, world.stop())

    return opens


Opened = Callable[[World], gates.Gate]


def wave(*names: str, action: Any = "restart") -> Wave:
    changes = (Change(Id(f"host-{n[-1]}", "service", n), action, {}, {}, ()) for n in names)
    return Wave(1, tuple(changes), "may-stop")


def rolled(world: World, opened: Opened, action: Any = "restart") -> World:
    """Broker 4 passes it, and then broker 1."""
    gate = opened(world)
    gate(wave("broker-4", action=action), (), 1)
    gate(wave("broker-1", action=action), (), 1)
    return world


def test_the_next_bounce_waits_until_the_last_one_is_made_good(opened: Opened) -> None:
    looks = [four(), four(["b", "c"]), four(["b"]), four()]
    assert rolled(World(looks), opened).asked == 4


def test_what_was_broken_before_is_not_waited_for(opened: Opened) -> None:
    assert rolled(World([four(["b"]), four(["b", "c"]), four(["b"])]), opened).asked == 3


def test_what_stays_down_is_not_waited_for(opened: Opened) -> None:
    assert rolled(World([four(), four(["b"])]), opened, action="stop").asked == 2


def test_what_somebody_else_broke_is_not_waited_for_for_ever_and_is_said(opened: Opened) -> None:
    other = replace(four(), topics=(*four().topics[:2], shared("c", (3, 4), (4,))))
    world = rolled(World([four(), other]), opened)
    why = "1 partition is still behind since the last stop: c-0"
    assert world.said[-1] == f"broker-1 is stopped without waiting longer (no progress): {why}"
    assert gates.WHOLE < world.now < gates.WHOLE + 2


def test_the_broker_that_was_bounced_is_waited_for_however_long(opened: Opened) -> None:
    """It does not come: the roll ends, and nothing more is stopped."""
    world = World([four(), lacking(5000)])
    with pytest.raises(NoProgress) as raised:
        rolled(world, opened)
    assert str(raised.value) == (
        "broker-1 cannot be stopped safely: broker 4 is not in sync again with 1 partition since "
        "its restart: b-0 (no progress for 600 s)"
    )
    assert gates.LIMIT < world.now < gates.LIMIT + 2


def test_a_minimum_that_somebody_else_broke_is_given_up(opened: Opened) -> None:
    """A broker is killed in the middle of a roll. That others are no longer waited for after a
    while gives another reason, the minimum, and is no progress."""
    before, after = (
        TopicView("c", False, (PartitionView(0, 1, (1, 2, 3), isr),), min_isr=2)
        for isr in ((1, 2, 3), (1, 2))
    )
    whole, killed = (replace(four(), topics=(*four().topics[:2], c)) for c in (before, after))
    world = World([whole, killed])
    with pytest.raises(NoProgress, match="c-0 would fall below its minimum ISR of 2"):
        rolled(world, opened)
    assert gates.LIMIT < world.now < gates.LIMIT + 2


def test_as_long_as_bytes_arrive_it_waits_and_says_how_many_are_missing(opened: Opened) -> None:
    """A quarter of an hour and more, a line every few seconds."""
    looks: list[Look] = [four(), *(lacking(n * 500) for n in range(2000, 0, -1)), four()]
    world = rolled(World(looks), opened)
    assert world.now > 900
    assert world.said[0].endswith(" since its restart: b-0 (1 partition, 995.5 kB behind)")
    gaps = [b - a for a, b in zip(world.times, world.times[1:], strict=False)]
    assert max(gaps) <= 10
    assert min(gaps) >= 4


def test_a_replica_that_only_falls_further_behind_is_no_progress(opened: Opened) -> None:
    looks: list[Look] = [four(), *(lacking(n) for n in range(1, 3000))]
    world = World(looks)
    with pytest.raises(NoProgress):
        rolled(world, opened)
    assert world.now < gates.LIMIT + 2


def test_how_nobody_answers_is_no_progress(opened: Opened) -> None:
    looks = [KafkaUnavailable(f"attempt {number}") for number in range(2000)]
    with pytest.raises(NoProgress, match="Kafka cannot be asked"):
        opened(world := World(looks))(wave("broker-1"), (), 1)
    assert world.now < gates.LIMIT + 2


def test_a_run_that_lost_a_host_waits_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It could not do any more what it waits for."""
    world = World([four(), lacking(5000), lacking(4000), four()])
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: world.now))
    monkeypatch.setattr(gates, "recovering", world.recovering)
    why = "host-3: the connection was lost, and with it this run's lock there"
    gate = gates.gate(world.site, world.emit, world.stop(), lambda: why if world.asked > 2 else "")
    gate(wave("broker-4"), (), 1)
    with pytest.raises(NoProgress) as raised:
        gate(wave("broker-1"), (), 1)
    assert str(raised.value) == f"broker-1 is not stopped: {why}"
    assert raised.value.change is not None
    assert world.asked == 3


# --- recovery ------------------------------------------------------------------------------------


def without(*ids: int) -> ClusterView:
    """Brokers that run and do not serve."""
    return replace(four(), brokers=tuple(b for b in BROKERS if b.id not in ids))


def test_a_broker_that_recovers_its_logs_is_not_stopped(opened: Opened) -> None:
    told = [Recovery(1, 9, n, 2040) for n in range(300, 2040, 2)]
    world = World([without(4)], {"broker-4": [*told, None]})
    opened(world)(wave("broker-4"), (), 1)
    assert world.now > gates.LIMIT
    assert world.said[0].startswith("broker-4 waits: broker-4 is recovering 3")
    assert " of 2,040 segments; a signal would throw that away" in world.said[0]


def test_one_that_does_not_go_on_is_given_up_and_not_stopped(opened: Opened) -> None:
    world = World([without(4)], {"broker-4": [Recovery(1, 9, 312, 2040)]})
    with pytest.raises(NoProgress, match="broker-4 is recovering 312 of 2,040 segments"):
        opened(world)(wave("broker-4"), (), 1)
    assert world.now > gates.LIMIT


def test_one_that_does_not_serve_and_recovers_nothing_may_be_stopped(opened: Opened) -> None:
    world = World([without(4)])
    opened(world)(wave("broker-4"), (), 1)
    assert world.now == 0


def test_of_one_that_serves_no_log_is_read(opened: Opened) -> None:
    world = World([four()], {"broker-4": [Recovery(1, 9, 312, 2040)]})
    opened(world)(wave("broker-4"), (), 1)
    assert world.now == 0


def test_where_all_stop_a_recovery_is_waited_for_too(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [*(Recovery(1, 9, n, 40) for n in range(30)), None]
    world = World([], {"broker-4": told})
    monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: world.now))
    monkeypatch.setattr(gates, "recovering", world.recovering)
    changes = wave("broker-4", "broker-1", action="stop").changes
    gates.wait_recovered(world.site, changes, world.emit, world.stop())
    assert world.read == 31
    assert "broker-4 is recovering " in world.said[0]


# --- whom it asks, and what it believes ----------------------------------------------------------


def test_another_broker_is_asked_than_the_one_that_was_bounced(opened: Opened) -> None:
    world = rolled(World([four()]), opened)
    assert world.avoided == [[], [("host-4", 9092)]]


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (replace(four(), brokers=()), "Kafka names no broker that is alive"),
        (replace(four(), errors={"brokers": "denied"}), "the brokers could not be read: denied"),
        (replace(four(), errors={"topic-b": "denied"}), "the minimum ISR of b could not be read"),
    ],
)
def test_an_answer_that_is_not_all_there_is_allows_nothing(
    look: ClusterView, why: str, opened: Opened
) -> None:
    with pytest.raises(NoProgress, match=why):
        opened(World([look]))(wave("broker-1"), (), 1)


def test_topics_that_are_missing_all_at_once_are_not_believed(opened: Opened) -> None:
    world = World([four(), replace(four(), topics=())])
    with pytest.raises(NoProgress, match="lacks topic a, which was there before"):
        rolled(world, opened)


def test_one_that_was_deleted_is_believed_the_second_time(opened: Opened) -> None:
    fewer = replace(four(), topics=four().topics[:2])
    assert rolled(World([four(), fewer]), opened).asked == 3
    assert rolled(World([four(), fewer, four(), four()]), opened).asked == 3


def test_what_is_being_added_is_not_behind() -> None:
    """The port takes it out of the replicas (``reading.with_moves``)."""
    moving = PartitionView(0, 1, (1, 2), (1, 2), adding=(3,))
    view = replace(four(), topics=(TopicView("a", False, (moving,), min_isr=2),))
    assert behind(view).partitions == 0
    assert sizes_of_behind(view) == []


def test_a_dead_replica_copies_nothing_and_voters_count() -> None:
    view = replace(lacking(5), brokers=BROKERS[:3], quorum=QuorumView(1, {1: 0, 2: 5, 3: 4000}))
    found = behind(view)
    assert (found.partitions, found.bytes) == (1, 0)
    assert (found.voters, found.lag) == (frozenset({3}), 4000)


def test_several_are_judged_together(opened: Opened) -> None:
    """Of topic b one replica must stay."""
    world = World([four()])
    with pytest.raises(NoProgress, match="b-0 would"):
        opened(world)(wave("broker-3", "broker-4", action="stop"), (), 1)


def test_a_combined_node_is_judged_as_both() -> None:
    model = ModelCluster.made("kraft")
    node, seen = model.spec.brokers[0], model.view()
    assert node.is_controller
    assert seen is not None
    assert seen.quorum is not None
    assert verdict(model.spec, [node], Seen(view=seen)).allowed
    slow = replace(seen.quorum, voters={**seen.quorum.voters, model.spec.brokers[1].id: 5000})
    found = verdict(model.spec, [node], Seen(view=replace(seen, quorum=slow)))
    assert found.reason.startswith("1 other controllers are caught up, 2 are needed")
    model.topics["purchases"].lagging = {(0, model.spec.brokers[1].id)}
    late = model.view()
    assert late is not None
    found = verdict(model.spec, [node], Seen(view=late))
    assert found.reason.startswith("purchases-0 would fall below its minimum ISR of 2")


def test_of_a_host_with_both_zookeeper_and_kafka_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gates, "zookeeper_states", lambda site: {1: "leader"})
    server = SimpleNamespace(role=Role.ZOOKEEPER, is_broker=False, name="zookeeper-1")
    world = World([four()])
    seen = gates.look(world.site, [cast(Any, server), broker(1)])
    assert (seen.zookeeper, seen.view) == ({1: "leader"}, four())
    assert gates.look(world.site, [cast(Any, server)]).view is None


# --- there is no other ---------------------------------------------------------------------------


def calls(name: str) -> set[str]:
    """The files that call a function of that name."""
    found = set()
    for source in sorted(CODE.rglob("*.py")):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
                found.add(str(source.relative_to(CODE)))
    return found


def test_whether_a_node_may_be_stopped_is_asked_in_one_place() -> None:
    assert calls("verdict") == {"run/gates.py", "site/forecast.py", "site/verdicts.py"}
    assert calls("may_stop_brokers") == {"plan/safety.py", "site/verdicts.py"}
    assert calls("may_stop_controllers") == {"plan/safety.py", "site/verdicts.py"}


def test_what_ends_a_process_is_a_step_of_its_kind() -> None:
    """And its steps are carried out by waves: behind the gate, or once nothing is recovered."""
    scripts = ("service/stop", "service/terminate", "service/systemd")
    found = {
        str(source.relative_to(CODE))
        for source in sorted(CODE.rglob("*.py"))
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Constant) and node.value in scripts
    }
    assert found == {"kinds/service/steps.py", "site/scripts.py"}  # what they do, and their texts
    assert calls("wait_recovered") == {"run/waves.py"}


def test_waves_are_made_in_few_places() -> None:
    """Where a new one is made, the test below has to know it."""
    assert calls("Wave") == {
        "drill/exercise.py",
        "drill/heal.py",  # starts
        "plan/order.py",
        "run/abort.py",  # of the cluster
        "run/maintenance.py",
        "run/processes.py",
        "verbs/maintain.py",  # asked whether it would still be in time, never carried out
    }


def bouncing(waves: Sequence[Wave]) -> list[Wave]:
    return [w for w in waves if any(c.action in ("stop", "restart") for c in w.changes)]


@pytest.mark.parametrize("name", ["lab", "kraft", "three", "ensemble"])
def test_every_wave_that_stops_what_serves_is_gated_unless_everything_stops(name: str) -> None:
    model = ModelCluster.made(name)
    for node in model.spec.brokers:
        model.edit(f"{node.host}:{node.properties}", {"num.network.threads": "9"})
        model.bounce(node.name)
    planned, nodes = model.planned(), list(model.spec.nodes)
    made = {
        "a roll": planned.plan.waves,
        "restart": processes.restarts(model.site, planned, nodes, False),
        "restart --node": processes.restarts(model.site, planned, nodes[-1:], True),
        "stop --node": processes.stops(model.site, planned, nodes, True),
        "maintain": maintenance.stops(nodes),
    }
    for verb, waves in made.items():
        found = bouncing(waves)
        assert found, verb
        assert {wave.gate for wave in found} == {"may-stop"}, verb
    everything = bouncing(processes.stops(model.site, planned, nodes, False))
    assert {wave.gate for wave in everything} == {""}
    assert {c.effect for wave in everything for c in wave.changes} == {"offline"}


def test_what_does_not_serve_goes_first() -> None:
    """Of the brokers: what it does not serve it does not take away."""
    model = ModelCluster.made("three")
    for node in model.spec.brokers:
        model.edit(f"{node.host}:{node.properties}", {"num.network.threads": "9"})
        model.bounce(node.name)
    view = model.view()
    assert view is not None
    fenced = tuple(replace(b, fenced=b.id == 3) for b in view.brokers)
    model.view = lambda: replace(view, brokers=fenced)  # type: ignore[method-assign]
    planned = model.planned()
    order = [c.id.name for c in planned.plan.changes if c.action == "restart"]
    assert order[0] == "broker-3"
    nodes = list(model.spec.brokers)
    waves = processes.restarts(model.site, planned, nodes, False)
    assert waves[0].changes[0].id.name == "broker-3"
