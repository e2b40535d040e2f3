"""Waits that a signal ends, and what is not waited for."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner import patience
from provisioner.hosts.shell import Frame
from provisioner.hosts.transport import TransportError
from provisioner.kafka.port import (
    BrokerView,
    ClusterView,
    KafkaUnavailable,
    PartitionView,
    TopicView,
)
from provisioner.plan.model import Absent, Await, Change, Event, Id, Present, State, Unknown, Wave
from provisioner.plan.rules import Seen
from provisioner.plan.safety import Verdict
from provisioner.run import gates, waits
from provisioner.run.waits import Awaited, NoProgress, WaitInterrupted, wait_for, wait_for_sessions
from provisioner.site import look as looking
from provisioner.site.health import settle
from provisioner.site.site import Options, Site
from provisioner.spec.types import Role
from tests.as_login import Probe

PARTITION = PartitionView(0, leader=1, replicas=(1, 2, 3), isr=(1, 2), offline=(3,))
RESTART = Change(Id("host-1", "service", "broker-1"), "restart", {}, {}, ())


class Never(threading.Event):
    """A stop that is not set yet, and is as soon as somebody pauses."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


@dataclass
class Cluster:
    """Answers the same for ever; the tenth question is one too many."""

    view_: ClusterView | None
    stop: threading.Event = field(default_factory=threading.Event)
    asked: int = 0

    def liveness(self, more: Any = None) -> ClusterView:
        self.asked += 1
        if self.asked == 10:
            self.stop.set()
        if self.view_ is None:
            raise KafkaUnavailable("nobody answers")
        return self.view_

    def view(self, **_: Any) -> ClusterView:
        assert self.view_ is not None
        return self.view_

    def bootstrap_views(self) -> dict[str, Any]:
        return {"host-1:9092": self.view_, "host-3:9092": "refused"}


def site(cluster: Cluster, unreachable: tuple[str, ...] = ()) -> Site:
    nodes = [
        SimpleNamespace(
            id=n,
            name=f"broker-{n}",
            host=f"host-{n}",
            listeners=[],
            advertised_listeners=[],
            role=Role.BROKER,
            is_broker=True,
        )
        for n in (1, 2, 3)
    ]
    for node in nodes:
        listener = SimpleNamespace(host=node.host, port=9092)
        node.listeners, node.advertised_listeners = [listener], [listener]
        node.controller_listener = None
        node.hold = ""
    spec = SimpleNamespace(
        bootstrap=(),
        brokers=nodes,
        is_kraft=False,
        zookeeper=[],
        controllers=[],
        node=lambda name: next(n for n in nodes if n.name == name),
        leaves=lambda broker: False,
        known=nodes,
    )
    found = SimpleNamespace(
        spec=spec,
        cluster=lambda: cluster,
        is_away=lambda host: host in unreachable,
        options=Options(),
        shells={},
        side_by_side=lambda work, hosts: {host: work(host) for host in hosts},
    )
    return cast(Site, found)


def view(*alive: int) -> ClusterView:
    brokers = tuple(BrokerView(id, f"host-{id}", 9092) for id in alive)
    return ClusterView("id", 1, brokers, (TopicView("atu", False, (PARTITION,)),))


def quiet(event: Event) -> None:
    pass


def test_brokers_on_hosts_out_of_reach_are_not_waited_for() -> None:
    cluster = Cluster(view(1, 2))
    settle(site(cluster, unreachable=("host-3",)), quiet, cluster.stop)
    assert cluster.asked == 1


def test_a_replica_on_an_id_that_the_spec_does_not_have_is_not_waited_for() -> None:
    partition = PartitionView(0, leader=1, replicas=(1, 2, 9), isr=(1, 2), offline=(9,))
    brokers = tuple(BrokerView(id, f"host-{id}", 9092) for id in (1, 2))
    seen = ClusterView("id", 1, brokers, (TopicView("atu", False, (partition,)),))
    cluster = Cluster(seen)
    settle(site(cluster, unreachable=("host-3",)), quiet, cluster.stop)
    assert cluster.asked == 1


def test_a_broker_that_this_run_does_not_start_is_not_waited_for() -> None:
    cluster = Cluster(view(1, 2))
    settle(site(cluster), quiet, cluster.stop, ["broker-3"])
    assert cluster.asked == 1


def test_a_broker_that_the_spec_holds_is_not_waited_for() -> None:
    cluster = Cluster(view(1, 2))
    held = site(cluster)
    held.spec.brokers[2].hold = "disk swap"  # type: ignore[misc]
    settle(held, quiet, cluster.stop)
    assert cluster.asked == 1


@pytest.mark.parametrize("alive", [(1, 2), (1, 2, 3)])
def test_brokers_and_replicas_within_reach_are_waited_for(alive: tuple[int, ...]) -> None:
    cluster = Cluster(view(*alive))
    settle(site(cluster), quiet, cluster.stop)
    assert cluster.asked == 10


def test_a_broker_that_serves_counts_though_its_host_is_out_of_reach() -> None:
    cluster = Cluster(view(1, 2, 3))
    settle(site(cluster, unreachable=("host-3",)), quiet, cluster.stop)
    assert cluster.asked == 10


def test_replicas_that_are_filled_again_are_left_to_a_later_round() -> None:
    cluster = Cluster(view(1, 2, 3))
    away = site(cluster, unreachable=("host-3",))
    settle(away, quiet, cluster.stop, filled=frozenset({3}))
    assert cluster.asked == 1


def test_how_long_the_rest_takes_is_known_once_something_has_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    item = Awaited(RESTART, RESTART.id, 600.0)
    for passed, bytes_, seconds in ((0, None, 0.0), (10, 900, 0.0), (20, 600, 20.0), (30, 0, 0.0)):
        now = 100.0 + passed
        item.count((3, bytes_))
        assert item.eta == seconds, passed


def test_a_signal_ends_the_gate_before_anything_was_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gates, "verdict", lambda *_: Verdict(False, "atu-0 is behind"))
    monkeypatch.setattr(gates, "look", lambda *_: Seen())
    pass_gate = gates.gate(site(Cluster(None)), quiet, Never())
    with pytest.raises(WaitInterrupted, match="interrupted while broker-1 waited: atu-0 is behind"):
        pass_gate(Wave(1, (RESTART,), "may-stop"))


def test_a_signal_ends_the_wait_for_a_broker() -> None:
    step = Await(Id("", "broker", "1"))
    item = Awaited(RESTART, step.id, step.no_progress)
    with pytest.raises(WaitInterrupted, match="waited for broker 1 to register") as raised:
        wait_for(site(Cluster(None)), {}, [item], lambda host, ids: {}, quiet, Never())
    assert raised.value.change is RESTART


def test_the_line_with_the_known_cause_is_told_though_many_others_stand_before_it() -> None:
    errors = [f"[now] ERROR trouble {number} (kafka)" for number in range(6)]
    full = "[now] ERROR java.io.IOException: No space left on device (kafka)"
    text = "\n".join([*errors, full, *(f"closing {number}" for number in range(20))])
    frame = Frame(text, 0)
    found = SimpleNamespace(
        observer=lambda host: SimpleNamespace(read=lambda readings: [frame]),
        places={"host-1": SimpleNamespace(kafka_user="")},
    )
    state = State({}, args={"supervisor": "process", "unit": "", "out": "o", "log": "l"})
    first, *told = waits._why_dead(cast(Any, found), RESTART.id, state).splitlines()
    assert first == "broker-1 exited while starting: the disk is full"
    assert told[0].strip() == full
    assert told[1].strip() == errors[0]


def test_a_signal_ends_the_wait_for_sessions() -> None:
    with pytest.raises(WaitInterrupted, match="ZooKeeper sessions"):
        wait_for_sessions(site(Cluster(None)), [RESTART.id], quiet, Never())


def test_a_host_that_stopped_answering_is_away_until_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers: list[list[Frame | None] | TransportError] = [TransportError("connection-lost", "gone")]
    answers.append([Frame("=\nabsent=\n", 0)])

    def read(readings: object) -> list[Frame | None]:
        answer = answers.pop(0)
        if isinstance(answer, TransportError):
            raise answer
        return answer

    id = Id("h1", "directory", "/d")
    observer = SimpleNamespace(read=read)
    found = Site(cast(Any, SimpleNamespace()), Options(), places={"h1": cast(Any, None)})
    monkeypatch.setattr(found, "observer", lambda host: observer)
    monkeypatch.setattr(looking, "probes_of", lambda places: [Probe("", (id,), ("/d",), 1)])
    assert looking.look(found, "h1") == {id: Unknown("gone")}
    assert found.is_away("h1")
    assert isinstance(looking.look(found, "h1")[id], Absent)
    assert not found.is_away("h1")


class Clock(threading.Event):
    """Time passes only where it is waited for, and no port opens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        super().__init__()
        self.now = 0.0
        time = SimpleNamespace(monotonic=lambda: self.now)
        monkeypatch.setattr(patience, "time", time)
        monkeypatch.setattr(waits, "time", time)
        monkeypatch.setattr(waits, "_open", lambda site, id: False)

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return False


def test_a_host_that_can_no_longer_be_read_is_not_waited_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)

    def look(host: str, ids: object) -> dict[Id, Unknown]:
        return {RESTART.id: Unknown("the connection was lost")}

    item, found = Awaited(RESTART, RESTART.id, 600.0), site(Cluster(None))
    with pytest.raises(waits.NoProgress, match="no progress for 60 s: the connection was lost"):
        wait_for(found, {}, [item], look, quiet, clock)
    assert 60 < clock.now < 70


def test_a_port_that_stays_closed_is_no_progress_between_two_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process is looked at now and then only, and is as it was."""
    clock = Clock(monkeypatch)
    runs = {"running": True}
    age = iter(range(100_000))

    def look(host: str, ids: object) -> dict[Id, Present]:
        volatile = {"pid": "7", "listening": (), "age": next(age)}
        return {RESTART.id: Present(runs, volatile=volatile)}

    item = Awaited(RESTART, RESTART.id, 600.0)
    state = State({}, args={"serves": 9092})
    found = site(Cluster(None))
    with pytest.raises(waits.NoProgress, match="no progress for 600 s"):
        wait_for(found, {RESTART.id: state}, [item], look, quiet, clock)
    assert 600 < clock.now < 610


class Slowly:
    """A Kafka that makes one topic after another: with each look one more is there, up to ``most``,
    and 40 seconds have gone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, most: int):
        self.now, self.looks, self.most = 0.0, 0, most
        monkeypatch.setattr(patience, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(waits, "_seen", self.look)

    def look(self, site: Site, desired: Any, left: list[Awaited], *_: Any) -> Any:
        self.now += 40.0
        self.looks = min(self.looks + 1, self.most)
        there = Present({"partitions": 1, "replication": 1}, volatile={"whole": True})
        return {i.id: there if int(i.id.name) < self.looks else Absent() for i in left}


def wait_for_ten() -> set[str]:
    ids = [Id("", "topic", str(number)) for number in range(10)]
    wanted = {id: State({"partitions": 1, "replication": 1}) for id in ids}
    items = [Awaited(Change(id, "create", None, {}), id, 60.0) for id in ids]
    known = site(Cluster(None))
    seen = wait_for(known, wanted, items, lambda *_: {}, lambda _: None, threading.Event())
    return {id.name for id in seen}


def test_a_topic_waits_as_long_as_others_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each alone has made no progress for six minutes."""
    Slowly(monkeypatch, 10)
    assert wait_for_ten() == {str(number) for number in range(10)}


def test_when_no_more_arrive_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = Slowly(monkeypatch, 7)
    with pytest.raises(NoProgress, match="topic 7 to be as the spec says"):
        wait_for_ten()
    assert kafka.now == 7 * 40 + 80


LOSS = "host-2: no sign of life for 20 s, and with it this run's lock there"


def test_a_run_that_lost_a_host_leaves_kafka_to_what_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moves = Id("", "placement", "orders")
    change, clock = Change(moves, "update", {}, {}), Clock(monkeypatch)
    monkeypatch.setattr(waits, "_seen", lambda *_: {moves: Unknown("it moves")})
    items, lost = [Awaited(change, moves, 600.0)], lambda: LOSS if clock.now > 10 else ""
    with pytest.raises(NoProgress) as raised:
        wait_for(site(Cluster(None)), {}, items, lambda *_: {}, quiet, clock, lost=lost)
    assert str(raised.value) == (
        "the replicas of topic orders to arrive and be in sync: not waited for any longer: "
        f"{LOSS}; what Kafka was told goes on by itself"
    )
    assert raised.value.change is change
    assert 10 < clock.now < 11


def test_it_still_waits_for_a_process_that_gets_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)

    def look(host: str, ids: object) -> dict[Id, Present]:
        segments = min(int(clock.now / 10), 20)
        return {
            RESTART.id: Present({"running": True}, volatile={"pid": "7", "listening": (segments,)})
        }

    item, state = Awaited(RESTART, RESTART.id, 600.0), State({}, args={"serves": 9092})
    with pytest.raises(NoProgress, match=f"no progress for 60 s: {LOSS}"):
        wait_for(
            site(Cluster(None)),
            {RESTART.id: state},
            [item],
            look,
            quiet,
            clock,
            lost=lambda: LOSS,
        )
    assert 260 < clock.now < 270


class Slow(Cluster):
    """Time passes while nothing comes; whoever asks for all that there is to know fails."""

    asked_more = 0

    def liveness(self, more: Any = None) -> ClusterView:
        self.asked_more += more is not None
        return super().liveness(more)

    def view(self, **_: Any) -> ClusterView:
        raise AssertionError("a wait looks at everything")


def test_a_wait_for_replicas_asks_for_their_sizes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster, now = Slow(view(1, 2, 3)), iter(range(1000))
    clock = SimpleNamespace(monotonic=lambda: float(next(now)))
    monkeypatch.setattr(patience, "time", clock)
    settle(site(cluster), quiet, cluster.stop)
    assert cluster.asked_more > 0
