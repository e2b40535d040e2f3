"""What Kafka told → what was found, and what is said of the rest."""

from __future__ import annotations

from dataclasses import replace

from provisioner.importing.document import kafka_spec, left_out, variable
from provisioner.importing.found import Found, FoundBroker, FoundQuota
from provisioner.importing.kafka import found_kafka, not_read
from provisioner.importing.releases import levels, version_of
from provisioner.kafka.port import ClusterView
from provisioner.spec.properties import versions
from provisioner.spec.writing import text_of
from tests.unit.importing.views import dynamic, static, topic, view


def text(seen: ClusterView) -> str:
    return text_of(kafka_spec(Found("shared", found_kafka(seen, ["kafka1:9092"]))))


def test_only_explicit_overrides_and_never_throttles() -> None:
    rates = {
        "leader.replication.throttled.rate": dynamic("1000"),
        "replica.alter.log.dirs.io.max.bytes.per.second": dynamic("1000"),
        "log.cleaner.threads": dynamic("2"),
        "num.network.threads": static("3"),
    }
    wide = {"follower.replication.throttled.rate": "1", "log.retention.ms": "1"}
    throttled = {"leader.replication.throttled.replicas": "0:1", "retention.ms": "5"}
    found = found_kafka(
        view(topic("a", config=throttled), configs={1: rates}, cluster_config=wide), ["kafka1:9092"]
    )
    assert found.topics[0].config == {"retention.ms": "5"}
    assert found.brokers[0] == FoundBroker(1, "vm1", 9092, None, {"log.cleaner.threads": "2"})
    assert found.config == {"log.retention.ms": "1"}


def test_secrets_are_references_and_stand_in_no_text() -> None:
    secret = {"listener.name.x.ssl.keystore.password": dynamic(None, sensitive=True)}
    hidden = topic("a", config={"message.format.version": ""}, secrets=("message.format.version",))
    written = text(view(hidden, configs={2: secret}, cluster_config={"own.token": None}))
    assert "own.token: {env: KAFKA_CLUSTER_OWN_TOKEN}" in written
    name = "KAFKA_BROKER_2_LISTENER_NAME_X_SSL_KEYSTORE_PASSWORD"
    assert f"listener.name.x.ssl.keystore.password: {{env: {name}}}" in written
    assert "message.format.version: {env: KAFKA_TOPIC_A_MESSAGE_FORMAT_VERSION}" in written
    assert variable("TOPIC_a.b-c", "x") == "KAFKA_TOPIC_A_B_C_X"


def test_what_could_not_be_read_is_said_and_not_taken_for_absent() -> None:
    errors = {"topic-b": "TOPIC_AUTHORIZATION_FAILED", "quotas": "refused", "cluster-config": "no"}
    seen = view(topic("a", (1, 9)), topic("b"), errors=errors)
    seen = replace(seen, answers={})
    found = found_kafka(seen, ["kafka1:9092"])
    assert [each.name for each in found.topics] == ["a"]
    assert (found.quotas, found.config) == (None, None)
    assert not_read(seen) == [
        "the cluster-wide dynamic configuration could not be read: no",
        "quotas could not be read: refused",
        "topic b could not be read: TOPIC_AUTHORIZATION_FAILED",
        "broker 9 holds replicas and is not registered: its own dynamic configuration could not "
        "be read",
    ]
    written = text(seen)
    assert "quotas:" not in written
    assert "broker_config:" not in written


def test_a_broker_that_does_not_answer_is_said_once() -> None:
    assert not_read(view(broker_configs={1: {}, 2: {}})) == [
        "broker 3 is not up: its own dynamic configuration could not be read"
    ]
    assert not_read(view(broker_configs={1: {}, 2: {}}, errors={"broker-3": "refused"})) == [
        "broker-3 could not be read: refused"
    ]


def test_what_a_spec_cannot_say_is_said() -> None:
    rates = {"producer_byte_rate": 2.0**63, "consumer_byte_rate": 1.5, "request_percentage": 0}
    quotas = (FoundQuota((("user", None),), {**rates, "controller_mutation_rate": 3}),)
    found = replace(found_kafka(view(cluster_id="odd"), ["kafka1:9092"]), quotas=quotas)
    assert left_out(found) == [
        "the quota of user (default) has producer_byte_rate=9.22337e+18, consumer_byte_rate=1.5, "
        "request_percentage=0, which a spec cannot say: left out",
        "the cluster id 'odd' is not one that a spec can say: left out",
    ]
    written = text_of(kafka_spec(Found("shared", found)))
    assert "  - {user: null, controller_mutation_rate: 3}\n" in written
    assert "cluster_id" not in written


def test_what_no_file_may_hold_is_left_out_and_said() -> None:
    quotas = {(("user", "a\tb"),): {"producer_byte_rate": 1}}
    seen = view(topic("a", config={"own.key": "x\ny", "retention.ms": "1"}), quotas=quotas)
    assert [
        said.partition(" has ")[0] for said in left_out(found_kafka(seen, ["kafka1:9092"]))
    ] == [
        "the quota of user a\tb",
        "own.key of topic a",
    ]
    written = text(seen)
    assert "a: {partitions: 1, replication: 2, config: {retention.ms: 1}}" in written
    assert "quotas: []" in written


def test_the_version_is_the_newest_known_of_the_release() -> None:
    assert version_of(21) == "3.9.2"
    assert version_of(27) == "4.1.2"
    assert version_of(29) == "4.2.2"
    assert version_of(30) == "4.3.1"
    assert version_of(24) == "4.0.2"
    assert version_of(33) == "4.4.0"
    assert version_of(20) == "3.8.0"
    assert version_of(10_000) == versions()[-1]
    assert version_of(None) == versions()[0]
    assert list(levels().values()) == sorted(levels().values())
