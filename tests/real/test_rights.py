"""An authorizer: what may not be read is unknown with the right that is missing, what may not be
changed fails by name, and nothing is made or deleted because of it.

Brokers and controllers are the user ``admin``, a super user; the tool comes as User:ANONYMOUS.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    KafkaAdminClient,
    ResourcePattern,
    ResourceType,
)

from provisioner.kafka.port import KafkaRefused
from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.leaders import ElectPreferredLeaders
from provisioner.kafka.requests.reassignments import Reassign
from provisioner.kafka.requests.request import Request
from provisioner.kafka.requests.topics import CreatePartitions, CreateTopic, DeleteTopic
from provisioner.kinds.quota.requests import AlterQuota
from tests.real.kafka_processes import free_ports
from tests.real.lab import Lab, Spec, item, items, kraft_lab, until

ANONYMOUS = "User:ANONYMOUS"
JAAS = """KafkaServer {
  org.apache.kafka.common.security.plain.PlainLoginModule required
  username="admin" password="of-a-test" user_admin="of-a-test";
};
"""
SECURED = {
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,INTERNAL:SASL_PLAINTEXT,"
    "CONTROLLER:SASL_PLAINTEXT",
    "sasl.enabled.mechanisms": "PLAIN",
    "sasl.mechanism.inter.broker.protocol": "PLAIN",
    "sasl.mechanism.controller.protocol": "PLAIN",
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin",
}
TOPICS = {
    "atu": {"partitions": 1, "replication": 1},
    "orders": {"partitions": 2, "replication": 1},
}
CLUSTER = ResourcePattern(ResourceType.CLUSTER, "kafka-cluster")


def topic(name: str) -> ResourcePattern:
    return ResourcePattern(ResourceType.TOPIC, name)


@dataclass
class Secured(Lab):
    """``internal``: the addresses at which ``admin`` may do everything."""

    internal: tuple[str, ...] = ()

    @contextlib.contextmanager
    def acls(self, *acls: ACL) -> Iterator[None]:
        """For as long as the block lasts."""
        admin = KafkaAdminClient(
            bootstrap_servers=list(self.internal),
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_plain_username="admin",
            sasl_plain_password="of-a-test",
        )
        with contextlib.closing(admin):
            admin.create_acls(list(acls))
            until(lambda: len(acls_of(admin, acls)) == len(acls))
            try:
                yield
            finally:
                admin.delete_acls(filters(acls))
                until(lambda: not acls_of(admin, acls))

    def without(self, operation: str, *resources: ResourcePattern) -> Any:
        """Not this one, though everything else."""
        of = getattr(ACLOperation, operation)
        return self.acls(*(rule(of, ACLPermissionType.DENY, each) for each in resources))


def rule(operation: Any, permission: Any, resource: ResourcePattern) -> ACL:
    return ACL(ANONYMOUS, "*", operation, permission, resource)


def filters(acls: tuple[ACL, ...]) -> list[ACLFilter]:
    return [
        ACLFilter(a.principal, a.host, a.operation, a.permission_type, a.resource_pattern)
        for a in acls
    ]


def acls_of(admin: KafkaAdminClient, acls: tuple[ACL, ...]) -> list[Any]:
    found = []
    for each in filters(acls):
        found += admin.describe_acls(each)[0]
    return found


EVERYTHING = tuple(
    rule(ACLOperation.ALL, ACLPermissionType.ALLOW, resource)
    for resource in (CLUSTER, topic("*"), ResourcePattern(ResourceType.GROUP, "*"))
)


def secured_lab(folder: Path) -> Secured:
    plain = kraft_lab(folder, name="rights-lab", brokers=2)
    login = folder / "login.conf"
    login.write_text(JAAS)
    data = plain.data
    data["defaults"]["config"].update(SECURED)
    data["defaults"]["jvm_opts"].append(f"-Djava.security.auth.login.config={login}")
    data["topics"] = TOPICS
    ports = free_ports(2)
    for broker, port in zip(data["brokers"], ports, strict=True):
        broker["listeners"].append(f"INTERNAL://localhost:{port}")
        broker["inter_broker_listener"] = "INTERNAL"
    internal = tuple(f"localhost:{port}" for port in ports)
    lab = Secured(plain.spec, plain.home, plain.ports, True, data, internal=internal)
    lab.write()
    return lab


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Before anybody has any right."""
    lab = secured_lab(tmp_path_factory.mktemp("rights"))
    try:
        yield lab
    finally:
        lab.clean()


def test_without_any_right_the_nodes_start_and_everything_else_is_unknown(bare: Secured) -> None:
    ended = bare.json("apply", code=None)
    assert {(c["kind"], c["action"]) for c in ended["applied"]} >= {("service", "start")}
    drift = bare.json("drift", code=3)
    assert (drift["in_sync"], drift["complete"]) == (None, False)
    assert not drift["changes"]
    assert reasons(drift, "topic") == {
        "atu": "needs DESCRIBE on topic atu",
        "orders": "needs DESCRIBE on topic orders",
    }
    assert set(reasons(drift, "broker-config").values()) == {
        "needs DESCRIBE_CONFIGS on the cluster"
    }
    assert set(reasons(drift, "placement").values()) == {"needs DESCRIBE on the cluster"}


def reasons(cluster: Any, kind: str) -> dict[str, str]:
    """Which right each unknown thing needs."""
    return {
        each["name"]: each["reason"].partition(": ")[2]
        for each in items(cluster, "unknown", kind=kind)
    }


@pytest.fixture(scope="module")
def made(bare: Secured) -> Iterator[Secured]:
    """With every right, and in sync."""
    with bare.acls(*EVERYTHING):
        bare.apply()
        yield bare


@pytest.fixture
def lab(made: Secured) -> Iterator[Secured]:
    yield made
    assert made.run("drift").code == 0


def ids(lab: Lab) -> dict[str, str]:
    with lab.cluster() as cluster:
        return {t.name: t.id for t in cluster.view().topics if not t.name.startswith("__")}


def unknown(lab: Secured) -> Any:
    """What drift says where something may not be read; nothing is done about it."""
    before = ids(lab)
    drift = lab.json("drift", code=3)
    assert (drift["in_sync"], drift["complete"]) == (None, False)
    assert not drift["changes"]
    applied = lab.json("apply", code=3)
    assert not applied["applied"]
    assert not applied["failed"]
    assert ids(lab).items() <= before.items()
    return drift


def test_a_topic_that_may_not_be_described_is_not_absent(lab: Secured) -> None:
    before = ids(lab)
    with lab.without("DESCRIBE", topic("atu")):
        assert reasons(unknown(lab), "topic") == {"atu": "needs DESCRIBE on topic atu"}
        text = lab.run("drift").text
        assert "needs DESCRIBE on topic atu" in text
    until(lambda: ids(lab) == before)


def test_nor_is_one_that_should_be_gone_gone(lab: Secured) -> None:
    before = ids(lab)

    def absent(spec: Spec) -> None:
        spec["topics"] = {**TOPICS, "atu": "absent"}

    with lab.changed(absent), lab.without("DESCRIBE", topic("atu")):
        drift = lab.json("drift", code=3)
        assert reasons(drift, "topic") == {"atu": "needs DESCRIBE on topic atu"}
        assert lab.json("apply", "--allow", "delete-topic", code=3)["applied"] == []
    until(lambda: ids(lab) == before)


def test_topics_whose_configuration_may_not_be_read(lab: Secured) -> None:
    with lab.without("DESCRIBE_CONFIGS", topic("*")):
        assert reasons(unknown(lab), "topic") == {
            name: f"needs DESCRIBE_CONFIGS on topic {name}" for name in TOPICS
        }


def test_brokers_whose_configuration_may_not_be_read(lab: Secured) -> None:
    with lab.without("DESCRIBE_CONFIGS", CLUSTER):
        drift = unknown(lab)
        needed = "needs DESCRIBE_CONFIGS on the cluster"
        assert reasons(drift, "broker-config") == dict.fromkeys(
            ("broker-0", "broker-1", "cluster"), needed
        )
        assert reasons(drift, "throttle") == {"cluster": needed}


def test_a_cluster_that_may_not_be_described(lab: Secured) -> None:
    """What moves, the log dirs and the quorum."""
    with lab.without("DESCRIBE", CLUSTER):
        needed = "needs DESCRIBE on the cluster"
        drift = unknown(lab)
        assert reasons(drift, "placement") == dict.fromkeys(TOPICS, needed)
        assert reasons(drift, "throttle") == {"cluster": needed}
        quorum = item(lab.json("verify", code=3), "checks", name="quorum")
        assert quorum["ok"] is None
        assert needed in quorum["detail"]
        status = lab.run("status")
        assert status.code == 3
        assert (
            "log-dirs-0: CLUSTER_AUTHORIZATION_FAILED: " + needed in status.text + status.progress
        )


def changed(**topics: Any) -> Any:
    def change(spec: Spec) -> None:
        spec["topics"] = {**TOPICS, **topics}

    return change


def test_a_configuration_that_may_not_be_altered_fails_and_the_rest_goes_on(lab: Secured) -> None:
    kept = {"partitions": 1, "replication": 1, "config": {"segment.ms": 777_777}}
    both = changed(atu=kept, fresh={"partitions": 1, "replication": 1})
    with lab.changed(both):
        with lab.without("ALTER_CONFIGS", topic("atu")):
            ended = lab.json("apply", code=2)
            failed = item(ended, "failed")
            assert (failed["kind"], failed["name"]) == ("topic", "atu")
            assert "needs ALTER_CONFIGS on topic atu" in failed["message"]
            assert [(c["action"], c["name"]) for c in ended["applied"]] == [("create", "fresh")]
        assert lab.applied() == [("update", "topic", "atu")]
    delete(lab, "fresh")
    with lab.cluster() as cluster:
        cluster.send(AlterTopicConfig("atu", {}, ["segment.ms"]))
    until(lambda: lab.run("drift").code == 0)


def delete(lab: Lab, *topics: str) -> None:
    with lab.cluster() as cluster:
        for name in topics:
            cluster.delete_topic(name)
    until(lambda: not ids(lab).keys() & set(topics))


def test_a_topic_that_may_not_be_created(lab: Secured) -> None:
    one = {"partitions": 1, "replication": 1}
    with lab.changed(changed(closed=one, open=one)):
        with lab.without("CREATE", CLUSTER, topic("closed")):
            ended = lab.json("apply", code=2)
            failed = item(ended, "failed")
            assert failed["name"] == "closed"
            assert "needs CREATE on topic closed" in failed["message"]
            assert [(c["action"], c["name"]) for c in ended["applied"]] == [("create", "open")]
        assert lab.applied() == [("create", "topic", "closed")]
    delete(lab, "closed", "open")


def test_replicas_that_may_not_be_moved(lab: Secured) -> None:
    """The throttle stays for the next run, which needs it or removes it."""
    wider = changed(
        orders={"partitions": 2, "replication": 2}, fresh={"partitions": 1, "replication": 1}
    )
    with lab.changed(wider):
        with lab.without("ALTER", CLUSTER):
            ended = lab.json("apply", code=2)
            failed = item(ended, "failed")
            assert (failed["kind"], failed["name"]) == ("placement", "orders")
            assert "needs ALTER on the cluster" in failed["message"]
            assert ("create", "fresh") in [(c["action"], c["name"]) for c in ended["applied"]]
        done = lab.applied()
        assert done == [("update", "placement", "orders"), ("delete", "throttle", "cluster")]
    assert lab.applied("--allow", "shrink-replicas") == [("update", "placement", "orders")]
    delete(lab, "fresh")


CHANGES = {
    "create": (CreateTopic("closed", 1, 1), "CREATE", "topic closed"),
    "widen": (CreatePartitions("atu", 2), "ALTER", "topic atu"),
    "delete": (DeleteTopic("atu"), "DELETE", "topic atu"),
    "topic": (AlterTopicConfig("atu", {"segment.ms": "8"}), "ALTER_CONFIGS", "topic atu"),
    "broker": (AlterBrokerConfig(1, {"num.io.threads": "9"}), "ALTER_CONFIGS", "the cluster"),
    "brokers": (AlterBrokerConfig(None, {"num.io.threads": "9"}), "ALTER_CONFIGS", "the cluster"),
    "move": (Reassign("atu", {0: (0, 1)}), "ALTER", "the cluster"),
    "elect": (ElectPreferredLeaders((("atu", 0),)), "ALTER", "the cluster"),
    "quota": (
        AlterQuota((("user", "alice"),), {"producer_byte_rate": 1e6}),
        "ALTER_CONFIGS",
        "the cluster",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_change_needs_the_right_that_it_names(lab: Secured, change: str) -> None:
    request, operation, on = CHANGES[change]
    assert isinstance(request, Request)
    resources = [CLUSTER] if on == "the cluster" else [topic(on.removeprefix("topic "))]
    resources += [CLUSTER] if operation in ("CREATE", "DELETE") else []  # either suffices
    with lab.without(operation, *resources), lab.cluster() as cluster:
        with pytest.raises(KafkaRefused) as refused:
            cluster.send(request)
        assert "_AUTHORIZATION_FAILED: " in str(refused.value)
        assert f"needs {operation}" in str(refused.value)
        assert str(refused.value).endswith(f"on {on}")
