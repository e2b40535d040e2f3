"""What those who watch are told: what each node does, and that it is over, however it ends."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.errors import ProvisionError
from provisioner.hosts.shell import Frame
from provisioner.hosts.transport import TransportError
from provisioner.kinds.service.recovery import Recovery, recovered
from provisioner.plan.model import Await, Change, Id, Progress, Unpack, Wave
from provisioner.plan.rules import Seen
from provisioner.plan.safety import Verdict
from provisioner.report.live import Rows
from provisioner.run import gates, watch
from provisioner.run.results import StepFailed
from provisioner.run.unpacking import unpack_all
from provisioner.run.waits import Awaited, NoProgress, WaitInterrupted, wait_for
from provisioner.run.watch import Watch
from provisioner.site.fetching import fetching
from provisioner.site.health import settle
from provisioner.site.site import Options, Site
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run.model_run import Killed, converged, session
from tests.unit.run.test_waits import RESTART, Cluster, Never, quiet, site, view


class Watcher:
    """Remembers what it was told, and what still goes on."""

    def __init__(self) -> None:
        self.told: list[Progress] = []
        self.rows = Rows()

    def __call__(self, progress: Progress) -> None:
        self.told.append(progress)
        self.rows.take(progress, "")

    def phases(self, subject: str) -> list[str]:
        """What it did, one after another."""
        found = [p.phase for p in self.told if p.subject == subject and not p.over]
        return [p for number, p in enumerate(found) if number == 0 or found[number - 1] != p]

    @property
    def on(self) -> list[str]:
        return [row.progress.subject for row in self.rows.now()[0]]


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


def watched(found: Site, watcher: Watcher) -> Site:
    found.options = replace(found.options, watched=True, progress=watcher)
    return found


# --- a run ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["lab", "kraft", "three"])
def test_a_run_tells_what_each_node_and_each_distribution_does(name: str, watcher: Watcher) -> None:
    model = ModelCluster(ModelCluster.made(name).spec)
    watched(model.site, watcher)
    assert not converged(model, session(model)).failed
    for node in model.spec.nodes:
        assert watcher.phases(node.name) == ["start"]
    sent = {p.subject for p in watcher.told if p.phase == "send"}
    assert any(subject.startswith("kafka") for subject in sent)
    assert watcher.on == []


def test_a_restart_stops_and_starts(watcher: Watcher) -> None:
    model = ModelCluster.made("lab")
    model.edit("config/server-1.properties", {"num.network.threads": "9"})
    model.bounce("broker-1")
    watched(model.site, watcher)
    assert not converged(model, session(model)).failed
    assert watcher.phases("broker-1") == ["stop", "start"]
    assert watcher.phases("broker-2") == []
    assert watcher.on == []


@pytest.mark.parametrize("steps", [0, 5, 20, 35])
def test_nothing_goes_on_after_a_run_that_broke_off(steps: int, watcher: Watcher) -> None:
    model = ModelCluster(ModelCluster.made("lab").spec)
    watched(model.site, watcher)
    run = session(model, steps)
    with contextlib.suppress(Killed):
        converged(model, run)
    assert watcher.on == []


# --- distributions -------------------------------------------------------------------------------


def test_a_distribution_that_breaks_off_is_over(watcher: Watcher) -> None:
    def unpack(
        path: str, user: str, stream: Any, progress: Callable[[int], None], **_: Any
    ) -> None:
        progress(10)
        raise TransportError("connection-lost", "gone")

    stream = SimpleNamespace(total=100, packed=True)
    found = Site(cast(Any, None), Options(progress=watcher))
    found.store = SimpleNamespace(open=lambda artifact: stream)
    change = Change(Id("h", "kafka", "/d/kafka-1"), "create", None, {})
    actor = cast(Any, SimpleNamespace(name="h", unpack=unpack))
    with pytest.raises(StepFailed, match="gone"):
        unpack_all(found, actor, [(change, Unpack("a", "/d/kafka-1", "u"))], threading.Event())
    assert watcher.told[0] == Progress("send", "kafka-1", "h", 10, 100, "bytes")
    assert watcher.on == []


def test_what_is_fetched_is_over_whatever_happens(watcher: Watcher) -> None:
    def fetch() -> None:
        with fetching(watcher) as progress:
            progress(1, 10, "kafka")
            progress(1, 10, "java")
            assert watcher.on == ["kafka", "java"]
            raise ProvisionError([])

    with pytest.raises(ProvisionError):
        fetch()
    assert watcher.told[0] == Progress("fetch", "kafka", "", 1, 10, "bytes")
    assert watcher.on == []


# --- waits ---------------------------------------------------------------------------------------


def test_replicas_that_catch_up(watcher: Watcher) -> None:
    cluster = Cluster(view(1, 2, 3))
    settle(watched(site(cluster), watcher), quiet, cluster.stop)
    assert watcher.phases("broker-3") == ["catch-up"]
    assert watcher.phases("broker-1") == []
    assert Progress("catch-up", "broker-3", "host-3", 0, 1, "partitions") in watcher.told
    assert watcher.on == []


def test_a_broker_that_is_down_does_not_catch_up(watcher: Watcher) -> None:
    cluster = Cluster(view(1, 2))
    settle(watched(site(cluster), watcher), quiet, cluster.stop)
    assert watcher.phases("broker-3") == []


def test_nobody_watches_and_nothing_is_counted() -> None:
    cluster = Cluster(view(1, 2, 3))
    found = site(cluster)
    told: list[Progress] = []
    found.options = replace(found.options, progress=told.append)
    Watch(found).tell(RESTART, RESTART.id)
    settle(found, quiet, cluster.stop)
    assert told == []


def test_a_node_that_waits_until_it_may_stop(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gates, "verdict", lambda *_: Verdict(False, "not yet"))
    monkeypatch.setattr(gates, "look", lambda *_: Seen())
    gate = gates.gate(watched(site(Cluster(None)), watcher), quiet, Never())
    with pytest.raises(WaitInterrupted):
        gate(Wave(1, (RESTART,), "may-stop"))
    assert watcher.phases("broker-1") == ["wait"]
    assert watcher.on == []


def test_a_broker_that_is_waited_for_registers(watcher: Watcher) -> None:
    step = Await(Id("", "broker", "1"))
    item = Awaited(RESTART, step.id, step.no_progress)
    found = watched(site(Cluster(None)), watcher)
    with pytest.raises(NoProgress):
        wait_for(found, {}, [item], lambda host, ids: {}, quiet, Never())
    assert watcher.phases("broker-1") == ["register"]


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("12 57 312 2040\n", Recovery(12, 57, 312, 2040)),
        ("12 57 312 2\n", Recovery(12, 57, 312, 312)),
        ("", None),
        ("12 57\n", None),
        ("a b c d\n", None),
        ("1 2 3 4\n5 6 7 8\n", None),
        ("9999999999 1 1 1\n", None),
    ],
)
def test_only_four_numbers_are_taken_for_progress(text: str, known: Recovery | None) -> None:
    assert recovered(text) == known


def test_segments_are_told_where_there_are_some() -> None:
    assert str(Recovery(12, 57, 312, 2040)) == "recovering 312 of 2,040 segments"
    assert str(Recovery(12, 57, 0, 0)) == "recovering 12 of 57 logs"


def test_the_log_is_read_now_and_then(watcher: Watcher) -> None:
    answers: list[Frame | None] = [Frame("3 9 4 70\n", 0), Frame("", 0), None]
    asked: list[Any] = []

    def read(readings: Any) -> list[Frame | None]:
        asked.extend(readings)
        if not answers:
            raise TransportError("connection-lost", "gone")
        return [answers.pop(0)]

    node = SimpleNamespace(name="broker-1", host="host-1", is_broker=True, log_dirs=[])
    spec = SimpleNamespace(node=lambda name: node)
    found = Site(cast(Any, spec), Options(progress=watcher, watched=True))
    found.shells = {"host-1": cast(Any, None)}
    found.observer = lambda host: SimpleNamespace(read=read)  # type: ignore[method-assign, assignment, return-value]
    places = SimpleNamespace(kafka_user="kafka", logs=lambda node: "/home/logs")
    found.places = {"host-1": cast(Any, places)}
    seen = Watch(found)
    for now in (0.0, 1.0, watch.EVERY, watch.EVERY + 1, *(watch.EVERY * n for n in (2, 3, 4))):
        seen.recovery(RESTART, now)
        seen.tell(RESTART, RESTART.id)
    assert watcher.phases("broker-1") == ["start", "recover", "start"]
    assert Progress("recover", "broker-1", "host-1", 4, 70, "segments") in watcher.told
    assert len(asked) == 4
    assert {(r.args, r.user) for r in asked} == {(("/home/logs/server.log",), "kafka")}
