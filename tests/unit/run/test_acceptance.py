"""What Kafka said of a properties file, read; which nodes are asked for; the wave it gates."""

from __future__ import annotations

import pytest

from provisioner.kinds.file.candidates import candidates
from provisioner.kinds.registry import KINDS
from provisioner.plan.model import Change, Id, Layer
from provisioner.plan.order import ACCEPTED, waves
from provisioner.run.acceptance import answered, named, refusal
from tests.unit.plan.model_cluster import ModelCluster

TRACE = """exit status 1
log4j:WARN No appenders could be found for logger (kafka.utils.Log4jControllerRegistration$).
Exception in thread "main" {first}
\tat org.apache.kafka.common.config.AbstractConfig.<init>(AbstractConfig.java:118)
\tat kafka.server.KafkaConfig.<init>(KafkaConfig.scala:148)
\tat kafka.tools.StorageTool.main(StorageTool.scala)
Caused by: java.lang.ClassNotFoundException: com.x.Y
"""


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            TRACE.format(
                first="java.lang.IllegalArgumentException: requirement failed: log.roll.ms must be"
            ),
            "log.roll.ms must be",
        ),
        (
            TRACE.format(first="org.apache.kafka.common.KafkaException: Class com.x.Y cannot be"),
            "Class com.x.Y cannot be",
        ),
        ("exit status 1\nFound problem:\n  /tmp/d does not exist", ""),
        ("exit status 1\nException in thread \"main\" java.io.IOException: meta.properties", ""),
        ("exit status 0\nFound log directory:\n  /d", ""),
        (
            "exit status 1\nError: A JNI error\nException in thread \"main\" "
            "java.lang.UnsupportedClassVersionError: kafka/Kafka (class file version 61.0)",
            "this Java is too old for Kafka: kafka/Kafka (class file version 61.0)",
        ),
        ("", ""),
    ],
)  # fmt: skip
def test_only_what_the_rules_refuse_is_a_refusal(said: str, words: str) -> None:
    assert refusal(said) == words


def test_answers_are_told_apart_by_node_and_cannot_be_forged() -> None:
    text = "=broker-0 0\n|Found\n=broker-1 1\n|=broker-0 1\n|Exception\n"
    assert answered(text) == {
        "broker-0": "exit status 0\nFound",
        "broker-1": "exit status 1\n=broker-0 1\nException",
    }
    assert answered("sh: java: not found\n") == {}


@pytest.mark.parametrize(
    ("words", "changed", "key"),
    [
        ("log.roll.ms must be greater than", ["a.b", "log.roll.ms"], "log.roll.ms"),
        ("Invalid value for configuration a.b.c: no", ["a.b", "a.b.c"], "a.b.c"),
        ("requirement failed: log.roll.ms must be", [], "log.roll.ms"),
        ("Class com.x.Y cannot be found", ["a.b", "some.class"], "some.class"),
        ("Unknown compression type id: 9", ["a.b", "codec"], "codec"),
        ("something is wrong", ["a.b"], "a.b"),
        ("something is wrong", ["a.b", "codec"], ""),
    ],
)
def test_the_key_is_the_one_that_the_words_are_about(
    words: str, changed: list[str], key: str
) -> None:
    values = {"a.b": "19", "a.b.c": "x", "log.roll.ms": "0", "some.class": "com.x.Y", "codec": "9"}
    assert named(words, values, changed) == key


def placed(model: ModelCluster, name: str) -> tuple[str, str]:
    """The paths of a node's properties and of its launch file."""
    (places,) = model.target.places.values()
    node = model.spec.node(name)
    return node.properties, places.launch(node)


def update(path: str, *fields: str) -> Change:
    return Change(Id("localhost", "file", path), "update", {}, {}, fields)


def asked(model: ModelCluster, *changes: Change) -> list[str]:
    return [c.node.name for c in candidates(model.spec, model.plan().wanted, changes)]


def test_new_properties_and_another_kafka_are_asked_about() -> None:
    model = ModelCluster.made("lab")
    properties, launch = placed(model, "broker-1")
    zookeeper, _ = placed(model, "zookeeper-1")
    assert asked(model, update(properties, "num.io.threads")) == ["broker-1"]
    assert asked(model, update(launch, "dist")) == ["broker-1"]
    assert asked(model, update(launch, "heap")) == []
    assert asked(model, update(zookeeper, "tickTime")) == []
    assert asked(model, Change(Id("localhost", "file", properties), "delete", {}, None)) == []


def test_where_nothing_runs_nobody_is_asked() -> None:
    model = ModelCluster.made("lab")
    assert not gates(model)
    model.edit("config/server-1.properties", {"num.io.threads": "9"})
    assert ACCEPTED in gates(model)
    model.kill_all()
    assert model.plan().changes
    assert ACCEPTED not in gates(model)


def gates(model: ModelCluster) -> list[str]:
    return [wave.gate for wave in model.plan().waves]


def test_files_wait_behind_the_gate_for_what_runs_kafka() -> None:
    changes = [
        Change(Id("h", kind, "x"), action, {}, {}, ())  # type: ignore[arg-type]
        for kind, action in [
            ("file", "update"), ("kafka", "create"), ("storage", "create"), ("service", "restart"),
        ]
    ]  # fmt: skip
    shape = [
        (wave.gate, [c.id.kind for c in wave.changes])
        for wave in waves(changes, {}, KINDS, asked={"file"})
    ]
    assert shape == [
        ("", ["kafka"]), (ACCEPTED, ["file"]), ("", ["storage"]), ("may-stop", ["service"])
    ]  # fmt: skip
    plain = waves(changes, {}, KINDS)
    assert [c.id.kind for c in plain[0].changes] == ["kafka", "file"]
    assert all(KINDS[c.id.kind].layer is Layer.HOST for c in plain[0].changes)
