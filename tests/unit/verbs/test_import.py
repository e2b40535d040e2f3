"""``import`` from Kafka: its command line, what it writes, and that it overwrites nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provisioner import cli
from provisioner.importing.kafka import found_kafka, not_read
from provisioner.kafka.port import ClusterView, KafkaUnavailable
from provisioner.site import importing
from provisioner.verbs.shared import registry
from tests.unit.importing.views import topic, view

SEEN = view(topic("a", config={"min.insync.replicas": "3"}), topic("b", (1, 2), (3,)))


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> list[ClusterView]:
    """What is behind every address; the last one counts."""
    seen = [SEEN]

    def look(bootstrap: Any, routes: Any = None) -> importing.Told:
        names = [f"{host}:{port}" for host, port in bootstrap]
        return importing.Told(found_kafka(seen[-1], names), tuple(not_read(seen[-1])))

    monkeypatch.setattr(importing, "look", look)
    return seen


def run(*words: str) -> int:
    return cli.main(["import", *words])


def test_it_writes_both_files_and_a_second_import_is_the_same(
    kafka: list[ClusterView], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--bootstrap", "kafka1:9092,kafka2:9092", "-o", str(tmp_path / "a")) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        f"wrote {tmp_path}/a/cluster.yaml",
        f"wrote {tmp_path}/a/inventory.yaml",
        "2 topics of a cluster of 3 brokers",
        f"to compare: provision plan {tmp_path}/a/cluster.yaml",
    ]
    # What the cluster has is not invalid.
    assert "topic a needs 3 replicas in sync and has 2" in shown.err
    addresses = ["--bootstrap", "kafka1:9092", "--bootstrap", "kafka2:9092"]
    assert run(*addresses, "-o", str(tmp_path / "b"), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["written"] == [f"{tmp_path}/b/cluster.yaml", f"{tmp_path}/b/inventory.yaml"]
    assert document["complete"] is True
    assert "needs 3 replicas" in document["warnings"][0]["message"]
    for name in ("cluster.yaml", "inventory.yaml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert cli.main(["validate", str(tmp_path / "a" / "cluster.yaml")]) == 0
    assert "at kafka1:9092, kafka2:9092, its hosts unknown; 2 topics" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["cluster.yaml", "inventory.yaml"])
def test_nothing_is_overwritten(
    kafka: list[ClusterView], tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_text("mine")
    assert run("--bootstrap", "kafka1:9092", "-o", str(tmp_path)) == 1
    assert "is there already, and nothing was written" in capsys.readouterr().err
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(name, "mine")]


def test_what_could_not_be_read_is_said_and_ends_with_3(
    kafka: list[ClusterView], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kafka.append(view(topic("a"), topic("b"), errors={"topic-b": "TOPIC_AUTHORIZATION_FAILED"}))
    assert run("--bootstrap", "kafka1:9092", "-o", str(tmp_path), "--json") == 3
    document = json.loads(capsys.readouterr().out)
    assert (document["exit_code"], document["complete"]) == (3, False)
    (warning,) = document["warnings"]
    assert warning["message"] == "topic b could not be read: TOPIC_AUTHORIZATION_FAILED"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-o", "x"], "usage", "nothing says which cluster"),
        (["--bootstrap", "a:1", "-i", "hosts", "-o", "x"], "usage", "asks Kafka alone"),
        (["--bootstrap", "kafka1", "-o", "x"], "usage", "'kafka1' is not an address of a broker"),
        (["--bootstrap", "a:1", "-o", "x", "--cluster", "A"], "usage", "not a name of a cluster"),
        (["--bootstrap", "a:1"], "usage", "-o"),
        (["--hosts", ",", "-o", "x"], "usage", "--hosts names no host"),
    ],
)
def test_a_command_line_that_is_none(
    words: list[str], code: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words, "--json") == 1
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert error["code"] == code
    assert said in error["message"]
    assert error["hint"]
    assert not Path("x").exists()


def test_a_kafka_that_does_not_answer_cannot_be_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from provisioner.kafka import client

    def view(*_: Any) -> ClusterView:
        raise KafkaUnavailable("kafka1:9092: connection refused")

    monkeypatch.setattr(client.KafkaClient, "view", view)
    assert run("--bootstrap", "kafka1:9092", "-o", str(tmp_path / "a")) == 3
    assert "kafka1:9092: connection refused" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


OF_HOSTS = {"hosts", "start", "stop", "restart", "maintain", "drill", "destroy"}
WORDS = {"drill": ["--node", "broker-1"], "destroy": ["--confirm", "s"], "maintain": ["--all"]}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "cluster.yaml"
    path.write_text('cluster: s\nkafka: {version: "4.3.1"}\nbootstrap: ["localhost:1"]\n')
    return path


def test_these_verbs_are_about_hosts() -> None:
    assert {verb.name for verb in registry.every() if verb.of_hosts} == OF_HOSTS


@pytest.mark.parametrize(
    "words",
    [*([verb, *WORDS.get(verb, [])] for verb in sorted(OF_HOSTS)),
     ["plan", "--limit", "a"], ["apply", "--rebuild"], ["validate", "--hosts"],
     ["maintain", "--host", "a"]],
    ids=" ".join,
)  # fmt: skip
def test_without_hosts_what_is_about_hosts_is_refused(
    spec: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([words[0], str(spec), *words[1:], "--json"]) == 1
    (error,) = json.loads(capsys.readouterr().out)["errors"]
    assert error["code"] == "usage"
    assert "is about hosts, and s has none" in error["message"]


def test_each_needs_hosts(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", str(spec), "--each", "all"]) == 1
    assert "this one has none (bootstrap)" in capsys.readouterr().err
