"""``ModelCluster`` against real brokers: what the planner's properties are shown on says what Kafka
says. The same operations are done to both, and after each both are looked at through the kinds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from provisioner.kafka.port import ClusterView, KafkaRefused, KafkaUnavailable
from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.request import Request
from provisioner.kafka.requests.topics import CreatePartitions, CreateTopic, DeleteTopic
from provisioner.kinds.quota.requests import AlterQuota
from provisioner.kinds.registry import KINDS, asks
from provisioner.plan.diff import diff
from provisioner.plan.model import Absent, Id, Observation, Present, State, Wave
from provisioner.plan.pipeline import judges
from provisioner.spec.types import Spec
from tests.kafka_client import Both, connect
from tests.real.kafka_processes import Lab, kraft_lab, zookeeper_lab
from tests.unit.plan.model_cluster import ModelCluster
from tests.unit.run.model_run import ModelKafka, on_model, runner

OURS = "t-"
"""How the topics of these tests begin: Kafka has internal ones besides."""
SECONDS = 30.0
ALICE = (("user", "alice"),)
CLIENTS = (("user", "alice"), ("client-id", None))

NOT_MODELLED = frozenset({"free", "bytes", "told", "brokers", "mixed", "id", "cordons"})
"""Volatile facts that a model without disks, without Kafka's own defaults, with ids and levels of
features of its own cannot have."""


@dataclass
class Pair:
    """The same cluster twice: as data, and as processes."""

    model: ModelCluster
    lab: Lab
    real: Both

    def both(self, do: Callable[[Any], None]) -> tuple[str, str]:
        """The code that each refused it with, or nothing."""
        return refusal(do, ModelKafka(self.model)), refusal(do, self.real)

    def kill(self, broker: int) -> None:
        self.model.kill(f"broker-{broker}")
        self.lab.brokers[broker].kill()
        self.real.refresh()

    def start(self, broker: int) -> None:
        self.model.start(f"broker-{broker}")
        self.lab.brokers[broker].start()
        self.lab.brokers[broker].wait_open()

    def alike(self) -> None:
        """Kafka's brokers hear of a change a while later: until both say the same."""
        view = self.model.view()
        assert view is not None
        wanted = picture(view, self.model.spec)
        until = time.monotonic() + SECONDS
        while (found := self._seen()) != wanted and time.monotonic() < until:
            time.sleep(0.1)
        assert found == wanted

    def _seen(self) -> dict[str, Any]:
        try:
            return picture(self.real.view(asks(self.model.spec)), self.model.spec)
        except KafkaUnavailable as error:
            return {"silent": str(error)}


def refusal(do: Callable[[Any], None], cluster: Any) -> str:
    try:
        do(cluster)
    except KafkaRefused as error:
        return error.code
    return ""


def picture(view: ClusterView, spec: Spec) -> dict[str, Any]:
    """What the kinds make of a view, and what the rules of ``plan.safety`` look at."""
    found: dict[str, Any] = {}
    for name in ("broker", "broker-config", "topic", "quota"):
        for id, seen in KINDS[name].read(view, spec).items():
            if name != "topic" or id.name.startswith(OURS):
                found[str(id)] = plain(seen)
    for topic in view.topics:
        if topic.name.startswith(OURS):
            found[f"partitions of {topic.name}"] = [
                # Without a leader Kafka keeps the last replica in the ISR: nobody compares that.
                (p.id, len(p.replicas), p.leader is not None, 0 if p.leader is None else len(p.isr))
                for p in topic.partitions
            ]
            found[f"minimum of {topic.name}"] = topic.min_isr
    return found


def plain(seen: Observation) -> Any:
    match seen:
        case Present(fields, volatile):
            return dict(fields), {k: v for k, v in volatile.items() if k not in NOT_MODELLED}
        case Absent():
            return "absent"
    return seen


@contextmanager
def pair(name: str, lab: Lab) -> Iterator[Pair]:
    model = ModelCluster.made(name)
    for topic in list(model.topics):
        model.delete_topic(topic)
    model.wide.clear()
    model.quotas.clear()
    real = connect(lab.bootstrap)
    try:
        yield Pair(model, lab, real)
    finally:
        real.close()


@pytest.fixture(params=["zookeeper", "kraft"], scope="module")
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "zookeeper":
        with zookeeper_lab(folder, config={"num.io.threads": "4"}) as lab, pair("lab", lab) as two:
            yield two
    else:
        with kraft_lab(folder) as lab, pair("three", lab) as two:
            first = two.real.view()
            # What a new 4.x cluster stores by itself.
            two.model.wide.update({k: v for k, v in first.cluster_config.items() if v is not None})
            yield two


def create(name: str, partitions: int, replication: int, **config: str) -> Callable[[Any], None]:
    values = {key.replace("_", "."): value for key, value in config.items()}

    return send(CreateTopic(name, partitions, replication, values))


def send(request: Request) -> Callable[[Any], None]:
    return lambda cluster: cluster.send(request)


DEEDS: list[tuple[str, Callable[[Any], None]]] = [
    ("a topic", create("t-one", 3, 2)),
    ("one with values", create("t-two", 1, 3, retention_ms="60000", cleanup_policy="compact")),
    ("more partitions", send(CreatePartitions("t-one", 5))),
    (
        "values set and taken away",
        send(
            AlterTopicConfig(
                "t-two", {"retention.ms": "70000", "segment.ms": "77777"}, ["cleanup.policy"]
            )
        ),
    ),
    (
        "a minimum of its own",
        send(AlterTopicConfig("t-one", {"min.insync.replicas": "2"})),
    ),
    (
        "a broker's own value",
        send(AlterBrokerConfig(1, {"num.io.threads": "6"})),
    ),
    (
        "a value of all brokers",
        send(AlterBrokerConfig(None, {"background.threads": "12"})),
    ),
    (
        "both taken back",
        send(AlterBrokerConfig(1, delete=["num.io.threads"])),
    ),
    (
        "and that of all",
        send(AlterBrokerConfig(None, delete=["background.threads"])),
    ),
    ("a topic goes", send(DeleteTopic("t-two"))),
    ("a quota", send(AlterQuota(ALICE, {"producer_byte_rate": 1048576}))),
    ("one of a default", send(AlterQuota(CLIENTS, {"request_percentage": 12.5}))),
    (
        "a rate changed, one added",
        send(AlterQuota(ALICE, {"producer_byte_rate": 5, "consumer_byte_rate": 7})),
    ),
    ("a rate removed", send(AlterQuota(ALICE, remove=["producer_byte_rate"]))),
    ("and the last", send(AlterQuota(ALICE, remove=["consumer_byte_rate"]))),
    ("and that of the default", send(AlterQuota(CLIENTS, remove=["request_percentage"]))),
]

REFUSED: list[tuple[str, Callable[[Any], None]]] = [
    ("a topic that is there", create("t-there", 1, 1)),
    ("more replicas than brokers", create("t-wide", 1, 4)),
    ("as many partitions as it has", send(CreatePartitions("t-there", 2))),
    ("fewer partitions", send(CreatePartitions("t-there", 1))),
    ("a rate that Kafka does not have", send(AlterQuota(ALICE, {"x": 1}))),
    ("a part of a byte", send(AlterQuota(ALICE, {"producer_byte_rate": 0.5}))),
]


def test_each_deed_leaves_both_alike(both: Pair) -> None:
    both.alike()
    for name, do in DEEDS:
        assert both.both(do) == ("", ""), name
        both.alike()


def test_what_one_refuses_the_other_refuses(both: Pair) -> None:
    assert both.both(create("t-there", 2, 1)) == ("", "")
    both.alike()
    for name, do in REFUSED:
        model, real = both.both(do)
        assert (bool(model), bool(real)) == (True, True), name
        both.alike()


def test_a_broker_that_is_gone_and_comes_back(both: Pair) -> None:
    """Only with a replica on each: which broker has which, Kafka draws by lot."""
    for topic in list(both.model.topics):
        assert both.both(send(DeleteTopic(topic))) == ("", "")
    assert both.both(create("t-everywhere", 3, 3)) == ("", "")
    both.alike()
    both.kill(2)
    both.alike()
    both.start(2)
    both.alike()


class Overriding:
    """A Kafka that takes every value and sets another, as a policy of its own may."""

    def __init__(self, real: Both):
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def send_all(self, requests: Sequence[Request]) -> list[KafkaRefused | None]:
        changed = [
            replace(each, set=dict.fromkeys(each.set, "777000"))
            if isinstance(each, AlterTopicConfig)
            else each
            for each in requests
        ]
        return self.real.send_all(changed)


def test_a_value_that_kafka_takes_and_does_not_keep_is_a_failure_by_name(
    both: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("provisioner.kinds.topic.kind.PATIENCE", 3.0)
    assert both.both(create("t-kept", 1, 1, retention_ms="60000")) == ("", "")
    both.alike()
    id = Id("", "topic", "t-kept")
    wanted = {id: State({"partitions": 1, "replication": 1, "retention.ms": "90000"})}
    seen = KINDS["topic"].read(both.real.view(), both.model.spec)
    (change,) = diff(wanted, seen, judges(KINDS)).changes
    with on_model(both.model):
        monkeypatch.setattr(both.model.site, "_cluster", Overriding(both.real))
        planned = both.model.planned()
        planned = replace(planned, plan=replace(planned.plan, wanted=wanted))
        results = runner(both.model, planned).carry_out([Wave(1, (change,))])
    ((failed, why),) = results.failed
    assert failed == change
    assert "no progress for 3 s: " in why
    assert why.endswith("retention.ms is '777000', not '90000'")
    assert not results.applied
