"""Kafka's own code looks at new properties before anything is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.real.lab import Lab, item, items, kraft_lab, shown, zookeeper_lab
from tests.soak import SOAK

# Our tables and rules take them, Kafka does not: (property, value, what Kafka says).
REFUSED = [
    ("principal.builder.class", "java.lang.String", "must implement KafkaPrincipalSerde"),
    ("principal.builder.class", "com.example.NotThere", "could not be found"),
    ("early.start.listeners", "FOO", "not contained in listeners"),
    ("group.consumer.assignors", "com.example.NotThere", "cannot be found"),
    ("group.share.assignors", "com.example.NotThere", "cannot be found"),
    ("offsets.topic.compression.codec", "9", "Unknown compression type id: 9"),
    ("max.connections.per.ip.overrides", "a_b/c:3", "invalid addresses"),
    ("max.connections.per.ip.overrides", "nonsense", "Error parsing configuration property"),
    ("client.quota.callback.class", "com.example.NotThere", "could not be found"),
    ("create.topic.policy.class.name", "com.example.NotThere", "could not be found"),
    ("sasl.server.callback.handler.class", "com.example.NotThere", "could not be found"),
    ("alter.config.policy.class.name", "com.example.NotThere", "could not be found"),
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = kraft_lab(tmp_path_factory.mktemp("accepts"), "accepts", "my home/kafka", brokers=3)
    try:
        lab.apply()
        yield lab
    finally:
        lab.clean()


def given(lab: Lab, key: str, value: str) -> Any:
    return lab.changed(lambda spec: spec["brokers"][1].update(config={key: value}))


@pytest.mark.parametrize("first", range(0, len(REFUSED), 3 if SOAK else 6))
def test_what_kafka_refuses_stops_nothing(running: Lab, first: int) -> None:
    """Each broker another one of them; all are told at once."""
    lab = running
    rows = REFUSED[first : first + 3]
    before, files = lab.pids_now(), texts(lab)

    def change(spec: Any) -> None:
        for broker, (key, value, _) in zip(spec["brokers"], rows, strict=True):
            broker["config"] = {key: value}

    with lab.changed(change):
        assert lab.run("validate").code == 0
        cluster = lab.json("apply", code=2)
    assert not cluster["applied"]
    kinds = {c["kind"] for c in cluster["not_started"]}
    assert "service" in kinds
    assert kinds <= {"service", "broker-config"}  # some of these Kafka would take live
    for id, (key, _, said) in enumerate(rows):
        file = str(lab.properties(f"broker-{id}"))
        message = item(cluster, "failed", kind="file", name=file)["message"].splitlines()[0]
        assert message.startswith(f"{file}: Kafka 4.3.1 does not accept '{key}': ")
        assert said in message
    assert lab.pids_now() == before
    assert texts(lab) == files
    assert not (lab.home / ".provision/accepted").exists()


def texts(lab: Lab) -> dict[str, str]:
    """Every properties and launch file, byte for byte."""
    files = [*lab.home.glob("config/*"), *lab.home.glob(".provision/launch/*")]
    return {str(path): path.read_text() for path in files}


def test_several_are_refused_at_once_and_what_is_right_waits(running: Lab) -> None:
    before = running.pids_now()

    def change(spec: Any) -> None:
        spec["brokers"][0]["config"] = {"num.io.threads": 5}
        spec["brokers"][1]["config"] = {"early.start.listeners": "FOO"}
        spec["brokers"][2]["config"] = {"offsets.topic.compression.codec": 9}

    with running.changed(change):
        done = running.run("apply")
        cluster = running.json("apply", code=2)
    assert done.code == 2, shown(done)
    assert "early.start.listeners" in done.progress
    assert "nothing was stopped" in done.progress
    names = [Path(f["name"]).name for f in items(cluster, "failed", kind="file")]
    assert names == ["server-1.properties", "server-2.properties"]
    assert item(cluster, "not_started", kind="file")["name"].endswith("server-0.properties")
    assert running.pids_now() == before
    assert running.applied() == []


@pytest.mark.soak
def test_what_kafka_takes_is_rolled(running: Lab) -> None:
    before = running.pids_now()

    def change(spec: Any) -> None:
        spec["brokers"][1]["config"] = {"num.io.threads": 5}
        spec["brokers"][1]["env"] = {"IO_THREADS": "5"}

    with running.changed(change):
        assert [a for a, *_ in running.applied()] == ["update", "update", "restart"]
        plan = running.json("log")["log"][-1]
        assert plan["outcome"] == "done"
    after = running.pids_now()
    assert {name for name in after if after[name] != before[name]} == {"broker-1"}
    running.apply()


def test_the_version_that_will_run_is_the_one_that_is_asked(tmp_path: Path) -> None:
    """3.9.1 would not mind, 4.3.1 does: nothing is stopped for an upgrade that cannot start."""
    lab = kraft_lab(tmp_path, "upgraded", version="3.9.1", brokers=1, quorum="static")
    try:
        lab.apply()
        before = lab.pids_now()

        def upgrade(spec: Any) -> None:
            spec["kafka"]["version"] = "4.3.1"
            spec["defaults"]["config"]["group.share.assignors"] = "com.example.NotThere"

        with lab.changed(upgrade):
            cluster = lab.json("apply", code=2)
        messages = [f["message"] for f in items(cluster, "failed")]
        assert len(messages) == 1
        assert "Kafka 4.3.1 does not accept" in messages[0]
        assert "com.example.NotThere cannot be found" in messages[0]
        assert lab.pids_now() == before
        assert "kafka-4.3.1" not in "".join(texts(lab).values())
    finally:
        lab.clean()


@pytest.mark.soak
def test_in_zookeeper_mode_too(tmp_path: Path) -> None:
    lab = zookeeper_lab(tmp_path, "zookeeper-mode")
    try:
        lab.apply()
        before = lab.pids_now()
        with given(lab, "inter.broker.protocol.version", "9.9"):
            cluster = lab.json("apply", code=2)
        (failed,) = cluster["failed"]
        assert "'inter.broker.protocol.version'" in failed["message"]
        assert "Version 9.9 is not a valid version" in failed["message"]
        assert lab.pids_now() == before
    finally:
        lab.clean()
