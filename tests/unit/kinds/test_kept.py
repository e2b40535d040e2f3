"""Dynamic configuration of a Kafka that somebody else runs: as Kafka keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.kafka.port import ClusterView
from provisioner.kinds.registry import KINDS, desired
from provisioner.plan import pipeline
from provisioner.plan.model import Plan
from provisioner.plan.rules import Rules, Seen
from provisioner.site.observe import told
from provisioner.spec.types import Host, Overrides, Policy, Source, Spec, Supervisor, Topic
from tests.unit.importing.views import dynamic, partition, static, topic, view

SPEC = Spec(
    "shared", "cluster.yaml", "", "4.3.1", "~/x", None, Supervisor.PROCESS, "bundled", Source(),
    (), (), Policy(), {"localhost": Host("localhost")}, bootstrap=(("kafka1", 9092),),
)  # fmt: skip


def spec(config: Mapping[str, Overrides], **more: Any) -> Spec:
    return replace(SPEC, broker_config=config, **more)


def plan(wanted: Spec, seen: ClusterView) -> Plan:
    made = desired(wanted, [])
    return pipeline.plan(wanted, made, told(wanted, Seen({}, seen, "")), Rules(KINDS, {}, False))


SEEN = view(
    configs={1: {"log.cleaner.threads": dynamic("2"), "x.token": dynamic(None, sensitive=True)}},
    cluster_config={"log.retention.ms": "5", "min.insync.replicas": "1"},
)
DELETE = Policy(unmanaged_config="delete")


def test_without_the_word_nobody_looks() -> None:
    found = plan(SPEC, SEEN)
    assert not found.changes
    assert not found.unmanaged


def test_what_the_spec_does_not_have_is_reported_but_for_what_kafka_keeps_itself() -> None:
    found = plan(spec({}), SEEN)
    assert not found.changes
    assert [(u.id.name, u.fields) for u in found.unmanaged] == [
        ("broker-1", ("log.cleaner.threads", "x.token")),
        ("cluster", ("log.retention.ms",)),
    ]


def test_each_layer_is_set_by_itself() -> None:
    wanted = {"cluster": Overrides({"log.retention.ms": "6"}), "broker-2": Overrides({"a.b": "1"})}
    found = plan(spec(wanted), SEEN)
    assert [(c.id.name, c.before, c.after) for c in found.changes] == [
        ("broker-2", {"a.b": None}, {"a.b": "1"}),
        ("cluster", {"log.retention.ms": "5"}, {"log.retention.ms": "6"}),
    ]


def test_a_secret_is_compared_by_being_set_and_never_removed_for_want_of_a_value() -> None:
    wanted = {"broker-1": Overrides({"log.cleaner.threads": "2"}, ("x.token",))}
    found = plan(spec(wanted, policy=DELETE), SEEN)
    assert not [c for c in found.changes if c.id.name == "broker-1"]
    (refused,) = plan(spec({"broker-2": Overrides({}, ("x.token",))}), SEEN).refused
    assert (refused.id.name, refused.allow) == ("broker-2", None)
    assert refused.reason.startswith("x.token is not set; secret values cannot be set yet")


def test_the_policy_removes_what_the_spec_does_not_have() -> None:
    wanted = {"broker-1": Overrides(), "cluster": Overrides()}
    found = plan(spec(wanted, policy=DELETE), SEEN)
    assert not found.unmanaged
    assert {(c.id.name, tuple(c.after or {})) for c in found.changes} == {
        ("broker-1", ("log.cleaner.threads", "x.token")),
        ("cluster", ("log.retention.ms",)),
    }


def test_what_the_spec_does_not_name_at_all_is_reported_and_never_removed() -> None:
    found = plan(spec({"cluster": Overrides()}, policy=DELETE), SEEN)
    assert [change.id.name for change in found.changes] == ["cluster"]
    assert [item.id.name for item in found.unmanaged] == ["broker-1"]
    assert not plan(spec({}, policy=Policy(unmanaged_config="ignore")), SEEN).unmanaged


def test_thread_counts_go_in_steps() -> None:
    seen = view(configs={1: {"num.io.threads": static("8")}})
    found = plan(spec({"broker-1": Overrides({"num.io.threads": "40"})}), seen)
    (change,) = found.changes
    assert change.after == {"num.io.threads": "16"}
    (later,) = found.deferred
    assert later.reason.startswith("num.io.threads to 32, 40: Kafka takes no more than double")


def test_a_broker_that_is_not_there_or_does_not_answer() -> None:
    (refused,) = plan(spec({"broker-7": Overrides({"a.b": "1"})}), SEEN).refused
    assert refused.reason == "no such broker is registered"
    silent = view(broker_configs={}, errors={"broker-2": "no answer within 10 s"})
    (unread,) = plan(spec({"broker-2": Overrides({"a.b": "1"})}), silent).unread
    assert unread.reason == "no answer within 10 s"


def test_a_kafka_that_does_not_answer_is_unknown_and_not_deferred() -> None:
    wanted = spec({"cluster": Overrides({"a.b": "1"})})
    seen = Seen({}, None, "kafka1:9092: connection refused")
    found = pipeline.plan(wanted, desired(wanted, []), seen, Rules(KINDS, {}, False))
    assert [item.reason for item in found.unread] == ["kafka1:9092: connection refused"]
    assert not found.deferred
    assert found.in_sync is None


def test_brokers_are_nobodys_to_report() -> None:
    assert plan(spec({}, topics_scope=()), view(topic("a"))).unmanaged == ()


def test_leaders_are_left_to_kafka_unless_it_never_does_it() -> None:
    wrong = replace(topic("a"), partitions=(partition(0, 1, 2, leader=2),))
    wanted = replace(SPEC, topics=(Topic("a", 1, 2),), policy=Policy(leaders="preferred"))
    assert not plan(wanted, view(wrong)).changes
    never = {"auto.leader.rebalance.enable": static("false")}
    (change,) = plan(wanted, view(wrong, configs=dict.fromkeys((1, 2, 3), never))).changes
    assert (change.id.kind, change.id.name) == ("leader", "a")
    assert not plan(wanted, view(wrong, configs=dict.fromkeys((1, 2), never))).changes


def test_one_copy_on_several_brokers_is_warned_of_though_no_file_knows_the_brokers() -> None:
    wanted = replace(SPEC, topics=(Topic("a", 1, 1),))
    found = [f for kind in KINDS.values() for f in kind.warnings(view(topic("a", (1,))), wanted)]
    said = [notice.message for each in found for notice in each.items]
    assert any(message.startswith("topic a") for message in said), said
