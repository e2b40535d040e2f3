"""Waits that a signal ends, and what is not waited for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.hosts.shell import Frame
from provisioner.hosts.transport import TransportError
from provisioner.kafka.port import (
    BrokerView,
    ClusterView,
    KafkaUnavailable,
    PartitionView,
    TopicView,
)
from provisioner.plan.model import Absent, Await, Change, Event, Id, State, Unknown, Wave
from provisioner.plan.safety import Verdict
from provisioner.report.events import words
from provisioner.run import gates, waits
from provisioner.run.waits import Awaited, WaitInterrupted, wait_for, wait_for_sessions
from provisioner.site import look as looking
from provisioner.site.health import settle
from provisioner.site.site import Options, Site
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

    def liveness(self) -> ClusterView:
        self.asked += 1
        if self.asked == 10:
            self.stop.set()
        if self.view_ is None:
            raise KafkaUnavailable("nobody answers")
        return self.view_

    def bootstrap_views(self) -> dict[str, Any]:
        return {"host-1:9092": self.view_, "host-3:9092": "refused"}


def site(cluster: Cluster, unreachable: tuple[str, ...] = ()) -> Site:
    nodes = [
        SimpleNamespace(
            id=n, name=f"broker-{n}", host=f"host-{n}", listeners=[], advertised_listeners=[]
        )
        for n in (1, 2, 3)
    ]
    for node in nodes:
        listener = SimpleNamespace(host=node.host, port=9092)
        node.listeners, node.advertised_listeners = [listener], [listener]
        node.controller_listener = None
    spec = SimpleNamespace(
        brokers=nodes,
        is_kraft=False,
        zookeeper=[],
        controllers=[],
        node=lambda name: next(n for n in nodes if n.name == name),
    )
    found = SimpleNamespace(
        spec=spec,
        cluster=lambda: cluster,
        is_away=lambda host: host in unreachable,
        options=Options(),
        shells={},
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


@pytest.mark.parametrize("alive", [(1, 2), (1, 2, 3)])
def test_brokers_and_replicas_within_reach_are_waited_for(alive: tuple[int, ...]) -> None:
    cluster = Cluster(view(*alive))
    settle(site(cluster), quiet, cluster.stop)
    assert cluster.asked == 10


def test_a_broker_that_serves_counts_though_its_host_is_out_of_reach() -> None:
    cluster = Cluster(view(1, 2, 3))
    settle(site(cluster, unreachable=("host-3",)), quiet, cluster.stop)
    assert cluster.asked == 10


def test_a_signal_ends_the_gate_before_anything_was_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gates, "ask", lambda *_, **__: Verdict(False, "atu-0 is behind"))
    pass_gate = gates.gate(site(Cluster(None)), quiet, Never())
    with pytest.raises(WaitInterrupted, match="interrupted while broker-1 waited: atu-0 is behind"):
        pass_gate(Wave(1, (RESTART,), "may-stop"))


# --- between two bounces


def shared(name: str, replicas: tuple[int, ...], isr: tuple[int, ...]) -> TopicView:
    return TopicView(name, False, (PartitionView(0, isr[0], replicas, isr),))


def four(behind: tuple[str, ...]) -> ClusterView:
    """Four brokers in two pairs; of the topics of the second pair some are behind."""
    topics = [shared("a", (1, 2), (1, 2))]
    topics += [shared(t, (3, 4), (3,) if t in behind else (3, 4)) for t in ("b", "c")]
    brokers = tuple(BrokerView(id, f"host-{id}", 9092) for id in (1, 2, 3, 4))
    return ClusterView("id", 1, brokers, tuple(topics))


def rolled(
    views: list[tuple[str, ...]], action: Any = "restart", patience: float = 60.0
) -> tuple[int, list[str]]:
    """Broker 4 and then broker 1 pass the gate, which sees one of ``views`` after another, and the
    last of them for ever: how many it looked at, and what it said."""
    asked: list[ClusterView] = []

    def view() -> ClusterView:
        asked.append(four(views[min(len(asked), len(views) - 1)]))
        return asked[-1]

    def node(name: str) -> Any:
        role = SimpleNamespace(id=int(name[-1]), name=name, host="", role=None)
        role.is_broker, role.is_controller = True, False
        return role

    policy = SimpleNamespace(offline_partitions="allow")
    found = SimpleNamespace(
        spec=SimpleNamespace(node=node, policy=policy),
        cluster=lambda: SimpleNamespace(view=view),
        options=Options(),
    )
    said: list[str] = []
    stop = threading.Event()
    stop.wait = lambda seconds=None: False  # type: ignore[method-assign, assignment]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gates, "WHOLE", patience)
        gate = gates.gate(cast(Site, found), lambda event: said.append(words(event)), stop)
        for name in ("broker-4", "broker-1"):
            gate(Wave(1, (Change(Id("h", "service", name), action, {}, {}, ()),), "may-stop"))
    return len(asked), said


def test_the_next_bounce_waits_until_the_last_one_is_made_good() -> None:
    assert rolled([(), ("b", "c"), ("b",), ()]) == (4, [])


def test_what_was_broken_before_is_not_waited_for() -> None:
    assert rolled([("b",), ("b", "c"), ("b",)]) == (3, [])


def test_what_somebody_else_broke_is_not_waited_for_for_ever() -> None:
    _, said = rolled([(), ("b",)], patience=0.05)
    why = "1 partition is still behind since the last stop: b-0"
    assert said == [f"broker-1 is stopped without waiting longer (no progress): {why}"]


def test_what_stays_down_is_not_waited_for() -> None:
    assert rolled([(), ("b",)], action="stop") == (2, [])


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
