"""A migration to KRaft on the model, on three hosts: a server, a controller, a broker on each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner.hosts.transport import TransportError
from provisioner.kafka.port import BrokerView, ClusterView, QuorumView
from provisioner.kinds.phases import Mode
from provisioner.plan.rules import Seen
from provisioner.site import migrating
from provisioner.site.verdicts import leads, verdict
from provisioner.spec.load import load
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import FRESH, SPECS, Entry
from tests.unit.run.migrating_model import LOG, MigratingModel
from tests.unit.run.test_migration import EVERY, MODEL, modes, refused, run, zookeeper

__all__ = ["zookeeper"]

HOSTS = ("h1", "h2", "h3")


def spec(folder: Path, phase: str, controllers: tuple[str, ...] = HOSTS) -> Spec:
    """``phase``: ``plain``, ``hybrid``, ``dual-write``, ``kraft``."""
    lines = ["cluster: spread", f"inventory: {SPECS / 'hosts.yaml'}"]
    lines.append('kafka: {version: "3.9.1", home: /srv/kafka, user: kafka, supervisor: process}')
    if phase in ("hybrid", "dual-write"):
        lines.append(f"migration: {phase}")
    if phase != "kraft":
        lines += ["zookeeper:", *(f"  - {{id: {n}, host: h{n}}}" for n in (1, 2, 3))]
    if phase != "plain":
        lines.append("controllers:")
        lines += [f"  - {{id: 10{h[1:]}, host: {h}, port: 9093}}" for h in controllers]
    lines.append("brokers:")
    listeners = "listeners: ['PLAINTEXT://:9092'], log_dirs: [data]"
    lines += [f"  - {{id: {n}, host: h{n}, {listeners}}}" for n in (1, 2, 3)]
    path = folder / "spec.yaml"
    path.write_text("\n".join(lines) + "\n")
    found = load(path, env={"HOME": "/nonexistent"})
    bound = found.bind(dict.fromkeys(found.hosts, "/home/kafka"))
    return replace(bound, fresh_cluster_id=FRESH)


class Cluster:
    """A model, and the specs it is given."""

    def __init__(self, folder: Path, controllers: tuple[str, ...] = HOSTS):
        self.folder, self.controllers = folder, controllers
        self.model = MigratingModel(self._spec("plain"))
        MODEL[:] = [self.model]
        self.goes("plain")

    def _spec(self, phase: str) -> Spec:
        return spec(self.folder, phase, self.controllers)

    def is_to(self, phase: str, **allow: frozenset[str]) -> None:
        self.model.edited(self._spec(phase), **allow)

    def goes(self, phase: str, **allow: frozenset[str]) -> list[str]:
        self.is_to(phase, **allow)
        return run(self.model)


@pytest.fixture
def cluster(tmp_path: Path, zookeeper: None) -> Cluster:
    return Cluster(tmp_path)


def test_the_whole_way_and_back_and_again(cluster: Cluster) -> None:
    model = cluster.model
    cluster.goes("dual-write")
    assert modes(model) == {"brokers": {Mode.KRAFT}, "controllers": {Mode.MIGRATING}}
    done = cluster.goes("plain", revert_migration=EVERY)
    stops = [what for what in done if what.startswith("stop")]
    assert stops == ["stop controller-101", "stop controller-102", "stop controller-103"]
    assert modes(model) == {"brokers": {Mode.ZOOKEEPER}, "controllers": set()}
    cluster.goes("dual-write")
    done = cluster.goes("kraft", finalize_migration=EVERY)
    assert sorted(done)[-3:] == ["stop zookeeper-1", "stop zookeeper-2", "stop zookeeper-3"]
    assert not [what for what in done if "broker" in what]


def test_back_no_log_of_the_metadata_is_left_that_a_reboot_would_replay(cluster: Cluster) -> None:
    cluster.goes("hybrid")
    cluster.goes("plain", revert_migration=EVERY)
    entries = [e for m in cluster.model.machines.values() for e in m.entries]
    assert not [entry for entry in entries if LOG in entry]


@pytest.mark.parametrize("phase", ["hybrid", "dual-write"])
def test_back_a_host_that_is_away_is_waited_for(cluster: Cluster, phase: str) -> None:
    cluster.goes(phase)
    model = cluster.model
    before = [(p.node.name, p.pid) for p in model.running() if p.node.host != "h3"]
    model.unreachable("h3")
    cluster.is_to("plain", revert_migration=EVERY)
    plan = model.plan()
    assert not [c for c in plan.changes if c.id.kind == "service"]
    if phase == "dual-write":
        (why,) = {why for why, _ in refused(plan)}
        assert "controller 103 at 10.0.0.3:9093, and h3 cannot be reached" in why
        assert "apply again once the host answers" in why
    waits = [d.reason for d in plan.deferred if d.id.name == "controller-101"]
    assert waits == [
        "stopped once controller 103 at 10.0.0.3:9093, which also takes part, can be stopped too"
    ]
    run(model)
    assert [(p.node.name, p.pid) for p in model.running()] == before


def test_back_no_controller_is_stopped_as_long_as_one_is_away(
    tmp_path: Path, zookeeper: None
) -> None:
    """One on a host of its own, where no broker is missed."""
    cluster = Cluster(tmp_path, ("h1", "h2", "h4"))
    cluster.goes("hybrid")
    model = cluster.model
    model.unreachable("h4")
    before = [(p.node.name, p.pid) for p in model.running()]
    cluster.goes("plain", revert_migration=EVERY)
    assert [(p.node.name, p.pid) for p in model.running()] == before
    assert "/migration" in model.znodes


def test_over_to_kraft_mode_the_log_of_the_metadata_begins_anew_and_tells_since_when(
    cluster: Cluster,
) -> None:
    def logs() -> list[Entry]:
        machines = cluster.model.machines.values()
        return [m.entries[e] for m in machines for e in m.entries if f"/data/{LOG}/" in e]

    cluster.goes("hybrid")
    (one, two, three) = logs()
    cluster.goes("dual-write")
    assert not [new for new in logs() if any(new is old for old in (one, two, three))]
    before = logs()
    for broker in ("broker-1", "broker-3"):
        cluster.model.kill(broker)
    cluster.goes("dual-write")
    assert all(new is old for new, old in zip(logs(), before, strict=True))


# --- what is asked of hosts and of ZooKeeper ------------------------------------------------------


class Lost:
    def dial(self, *_: Any) -> Any:
        raise TransportError("connection-lost", "h1: no answer for 15 s")


def site(spec: Spec, connections: dict[str, Any], away: tuple[str, ...] = ()) -> Any:
    class Shell:
        def __init__(self, connection: Any):
            self.connection = connection

    class Site:
        def __init__(self) -> None:
            self.spec = spec
            self.shells = {name: Shell(each) for name, each in connections.items()}

        def is_away(self, host: str) -> bool:
            return host in away

        def side_by_side(self, work: Any, hosts: list[str]) -> dict[str, Any]:
            return {host: work(host) for host in hosts}

    return Site()


ASKED = migrating.znodes
"""As it is: the model's takes its place."""


def test_where_the_connection_to_a_server_is_lost_the_next_one_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from provisioner.kafka import zookeeper as client

    given = spec(tmp_path, "hybrid")

    def contents(dial: Any, host: str, port: int, seconds: float, paths: Any) -> Any:
        dial(host, port, seconds)
        return {"/controller": host}

    class Answers:
        def dial(self, *_: Any) -> None:
            pass

    monkeypatch.setattr(client, "contents", contents)
    there = {"h1": Lost(), "h2": Answers(), "h3": Answers()}
    assert ASKED(site(given, there)) == ({"/controller": "localhost"}, "")
    assert ASKED(site(given, {"h1": Lost()})) == (None, "h1: no answer for 15 s")
    nobody = site(given, {"h1": Answers()}, away=("h1",))
    assert ASKED(nobody) == (None, "no ZooKeeper server can be reached")


def test_in_hybrid_the_controllers_tell_of_their_quorum_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brokers in ZooKeeper mode do not know it: of three controllers none could be stopped."""
    from provisioner.kafka import quorum

    told = QuorumView(102, {101: 0, 102: 0, 103: 0})
    asked: list[tuple[str, int]] = []

    def answer(dial: Any, address: tuple[str, int], seconds: float) -> QuorumView:
        dial(*address, seconds)
        asked.append(address)
        if len(asked) == 1:
            raise OSError("DescribeQuorum: NotLeaderOrFollower")
        return told

    class Answers:
        def dial(self, *_: Any) -> None:
            pass

    monkeypatch.setattr(quorum, "told", answer)
    given = spec(tmp_path, "hybrid")
    hosts = {"h1": Lost(), "h2": Answers(), "h3": Answers()}
    view = ClusterView("c", 1, alive(1, 2, 3), (), quorum=None)
    seen = migrating.with_quorum(site(given, hosts), view)
    assert seen.quorum == told
    assert asked == [("localhost", 9093)] * 2
    node = given.node("controller-101")
    assert verdict(given, [node], Seen(view=seen)).allowed
    assert not verdict(given, [node], Seen(view=view)).allowed
    assert not leads(node, Seen(view=seen))
    assert leads(given.node("controller-102"), Seen(view=seen))

    # Where brokers tell it, or it is no migration, nobody else is asked.
    asked.clear()
    assert migrating.with_quorum(site(given, hosts), seen) is seen
    plain = site(spec(tmp_path, "plain"), hosts)
    assert migrating.with_quorum(plain, view) is view
    assert asked == []
    nobody = migrating.with_quorum(site(given, hosts, away=("h1", "h2", "h3")), view)
    assert nobody.quorum is None


@pytest.mark.parametrize(
    ("phase", "brokers_tell", "kept"),
    [("hybrid", False, "controllers"), ("dual-write", True, "brokers"), ("kraft", False, None),
     ("kraft", True, "brokers")],
)  # fmt: skip
def test_a_second_look_keeps_only_what_it_does_not_tell_itself(
    tmp_path: Path, phase: str, brokers_tell: bool, kept: str | None
) -> None:
    """Without a migration a quorum that is not told any more is not known."""
    quorums = {"controllers": QuorumView(102, {102: 0}), "brokers": QuorumView(103, {103: 0})}
    znodes = {"/controller": "{}"}
    before = ClusterView("c", 1, alive(1), (), quorum=quorums["controllers"], znodes=znodes)
    deeper = ClusterView("c", 1, alive(1), (), quorum=quorums["brokers"] if brokers_tell else None)
    seen = migrating.with_told_beside(spec(tmp_path, phase), deeper, before)
    assert seen.quorum == (None if kept is None else quorums[kept])
    assert seen.znodes == znodes


def alive(*ids: int) -> tuple[BrokerView, ...]:
    return tuple(BrokerView(id, f"h{id}", 9092) for id in ids)
