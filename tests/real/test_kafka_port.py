"""The port to a cluster, against real brokers: ZooKeeper mode 3.9 and KRaft 4.x.

Topics are of one test each; what a test changes on brokers it puts back.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from provisioner.kafka import zookeeper
from provisioner.kafka.dialing import dial_directly
from provisioner.kafka.port import (
    DEFAULT,
    DYNAMIC_BROKER,
    DYNAMIC_DEFAULT,
    STATIC,
    ClusterView,
    KafkaRefused,
    KafkaUnavailable,
    PartitionView,
    Sent,
    TopicView,
)
from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.leaders import ElectPreferredLeaders
from provisioner.kafka.requests.reassignments import Reassign
from provisioner.kafka.requests.request import Request
from provisioner.kafka.requests.topics import CreatePartitions, CreateTopic, DeleteTopic
from provisioner.kafka.routes import Routes
from provisioner.kinds.quota.requests import AlterQuota
from tests.kafka_client import Both, connect
from tests.real.kafka_processes import Lab, Process, free_ports, kraft_lab, zookeeper_lab
from tests.soak import modes

STATIC_CONFIG = {"num.io.threads": "3", "log.retention.hours": "5"}


@pytest.fixture(scope="module")
def zookeeper_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with zookeeper_lab(tmp_path_factory.mktemp("zk"), config=STATIC_CONFIG) as lab:
        yield lab


@pytest.fixture(scope="module")
def kraft_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with kraft_lab(tmp_path_factory.mktemp("kraft"), config=STATIC_CONFIG) as lab:
        yield lab


@pytest.fixture(params=modes("kraft", soak=("zookeeper",)))
def lab(request: pytest.FixtureRequest) -> Lab:
    found: Lab = request.getfixturevalue(f"{request.param}_cluster")
    return found


@pytest.fixture
def cluster(lab: Lab) -> Iterator[Both]:
    with connected(lab) as found:
        yield found


@pytest.fixture
def topic(request: pytest.FixtureRequest) -> str:
    return "t-" + "".join(c if c.isalnum() else "-" for c in request.node.name)


@contextmanager
def connected(lab: Lab, **options: Any) -> Iterator[Both]:
    found = connect(lab.bootstrap, **options)
    try:
        yield found
    finally:
        found.close()


def wait_for(
    cluster: Both, good: Callable[[ClusterView], object], seconds: float = 300.0
) -> ClusterView:
    """The first liveness that is ``good``."""
    until = time.monotonic() + seconds
    while True:
        try:
            seen = cluster.liveness()
            if good(seen):
                return seen
        except KafkaUnavailable:
            if time.monotonic() > until:
                raise
        assert time.monotonic() < until, f"not so within {seconds:g} s: {seen}"
        time.sleep(0.1)


def wait_for_view(
    cluster: Both, good: Callable[[ClusterView], object], seconds: float = 300.0
) -> ClusterView:
    """The first view that is ``good``: brokers take a changed configuration a while later."""
    until = time.monotonic() + seconds
    while not good(view := cluster.view()):
        assert time.monotonic() < until
        time.sleep(0.1)
    return view


def min_isr(view: ClusterView, topic: str) -> int | None:
    found = view.topic(topic)
    return found.min_isr if found else None


def value(view: ClusterView, broker: int, key: str) -> str | None:
    return view.broker_configs[broker][key].value


def config(view: ClusterView, topic: str) -> Mapping[str, str]:
    found = view.topic(topic)
    assert found is not None
    return found.config


def partitions(view: ClusterView, topic: str) -> tuple[PartitionView, ...]:
    found = view.topic(topic)
    assert found is not None
    return found.partitions


def is_led(view: ClusterView, topic: str) -> bool:
    """Whether this broker has heard of all of it: it was made by another."""
    found = view.topic(topic)
    return found is not None and all(p.leader is not None for p in found.partitions)


def healthy(brokers: int) -> Callable[[ClusterView], bool]:
    """All brokers alive and every replica in sync."""

    def check(view: ClusterView) -> bool:
        partitions = [p for topic in view.topics for p in topic.partitions]
        whole = all(p.leader is not None and set(p.isr) == set(p.replicas) for p in partitions)
        return len(view.alive) == brokers and whole

    return check


@contextmanager
def stopped(lab: Lab, *ids: int) -> Iterator[None]:
    """These brokers stop cleanly; afterwards the lab is whole again."""
    for id in ids:
        lab.brokers[id].stop()
    try:
        yield
    finally:
        restore(lab)


@contextmanager
def hanging(process: Process) -> Iterator[None]:
    """The process keeps its connections but does nothing."""
    assert process.popen is not None
    os.kill(process.popen.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.popen.pid, signal.SIGCONT)


def restore(lab: Lab) -> None:
    lab.start()
    with connected(lab) as cluster:
        wait_for(cluster, healthy(len(lab.brokers)))


# --- view -----------------------------------------------------------------------------------------


def test_view_shows_brokers_and_who_leads(lab: Lab, cluster: Both) -> None:
    view = cluster.view()
    assert [(b.host, b.port) for b in view.brokers] == lab.bootstrap
    assert view.alive == set(lab.brokers)
    assert view.controller in lab.brokers
    assert view.cluster_id
    assert view.errors == {}
    assert set(view.broker_configs) == set(lab.brokers)
    if lab.zookeeper:
        assert view.quorum is None
    else:
        assert view.cluster_id == lab.cluster_id
        assert view.quorum is not None
        assert view.quorum.leader == view.controller
        assert set(view.quorum.voters) == set(lab.brokers)
        assert not view.quorum.dynamic


def test_view_shows_a_topic_with_its_own_config_only(cluster: Both, topic: str) -> None:
    cluster.send(CreateTopic(topic, 3, 2, {"retention.ms": "60000", "min.insync.replicas": "2"}))
    found = wait_for_view(cluster, lambda view: view.topic(topic)).topic(topic)
    assert found is not None
    assert [p.id for p in found.partitions] == [0, 1, 2]
    assert found.replication == 2
    assert all(set(p.isr) == set(p.replicas) and p.leader in p.isr for p in found.partitions)
    assert found.config == {"retention.ms": "60000", "min.insync.replicas": "2"}
    assert found.min_isr == 2
    assert not found.internal
    assert found.id


def test_view_shows_where_each_value_comes_from(lab: Lab, cluster: Both) -> None:
    first, second, *_ = lab.brokers
    cluster.send(AlterBrokerConfig(first, {"log.cleaner.threads": "2", "num.io.threads": "4"}))
    cluster.send(AlterBrokerConfig(None, {"message.max.bytes": "1048600"}))
    view = wait_for_view(
        cluster,
        lambda v: (
            all(value(v, id, "message.max.bytes") == "1048600" for id in v.alive)
            and v.cluster_config.get("message.max.bytes") == "1048600"
        ),
    )
    mine, other = view.broker_configs[first], view.broker_configs[second]

    assert (mine["log.cleaner.threads"].value, mine["log.cleaner.threads"].source) == (
        "2",
        DYNAMIC_BROKER,
    )
    assert other["log.cleaner.threads"].source == DEFAULT
    assert mine["num.io.threads"].value == "4"  # a dynamic value overrides the properties file
    assert mine["num.io.threads"].layer(STATIC) == "3"
    assert (other["num.io.threads"].value, other["num.io.threads"].source) == ("3", STATIC)
    assert other["message.max.bytes"].source == DYNAMIC_DEFAULT
    assert view.cluster_config["message.max.bytes"] == "1048600"
    assert mine["log.dirs"].read_only
    assert not mine["num.io.threads"].read_only

    cluster.send(AlterBrokerConfig(first, delete=["log.cleaner.threads", "num.io.threads"]))
    cluster.send(AlterBrokerConfig(None, delete=["message.max.bytes"]))
    wait_for_view(
        cluster,
        lambda v: (
            value(v, first, "num.io.threads") == "3" and "message.max.bytes" not in v.cluster_config
        ),
    )


def test_cluster_default_of_min_isr_reaches_topics(cluster: Both, topic: str) -> None:
    before = cluster.view().cluster_config.get("min.insync.replicas")
    cluster.send(CreateTopic(topic, 1, 3))
    cluster.send(AlterBrokerConfig(None, {"min.insync.replicas": "2"}))
    view = wait_for_view(
        cluster,
        lambda v: (
            all(value(v, id, "min.insync.replicas") == "2" for id in v.alive)
            and v.cluster_config.get("min.insync.replicas") == "2"
            and min_isr(v, topic) == 2
        ),
    )
    found = view.topic(topic)
    assert found is not None
    assert found.config == {}
    if before is None:
        cluster.send(AlterBrokerConfig(None, delete=["min.insync.replicas"]))
    else:  # 4.x with eligible leader replicas: can be set, not removed
        cluster.send(AlterBrokerConfig(None, {"min.insync.replicas": before}))


def test_sensitive_values_are_never_shown(lab: Lab, cluster: Both) -> None:
    first = next(iter(lab.brokers))
    entry = cluster.view().broker_configs[first]["ssl.key.password"]
    assert entry.sensitive
    assert entry.value is None
    assert all(value is None for _, value in entry.synonyms)


def test_log_dirs_tell_their_bytes(lab: Lab, cluster: Both, topic: str) -> None:
    cluster.send(CreateTopic(topic, 1, 3))
    cluster.produce(topic, [b"x" * 1000], seconds=120)
    view = cluster.view(log_dirs=True)
    for id in lab.brokers:
        (only,) = view.log_dirs[id]
        assert only.path == str(lab.folder / f"logs-{id}")
        assert only.bytes >= 1000
        assert only.error is None
    assert cluster.view().log_dirs == {}


def test_internal_topics_are_seen(lab: Lab, cluster: Both, topic: str) -> None:
    from kafka import KafkaConsumer  # our own clients join no group

    cluster.send(CreateTopic(topic, 1, 1))
    servers = [f"{host}:{port}" for host, port in lab.bootstrap]
    group = KafkaConsumer(topic, bootstrap_servers=servers, group_id=topic)
    group.poll(timeout_ms=3000)
    group.close()
    found = cluster.view().topic("__consumer_offsets")
    assert found is not None
    assert found.internal
    assert found.replication == 3


def test_liveness_is_the_view_without_configuration(cluster: Both) -> None:
    alive, view = cluster.liveness(), cluster.view()
    assert alive.broker_configs == {}
    assert (alive.brokers, alive.controller) == (view.brokers, view.controller)
    assert [(t.name, t.partitions) for t in alive.topics] == [
        (t.name, t.partitions) for t in view.topics
    ]


# --- changes --------------------------------------------------------------------------------------


def test_topics_are_made_changed_and_deleted(cluster: Both, topic: str) -> None:
    cluster.send(CreateTopic(topic, 1, 1, {"retention.ms": "60000"}))
    cluster.send(CreatePartitions(topic, 3))
    cluster.send(AlterTopicConfig(topic, {"max.message.bytes": "2000000"}, ["retention.ms"]))
    wait_for(cluster, lambda view: len((view.topic(topic) or view.topics[0]).partitions) == 3)
    view = wait_for_view(cluster, lambda view: "retention.ms" not in config(view, topic))
    assert config(view, topic) == {"max.message.bytes": "2000000"}
    cluster.delete_topic(topic)
    wait_for(cluster, lambda view: view.topic(topic) is None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda c: c.send(CreateTopic("no such name", 1, 1)), "INVALID_TOPIC_EXCEPTION"),
        (lambda c: c.send(CreateTopic("t-too-wide", 1, 9)), "INVALID_REPLICATION_FACTOR"),
        (lambda c: c.send(CreateTopic("t-bad-key", 1, 1, {"a.b": "c"})), "INVALID_CONFIG"),
        (lambda c: c.delete_topic("t-unknown"), "UNKNOWN_TOPIC_OR_PARTITION"),
        (lambda c: c.send(CreatePartitions("t-unknown", 3)), "UNKNOWN_TOPIC_OR_PARTITION"),
        (lambda c: c.send(AlterBrokerConfig(None, {"log.dirs": "/x"})), "INVALID_REQUEST"),
        (lambda c: c.produce("t-unknown", [b"x"], seconds=5), "UNKNOWN_TOPIC_OR_PARTITION"),
        (lambda c: c.consume("t-unknown", seconds=5), "UNKNOWN_TOPIC_OR_PARTITION"),
        (lambda c: c.producer("t-unknown"), "UNKNOWN_TOPIC_OR_PARTITION"),
    ],
)
def test_refusals_have_kafkas_name(
    cluster: Both, change: Callable[[Both], object], code: str
) -> None:
    with pytest.raises(KafkaRefused) as refused:
        change(cluster)
    assert refused.value.code == code
    assert str(refused.value).startswith(code)
    # the brokers make topics for clients that ask for them: ours must not
    assert not [t.name for t in cluster.liveness().topics if t.name.startswith("t-unknown")]


def test_any_one_address_is_enough(lab: Lab, topic: str) -> None:
    """Also one by another name, and one of a broker that is not the controller."""
    for number, (_, port) in enumerate(lab.bootstrap):
        cluster = connect([("127.0.0.1", port)])
        name = f"{topic}{number}"
        cluster.send(CreateTopic(name, 1, 3, {"retention.ms": "60000"}))
        wait_until(lambda: cluster.liveness().topic(name))  # noqa: B023
        view = cluster.view()
        assert view.errors == {}
        assert config(view, name) == {"retention.ms": "60000"}
        assert set(view.broker_configs) == set(lab.brokers)
        cluster.close()


def test_a_topic_that_exists_is_refused(cluster: Both, topic: str) -> None:
    cluster.send(CreateTopic(topic, 1, 1))
    with pytest.raises(KafkaRefused, match="already exists") as refused:
        cluster.send(CreateTopic(topic, 1, 1))
    assert refused.value.code == "TOPIC_ALREADY_EXISTS"


def codes(cluster: Both, *requests: Request) -> list[str]:
    """What Kafka said to each of them, sent as one request where they can be."""
    return [refusal.code if refusal else "" for refusal in cluster.send_all(requests)]


def test_in_a_request_about_many_topics_each_has_its_own_answer(cluster: Both, topic: str) -> None:
    a, b, none = (f"{topic}-{letter}" for letter in "ab0")
    made = [CreateTopic(a, 1, 1), CreateTopic(none, 1, 99), CreateTopic(b, 2, 1)]
    assert codes(cluster, *made) == ["", "INVALID_REPLICATION_FACTOR", ""]
    seen = wait_for(cluster, lambda view: view.topic(a) and view.topic(b))
    assert seen.topic(none) is None
    wider = [CreatePartitions(a, 3), CreatePartitions(none, 2), CreatePartitions(b, 1)]
    assert codes(cluster, *wider) == ["", "UNKNOWN_TOPIC_OR_PARTITION", "INVALID_PARTITIONS"]
    wait_for(cluster, lambda view: len(found(view, a).partitions) == 3)
    values = [("90000", a), ("soon", b)]
    config = [AlterTopicConfig(name, {"retention.ms": value}) for value, name in values]
    assert codes(cluster, *config) == ["", "INVALID_CONFIG"]
    (place,) = {p.replicas for p in found(seen, a).partitions}
    moves = [Reassign(a, {0: place}), Reassign(b, {0: (99,)}), Reassign(none, {0: place})]
    said = codes(cluster, *moves)
    assert said == ["", "INVALID_REPLICA_ASSIGNMENT", "UNKNOWN_TOPIC_OR_PARTITION"]
    leaders = [ElectPreferredLeaders(((name, 0),)) for name in (a, none, b)]
    assert codes(cluster, *leaders) == ["", "UNKNOWN_TOPIC_OR_PARTITION", ""]
    gone = [DeleteTopic(a, found(seen, a).id), DeleteTopic(b, str(uuid4()))]
    assert codes(cluster, *gone) == ["", "UNKNOWN_TOPIC_ID"]
    assert codes(cluster, DeleteTopic(none), DeleteTopic(b)) == ["UNKNOWN_TOPIC_OR_PARTITION", ""]
    wait_for(cluster, lambda view: not view.topic(a) and not view.topic(b))


def found(view: ClusterView, topic: str) -> TopicView:
    seen = view.topic(topic)
    assert seen is not None
    return seen


def test_in_a_request_about_many_quotas_each_has_its_own_answer(cluster: Both) -> None:
    a, b = ((("user", name),) for name in ("quota-a", "quota-b"))
    set_ = [AlterQuota(a, {"producer_byte_rate": 1000}), AlterQuota(b, {"no_such_rate": 1})]
    assert codes(cluster, *set_) == ["", "INVALID_REQUEST"]
    assert codes(cluster, AlterQuota(a, {}, ("producer_byte_rate",))) == [""]


def test_config_of_a_broker_that_is_not_there(cluster: Both) -> None:
    with pytest.raises(KafkaUnavailable, match="broker 77 is not up"):
        cluster.send(AlterBrokerConfig(77, {"num.io.threads": "3"}))


def test_leaders_go_back_to_the_preferred(lab: Lab, cluster: Both, topic: str) -> None:
    cluster.send(CreateTopic(topic, 6, 3))
    wait_for(cluster, healthy(3))
    away = next(iter(lab.brokers))
    with stopped(lab, away):
        wait_for(cluster, lambda v: all(p.leader != away for p in partitions(v, topic)))
    cluster.refresh()
    cluster.elect_preferred_leaders()
    wait_for(cluster, lambda v: all(p.leader == p.replicas[0] for p in partitions(v, topic)), 10)
    cluster.elect_preferred_leaders()  # nothing to do is no error


# --- records --------------------------------------------------------------------------------------


def test_what_is_produced_is_consumed(cluster: Both, topic: str) -> None:
    cluster.send(CreateTopic(topic, 3, 3, {"min.insync.replicas": "2"}))
    values = [b"%d" % n for n in range(300)]
    written = cluster.produce(topic, values, seconds=120)
    assert sorted(written) == [(p, offset) for p in range(3) for offset in range(100)]
    read = {(r.partition, r.offset): r.value for r in cluster.consume(topic, seconds=120)}
    assert read == dict(zip(written, values, strict=True))
    assert len(cluster.consume(topic, count=7, seconds=120)) == 7


def test_an_empty_topic_is_read_at_once(cluster: Both, topic: str) -> None:
    cluster.send(CreateTopic(topic, 3, 1))
    begun = time.monotonic()
    assert cluster.consume(topic, seconds=120) == []
    assert time.monotonic() - begun < 60


def test_a_record_that_is_not_acknowledged_says_why(lab: Lab, cluster: Both, topic: str) -> None:
    cluster.send(CreateTopic(topic, 1, 3, {"min.insync.replicas": "3"}))
    wait_for(cluster, healthy(3))
    with stopped(lab, next(iter(lab.brokers))):
        begun = time.monotonic()
        (outcome,) = cluster.produce(topic, [b"x"], seconds=3)
        assert isinstance(outcome, KafkaUnavailable)
        assert time.monotonic() - begun < 60


def test_traffic_across_a_broker_stop_loses_nothing(lab: Lab, cluster: Both, topic: str) -> None:
    cluster.send(CreateTopic(topic, 3, 3, {"min.insync.replicas": "2"}))
    wait_for(cluster, healthy(3))
    traffic = cluster.producer(topic)
    wait_until(lambda: len(traffic.acked()) > 100)
    away = list(lab.brokers)[-1]
    with stopped(lab, away):
        before = len(traffic.acked())
        wait_until(lambda: len(traffic.acked()) > before + 100)
    traffic.stop(120)
    acked = traffic.acked()
    assert traffic.failed() == []

    read = cluster.consume(topic, seconds=120)
    assert {(r.partition, r.offset, r.value) for r in read} == {
        (s.partition, s.offset, s.value) for s in acked
    }
    assert len(read) == len(acked)
    assert all(in_order(of) for of in by_partition(acked).values())
    assert all(s.sent <= s.acked for s in acked)


def wait_until(good: Callable[[], object], seconds: float = 300.0) -> None:
    until = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < until
        time.sleep(0.05)


def by_partition(acked: list[Sent]) -> dict[int, list[Sent]]:
    found: dict[int, list[Sent]] = defaultdict(list)
    for each in sorted(acked, key=lambda s: s.offset):
        found[each.partition].append(each)
    return found


def in_order(acked: list[Sent]) -> bool:
    numbers = [int(s.value.decode().rpartition("-")[2]) for s in acked]
    return numbers == sorted(numbers)


# --- what is not there ----------------------------------------------------------------------------


def test_dead_bootstrap_addresses_cost_nothing(lab: Lab) -> None:
    (dead,) = free_ports(1)
    begun = time.monotonic()
    cluster = connect([("localhost", dead), ("no-such-host.invalid", 9092), *lab.bootstrap[-1:]])
    assert cluster.view().alive == set(lab.brokers)
    assert time.monotonic() - begun < 60
    seen = cluster.bootstrap_views()
    assert seen[f"localhost:{dead}"] == "connection refused"
    assert seen["no-such-host.invalid:9092"] == "the name is unknown"
    (alive,) = [v for v in seen.values() if isinstance(v, ClusterView)]
    assert alive.alive == set(lab.brokers)
    cluster.close()


def test_nobody_there_names_every_address() -> None:
    first, second = free_ports(2)
    with pytest.raises(KafkaUnavailable) as error:
        connect([("localhost", first), ("localhost", second)]).view()
    assert str(error.value) == (
        f"localhost:{first}: connection refused; localhost:{second}: connection refused"
    )


def test_something_else_than_kafka(zookeeper_cluster: Lab) -> None:
    assert zookeeper_cluster.zookeeper is not None
    port = zookeeper_cluster.zookeeper.port
    with pytest.raises(KafkaUnavailable, match=f"localhost:{port}: "):
        connect([("localhost", port)], timeout=2).view()


def test_a_broker_that_hangs_is_said_and_bounded(lab: Lab) -> None:
    id, process = next(iter(lab.brokers.items()))
    with connected(lab, timeout=8) as cluster, hanging(process):
        begun = time.monotonic()
        view = cluster.view()
        assert time.monotonic() - begun < 15  # one limit for all that it asks
        if id in view.alive:  # until the cluster notices
            assert view.errors[f"broker-{id}"].startswith("no answer within")
            assert set(view.broker_configs) == set(lab.brokers) - {id}
        assert cluster.bootstrap_views()[f"localhost:{process.port}"] == "no answer within 8 s"
    restore(lab)


def test_a_broker_that_hangs_after_it_answered(lab: Lab) -> None:
    with connected(lab, timeout=16) as cluster:
        assert isinstance(cluster, Both)
        # Without its controller no cluster can be changed, whichever broker is asked.
        leads = cluster.view().controller
        process = next(each for id, each in lab.brokers.items() if id != leads)
        cluster.reader._home = ("localhost", process.port)
        with hanging(process):
            assert cluster.liveness().brokers
            begun = time.monotonic()
            cluster.send(AlterBrokerConfig(None, delete=["message.max.bytes"]))
            assert time.monotonic() - begun < 7  # half of the limit is for one that hangs
    restore(lab)


def test_a_restarted_broker_is_asked_again(lab: Lab, cluster: Both) -> None:
    id = next(iter(lab.brokers))
    cluster.view()
    with stopped(lab, id):
        # In ZooKeeper mode another broker hears of it a moment later.
        view = wait_for_view(cluster, lambda v: id not in v.alive)
        assert id not in view.broker_configs
        assert f"broker-{id}" not in view.errors
    wait_for_view(cluster, lambda v: id in v.broker_configs)


def test_the_controller_moves(zookeeper_cluster: Lab, topic: str) -> None:
    with connected(zookeeper_cluster) as cluster:
        first = cluster.view().controller
        assert first is not None
        with stopped(zookeeper_cluster, first):
            cluster.send(CreateTopic(topic, 1, 1))  # finds the new one by itself
            cluster.refresh()
            # Not every broker knows yet.
            view = wait_for_view(cluster, lambda v: v.topic(topic) and first not in v.alive)
            assert view.controller != first
            assert view.errors == {}


def test_fenced_brokers_are_seen(kraft_cluster: Lab) -> None:
    ids = list(kraft_cluster.brokers)
    away = ids[-1]
    with connected(kraft_cluster) as cluster:
        wait_for(cluster, healthy(len(ids)))
        with stopped(kraft_cluster, away):
            view = wait_for(cluster, lambda v: away not in v.alive)
            assert {b.id: b.fenced for b in view.brokers} == {id: id == away for id in ids}


def test_a_lost_quorum_is_said_and_bounded(kraft_cluster: Lab) -> None:
    first, *others = kraft_cluster.brokers
    with connected(kraft_cluster) as cluster:
        cluster.view()
        for id in others:
            kraft_cluster.brokers[id].kill()
        try:
            view, seconds = timed(cluster.view)
            while "quorum" not in view.errors:  # a leader that is left alone resigns after a while
                assert seconds < 30
                view, seconds = timed(cluster.view)
            assert seconds < 30
            assert view.controller is None
            assert first in view.broker_configs
        finally:
            restore(kraft_cluster)


def timed(look: Callable[[], ClusterView]) -> tuple[ClusterView, float]:
    begun = time.monotonic()
    return look(), time.monotonic() - begun


# --- tunnel, ZooKeeper, manners -------------------------------------------------------------------


def test_everything_works_through_a_tunnel(lab: Lab, topic: str) -> None:
    dialled: list[tuple[str, int]] = []

    def dial(host: str, port: int, seconds: float) -> Any:
        dialled.append((host, port))
        return dial_directly(host, port, seconds)

    before = set(threading.enumerate())
    routes = Routes(dict.fromkeys(lab.bootstrap, dial))
    with connected(lab, routes=routes, tunnel=True) as cluster:
        cluster.send(CreateTopic(topic, 3, 3))
        values = [os.urandom(20_000) for _ in range(100)]
        cluster.produce(topic, values, seconds=20)
        read = cluster.consume(topic, seconds=20)
        assert sorted(r.value for r in read) == sorted(values)
        assert cluster.view().topic(topic)
        assert not [t for t in threading.enumerate() if t.name.startswith("tunnel-")]
    assert set(dialled) == set(lab.bootstrap)
    (dead,) = free_ports(1)
    refused = connect([("localhost", dead)], routes=Routes({("localhost", dead): dial}))
    with pytest.raises(KafkaUnavailable, match=f"localhost:{dead}: connection refused"):
        refused.view()
    wait_until(lambda: set(threading.enumerate()) <= before, 5)


def test_a_broker_elsewhere_is_not_dialled(lab: Lab, topic: str) -> None:
    """Of three brokers one is none of ours: it is named, and nobody connects to it, not even the
    library."""
    *ours, foreign = lab.bootstrap
    dialled: set[tuple[str, int]] = set()

    def dial(host: str, port: int, seconds: float) -> Any:
        dialled.add((host, port))
        return dial_directly(host, port, seconds)

    cluster = connect(ours, routes=Routes(dict.fromkeys(ours, dial)))
    try:
        view = cluster.view()
        (stranger,) = [b.id for b in view.brokers if (b.host, b.port) == foreign]
        assert view.errors[f"broker-{stranger}"] == (
            f"{foreign[0]}:{foreign[1]} is not on a host of this cluster, so it was not dialled"
        )
        with connected(lab) as whole:  # the foreign one may be the controller
            whole.send(CreateTopic(topic, 3, 3))
            led = wait_for(whole, lambda view: is_led(view, topic))
            leaders = {p.leader for p in partitions(led, topic)}
        assert stranger in leaders
        written = cluster.produce(topic, [b"x"] * 3, seconds=5)
        assert sorted(type(each) is tuple for each in written) == [False, True, True]
    finally:
        cluster.close()
    assert dialled == set(ours)


def test_zookeeper_is_read(zookeeper_cluster: Lab) -> None:
    server = zookeeper_cluster.zookeeper
    assert server is not None
    with connected(zookeeper_cluster) as cluster:
        expected = cluster.view().cluster_id
    place = (dial_directly, "localhost", server.port, 5.0)
    assert zookeeper.cluster_id(*place) == expected
    assert zookeeper.broker_ids(*place) == tuple(zookeeper_cluster.brokers)
    assert zookeeper.server_state(*place) == "standalone"


def test_a_zookeeper_that_is_away() -> None:
    (port,) = free_ports(1)
    for ask in (zookeeper.cluster_id, zookeeper.broker_ids, zookeeper.server_state):
        with pytest.raises(zookeeper.ZooKeeperError, match=f"localhost:{port}: Connection refused"):
            ask(dial_directly, "localhost", port, 2.0)


def test_a_broker_is_no_zookeeper(zookeeper_cluster: Lab) -> None:
    _, port = zookeeper_cluster.bootstrap[0]
    with pytest.raises(zookeeper.ZooKeeperError, match=f"localhost:{port}: "):
        zookeeper.cluster_id(dial_directly, "localhost", port, 2.0)


def test_close_leaves_no_thread_and_prints_nothing(
    lab: Lab, topic: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    before = set(threading.enumerate())
    cluster = connect([("localhost", free_ports(1)[0]), *lab.bootstrap])
    cluster.send(CreateTopic(topic, 2, 2))
    traffic = cluster.producer(topic)
    wait_until(lambda: len(traffic.acked()) > 10)
    cluster.consume(topic, seconds=120)
    cluster.view()
    cluster.close()
    wait_until(lambda: set(threading.enumerate()) <= before)
    assert capfd.readouterr() == ("", "")
    assert [r for r in caplog.records if r.name.startswith("kafka")] == []


def test_close_ends_what_still_waits() -> None:
    before = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        waiting = connect([("127.0.0.1", silent.getsockname()[1])], timeout=300)

        def ask() -> None:
            with pytest.raises(KafkaUnavailable):
                waiting.view()

        asking = threading.Thread(target=ask)
        asking.start()
        time.sleep(0.3)
        begun = time.monotonic()
        waiting.close()
        asking.join(120)
        assert time.monotonic() - begun < 120
    assert set(threading.enumerate()) <= before
