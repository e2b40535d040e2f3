"""A Kafka that somebody else runs, imported: the plan of it is empty, and what is changed by hand
is said exactly. A thousand topics with odd values with KRaft, fewer with ZooKeeper."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.reassignments import ListReassignments, Reassign
from provisioner.kafka.requests.request import Message, Request
from provisioner.kinds.quota.requests import AlterQuota
from provisioner.spec.scalars import Dialect
from provisioner.spec.yamlfile import parse
from tests.kafka_client import Both, connect
from tests.real.kafka_processes import kraft_lab, zookeeper_lab
from tests.real.lab import item, until
from tests.real.provisioned import PATIENCE, ROOT
from tests.soak import SOAK, modes

COUNT = 1000 if SOAK else 250
"""Topics of the cluster in KRaft mode that are not odd."""
MOST = str(2**63 - 1)
ODD: dict[str, dict[str, str]] = {
    "odd.longs": {
        "message.timestamp.after.max.ms": MOST,
        "message.timestamp.before.max.ms": MOST,
        "retention.bytes": "9007199254740993",
        "retention.ms": "-1",
    },
    "odd.order": {"cleanup.policy": "compact,delete"},
    "odd.order-too": {"cleanup.policy": "delete,compact"},
    "odd.empty_cleanup": {"cleanup.policy": ""},
    "odd.zstd_level": {"compression.type": "zstd", "compression.zstd.level": "-7"},
    "odd.gzip_level": {"compression.type": "gzip", "compression.gzip.level": "9"},
    "odd.doubles": {"min.cleanable.dirty.ratio": "0.05", "preallocate": "true"},
    "odd.min-isr": {"min.insync.replicas": "4"},
    "odd.default": {"retention.ms": "604800000"},
    "on": {},
    "1e3": {},
    "_schemas": {"cleanup.policy": "compact"},
}
"""Topics with values, and names, that other tools read wrongly."""
TOKEN = "my.plugin.token"
SECRET = "never-to-be-seen"


@dataclass(frozen=True)
class CreateTopics(Request):
    """Many at once: (name, replicas of each partition, configuration)."""

    topics: Sequence[tuple[str, Sequence[Sequence[int]], Mapping[str, str]]]
    what: str = "topics"  # type: ignore[assignment]

    @property
    def messages(self) -> tuple[Message, ...]:
        made = [
            {
                "name": name,
                "num_partitions": -1,
                "replication_factor": -1,
                "assignments": [
                    {"partition_index": number, "broker_ids": list(brokers)}
                    for number, brokers in enumerate(replicas)
                ],
                "configs": [{"name": key, "value": value} for key, value in config.items()],
            }
            for name, replicas, config in self.topics
        ]
        fields = {"topics": made, "validate_only": False}
        return (Message("CreateTopics", fields, lambda answer: answer.topics),)


@dataclass
class Foreign:
    """A cluster that this tool has not made, and a folder for what it writes."""

    bootstrap: list[tuple[str, int]]
    brokers: list[int]
    folder: Path
    number: int
    kraft: bool
    runs: list[str] = field(default_factory=list)

    @property
    def addresses(self) -> str:
        return ",".join(f"{host}:{port}" for host, port in self.bootstrap)

    def kafka(self) -> Both:
        return connect(self.bootstrap, timeout=60.0)

    def run(self, verb: str, *words: str, code: int = 0) -> Any:
        """The document of a command, which ends with ``code``."""
        command = [sys.executable, "-m", "provisioner", verb, *words, "--json"]
        environment = os.environ | {"HOME": str(self.folder / "home")}
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, env=environment
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr
        return json.loads(done.stdout)

    def cluster(self, verb: str, *words: str, code: int = 0) -> dict[str, Any]:
        (only,) = self.run(verb, str(self.spec), *words, code=code)["clusters"]
        return dict(only)

    def imported(self, name: str) -> Path:
        self.run("import", "--bootstrap", self.addresses, "-o", str(self.folder / name))
        return self.folder / name

    @property
    def spec(self) -> Path:
        return self.folder / "first" / "cluster.yaml"

    def set(self, topic: str, **config: str) -> None:
        kafka = self.kafka()
        kafka.send(AlterTopicConfig(topic, {k.replace("_", "."): v for k, v in config.items()}))
        kafka.close()


def fill(foreign: Foreign) -> None:
    """Topics, quotas and dynamic configuration, as a cluster of some years has them."""
    one, two, three = foreign.brokers
    kafka = foreign.kafka()
    topics: list[tuple[str, list[list[int]], dict[str, str]]] = [
        (f"team-{n % 7}.topic_{n:04}", [[foreign.brokers[n % 3]]], {})
        for n in range(foreign.number)
    ]
    topics += [(name, [[one, two]], config) for name, config in ODD.items()]
    topics.append(("odd.mixed", [[one], [two], [three]], {"retention.ms": "1000"}))
    for start in range(0, len(topics), 250):
        kafka.send(CreateTopics(topics[start : start + 250]))
    kafka.send(AlterQuota((("user", "alice"), ("client-id", None)), {"producer_byte_rate": 1024}))
    kafka.send(AlterQuota((("client-id", "a,b=<c> %"),), {"request_percentage": 12.5}))
    kafka.send(AlterBrokerConfig(None, {"log.retention.ms": "604800001"}))
    kafka.send(AlterBrokerConfig(two, {"log.cleaner.threads": "2"}))
    if foreign.kraft:
        kafka.send(AlterBrokerConfig(one, {TOKEN: SECRET}))
    until(lambda: len(kafka.view().topics) >= len(topics))
    kafka.send(Reassign("odd.mixed", {0: (one, two, three), 2: (three, one)}))
    until(lambda: not kafka.view([ListReassignments()]).answers[ListReassignments()])
    kafka.close()


@pytest.fixture(scope="module", params=modes("kraft", soak=("zookeeper",)))
def foreign(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Foreign]:
    folder = tmp_path_factory.mktemp(f"import-{request.param}")
    kraft = request.param == "kraft"
    made = kraft_lab(folder, version="4.3.1") if kraft else zookeeper_lab(folder)
    with made as lab:
        (folder / "home").mkdir()
        found = Foreign(lab.bootstrap, list(lab.brokers), folder, COUNT if kraft else 200, kraft)
        fill(found)
        found.imported("first")
        yield found


def test_the_plan_is_empty_and_a_second_import_is_byte_for_byte_the_same(foreign: Foreign) -> None:
    for verb in ("plan", "drift", "verify"):
        cluster = foreign.cluster(verb)
        assert cluster["in_sync"] is True
        for key in ("changes", "deferred", "unmanaged", "unknown", "refused"):
            assert cluster[key] == [], (verb, key)
    assert cluster["healthy"] is True
    again = foreign.imported("second")
    for name in ("cluster.yaml", "inventory.yaml"):
        assert (again / name).read_bytes() == (foreign.spec.parent / name).read_bytes()
    text = foreign.spec.read_text()
    assert text.count("{partitions: 1, replication: 1}") == foreign.number
    assert f"message.timestamp.after.max.ms: {MOST}" in text
    assert "__consumer_offsets" not in text
    assert SECRET not in text
    assert (f"{TOKEN}: {{env:" in text) == foreign.kraft
    assert not (foreign.folder / "home" / ".local").exists()  # looking leaves nothing behind


@pytest.mark.soak
def test_what_one_does_by_hand_is_the_one_difference_and_is_put_back(foreign: Foreign) -> None:
    name = "team-3.topic_0003"
    foreign.set(name, segment_ms="3600000")
    foreign.set("odd.doubles", preallocate="false")
    before = foreign.spec.read_bytes()
    cluster = foreign.cluster("drift", code=2)
    change = item(cluster, "changes")
    assert (change["name"], change["before"], change["after"]) == (
        "odd.doubles",
        {"preallocate": "false"},
        {"preallocate": "true"},
    )
    assert [(u["name"], u["fields"]) for u in cluster["unmanaged"]] == [(name, ["segment.ms"])]
    applied = foreign.cluster("apply")["applied"]
    assert [(a["action"], a["kind"], a["name"]) for a in applied] == [
        ("update", "topic", "odd.doubles")
    ]
    kafka = foreign.kafka()
    kafka.send(AlterTopicConfig(name, {}, ["segment.ms"]))
    kafka.close()
    until(lambda: not foreign.cluster("drift")["unmanaged"])
    assert (foreign.imported("after-apply") / "cluster.yaml").read_bytes() == before


def test_topics_quotas_and_brokers_are_changed_through_it_with_a_journal(foreign: Foreign) -> None:
    """Another spec of the same Kafka, made of the imported one."""
    data = parse(foreign.spec.read_text(), "spec", Dialect.STRICT, "invalid-spec").data
    data["topics"]["odd.default"].update(partitions=4, replication=3)
    data["topics"]["team-0.topic_0000"]["replication"] = 2
    data["topics"]["made-here"] = {"partitions": 2, "replication": 3}
    alice = next(quota for quota in data["quotas"] if quota.get("user") == "alice")
    alice["producer_byte_rate"] = 2048
    data["broker_config"]["cluster"]["log.retention.ms"] = 604800002
    data["broker_config"][f"broker-{foreign.brokers[1]}"]["log.cleaner.threads"] = 1
    foreign.spec.write_text(json.dumps(data))  # JSON is YAML
    try:
        names = {(c["kind"], c["name"]) for c in foreign.cluster("plan")["changes"]}
        cluster = foreign.cluster("apply")
        assert names <= {(a["kind"], a["name"]) for a in cluster["applied"]}
        assert {kind for kind, _ in names} >= {"topic", "quota", "broker-config"}
        assert ("topic", "made-here") in names
        assert cluster["in_sync"] is True
        assert foreign.cluster("verify", "--round-trip")["healthy"] is True
        again = foreign.run("apply", str(foreign.spec))
        assert again["clusters"][0]["applied"] == []
        said = [warning["message"] for warning in again["warnings"]]
        assert any("a run from another machine is not kept out" in message for message in said)
        entries = foreign.cluster("log")["log"]
        assert any("create topic/made-here" in e["changes"] for e in entries)
        assert foreign.cluster("lock")["locks"][0]["held"] is False
    finally:
        foreign.spec.unlink()
        foreign.spec.with_name("inventory.yaml").unlink()
        foreign.imported("first")


def test_a_topic_in_mid_move_is_imported_where_it_is_going(foreign: Foreign) -> None:
    _, two, three = foreign.brokers
    topic = "team-1.topic_0001"  # on the second broker
    kafka = foreign.kafka()
    kafka.produce(topic, [bytes(50_000)] * 100, seconds=60)
    rates = ("leader.replication.throttled.rate", "follower.replication.throttled.rate")
    lists = ("leader.replication.throttled.replicas", "follower.replication.throttled.replicas")
    for broker in (two, three):
        kafka.send(AlterBrokerConfig(broker, dict.fromkeys(rates, "1")))
    kafka.send(AlterTopicConfig(topic, {lists[0]: f"0:{two}", lists[1]: f"0:{three}"}))
    kafka.send(Reassign(topic, {0: (three, two)}))
    try:
        assert kafka.view([ListReassignments()]).answers[ListReassignments()]
        path = foreign.imported("mid-move") / "cluster.yaml"
        assert f"{topic}: {{partitions: 1, replication: 2}}" in path.read_text()
        assert "throttled" not in path.read_text()
        (cluster,) = foreign.run("plan", str(path), code=3)["clusters"]
        (unknown,) = cluster["unknown"]
        assert (unknown["kind"], unknown["name"]) == ("placement", topic)
        assert "somebody else is moving" in unknown["reason"]
    finally:
        for broker in (two, three):
            kafka.send(AlterBrokerConfig(broker, {}, rates))
        kafka.send(AlterTopicConfig(topic, {}, lists))
    until(lambda: not kafka.view([ListReassignments()]).answers[ListReassignments()])
    kafka.close()
    (cluster,) = foreign.run("plan", str(path))["clusters"]
    assert cluster["changes"] == []
    arrived = foreign.imported("arrived") / "cluster.yaml"
    assert arrived.read_bytes() == path.read_bytes()


def test_another_cluster_at_the_address_is_not_taken_for_it(foreign: Foreign) -> None:
    text = foreign.spec.read_text()
    line = next(line for line in text.splitlines() if line.startswith("cluster_id:"))
    other = foreign.folder / "other.yaml"
    other.write_text(text.replace(line, "cluster_id: AAAAAAAAAAAAAAAAAAAAAA"))
    (cluster,) = foreign.run("plan", str(other), code=3)["clusters"]
    assert cluster["changes"] == []
    assert all("another cluster answers" in each["reason"] for each in cluster["unknown"])
