"""Waits that a signal ends, and what is not waited for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.kafka.port import (
    BrokerView,
    ClusterView,
    KafkaUnavailable,
    PartitionView,
    TopicView,
)
from provisioner.plan.model import Await, Change, Event, Id, Wave
from provisioner.plan.safety import Verdict
from provisioner.run import gates
from provisioner.run.awaits import Awaited, WaitInterrupted, wait_for, wait_for_sessions
from provisioner.run.health import settle
from provisioner.run.target import Target

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


def target(cluster: Cluster, unreachable: tuple[str, ...] = ()) -> Target:
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
        node=lambda name: next(n for n in nodes if n.name == name),
    )
    found = SimpleNamespace(
        spec=spec,
        cluster=lambda: cluster,
        unreachable=dict.fromkeys(unreachable, None),
        options=SimpleNamespace(limit=None),
        shells={},
    )
    return cast(Target, found)


def view(*alive: int) -> ClusterView:
    brokers = tuple(BrokerView(id, f"host-{id}", 9092) for id in alive)
    return ClusterView("id", 1, brokers, (TopicView("atu", False, (PARTITION,)),))


def quiet(event: Event) -> None:
    pass


def test_brokers_on_hosts_out_of_reach_are_not_waited_for() -> None:
    cluster = Cluster(view(1, 2))
    settle(target(cluster, unreachable=("host-3",)), quiet, cluster.stop)
    assert cluster.asked == 1


@pytest.mark.parametrize("alive", [(1, 2), (1, 2, 3)])
def test_brokers_and_replicas_within_reach_are_waited_for(alive: tuple[int, ...]) -> None:
    cluster = Cluster(view(*alive))
    settle(target(cluster), quiet, cluster.stop)
    assert cluster.asked == 10


def test_a_broker_that_serves_counts_though_its_host_is_out_of_reach() -> None:
    cluster = Cluster(view(1, 2, 3))
    settle(target(cluster, unreachable=("host-3",)), quiet, cluster.stop)
    assert cluster.asked == 10


def test_a_signal_ends_the_gate_before_anything_was_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gates, "ask", lambda *_, **__: Verdict(False, "atu-0 is behind"))
    pass_gate = gates.gate(target(Cluster(None)), quiet, Never())
    with pytest.raises(WaitInterrupted, match="interrupted while broker-1 waited: atu-0 is behind"):
        pass_gate(Wave(1, (RESTART,), "may-stop"))


def test_a_signal_ends_the_wait_for_a_broker() -> None:
    step = Await(Id("", "broker", "1"))
    item = Awaited(RESTART, step.id, step.no_progress)
    with pytest.raises(WaitInterrupted, match="waited for broker 1 to register") as raised:
        wait_for(target(Cluster(None)), {}, [item], lambda host, ids: {}, quiet, Never())
    assert raised.value.change is RESTART


def test_a_signal_ends_the_wait_for_sessions() -> None:
    with pytest.raises(WaitInterrupted, match="ZooKeeper sessions"):
        wait_for_sessions(target(Cluster(None)), [RESTART.id], quiet, Never())
