"""Our rules about several properties against Kafka's own code: what we refuse it refuses, what we
let pass at the bound it takes, and the defaults that we count with are its own."""

from __future__ import annotations

import html
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from provisioner.errors import ProvisionError
from provisioner.run.acceptance import refusal
from provisioner.spec import properties, rules
from provisioner.spec.load import load
from tests.real.kafka_processes import installed

NODES = {
    "3.9.1": {
        "broker.id": "1", "zookeeper.connect": "localhost:2181",
        "listeners": "PLAINTEXT://localhost:9092",
    },
    "4.3.1": {
        "process.roles": "broker,controller", "node.id": "1",
        "controller.quorum.voters": "1@localhost:9093", "controller.listener.names": "CONTROLLER",
        "listeners": "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093",
    },
}  # fmt: skip
SPECS = {
    "3.9.1": """cluster: c
kafka: {version: "3.9.1"}
zookeeper: [{id: 1, host: localhost}]
""",
    "4.3.1": """cluster: c
kafka: {version: "4.3.1"}
controllers: [{id: 1, host: localhost, port: 9093}]
""",
}
BROKER = "brokers: [{id: 1, host: localhost, listeners: [PLAINTEXT://:9092], log_dirs: [d]}]\n"
BOTH = [
    {"log.roll.ms": "0"},
    {"log.roll.jitter.ms": "-1"},
    {"log.retention.ms": "0"},
    {"log.retention.minutes": "0", "log.retention.hours": "5"},
    {"log.cleaner.dedupe.buffer.size": "2097152", "log.cleaner.threads": "2"},
    {"replica.fetch.wait.max.ms": "30001"},
    {"replica.lag.time.max.ms": "499"},
    {"queued.max.request.bytes": "104857599"},
    {"connections.max.idle.ms": "100"},
    {"max.connections.per.ip": "0"},
    {"group.consumer.session.timeout.ms": "44999"},
    {"group.consumer.min.heartbeat.interval.ms": "15001"},
]
REFUSED = [
    *[("4.3.1", config) for config in BOTH],
    *[("3.9.1", config) for config in BOTH[::3]],
    ("3.9.1", {"reserved.broker.max.id": "0"}),
    ("4.3.1", {"group.share.heartbeat.interval.ms": "15001"}),
    ("4.3.1", {"group.share.delivery.count.limit": "1"}),
    ("4.3.1", {"group.streams.num.standby.replicas": "3"}),
    ("4.3.1", {
        "group.streams.heartbeat.interval.ms": "45000",
        "group.streams.max.heartbeat.interval.ms": "45000",
    }),
]  # fmt: skip
TAKEN = {
    "log.roll.ms": "1", "log.retention.ms": "-5", "log.retention.hours": "0",
    "log.cleaner.dedupe.buffer.size": "2097154", "log.cleaner.threads": "2",
    "replica.fetch.wait.max.ms": "30000", "queued.max.request.bytes": "104857600",
    "connections.max.idle.ms": "101", "max.connections.per.ip": "0",
    "max.connections.per.ip.overrides": "127.0.0.1:1",
    "group.consumer.session.timeout.ms": "60000", "group.consumer.heartbeat.interval.ms": "15000",
}  # fmt: skip


def kafka(folder: Path, version: str, config: dict[str, str]) -> str:
    """Kafka's own words against it, or nothing."""
    folder.mkdir(exist_ok=True)
    file = folder / "node.properties"
    values = {**NODES[version], "log.dirs": str(folder / "d"), **config}
    file.write_text("".join(f"{key}={value}\n" for key, value in values.items()))
    words = ["kafka.tools.StorageTool", "info", "-c", str(file)]
    return refusal(java(version, *words))


def java(version: str, *words: str) -> str:
    at = installed(version)
    jars = ":".join(map(str, at.jars))
    quick = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]
    command = [str(at.java), *quick, "-cp", jars, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr + done.stdout


def ours(folder: Path, version: str, config: dict[str, str]) -> list[str]:
    """What we say against it."""
    folder.mkdir(exist_ok=True)
    lines = "".join(f"    {key}: {value!r}\n" for key, value in config.items())
    spec = folder / "spec.yaml"
    spec.write_text(f"{SPECS[version]}{BROKER}defaults:\n  config:\n{lines}")
    try:
        load(spec)
    except ProvisionError as error:
        return [problem.message for problem in error.problems]
    return []


def test_what_we_refuse_kafka_refuses(tmp_path: Path) -> None:
    def both(number: int) -> tuple[list[str], str]:
        version, config = REFUSED[number]
        folder = tmp_path / str(number)
        return ours(folder, version, config), kafka(folder, version, config)

    for version in NODES:
        installed(version)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(both, range(len(REFUSED))))
    for case, (mine, its) in zip(REFUSED, answers, strict=True):
        assert mine, f"we take {case}"
        assert its, f"Kafka takes {case}, we say {mine}"


@pytest.mark.parametrize("version", NODES)
def test_what_reaches_a_bound_both_take(tmp_path: Path, version: str) -> None:
    assert ours(tmp_path, version, TAKEN) == []
    assert kafka(tmp_path, version, TAKEN) == ""


@pytest.mark.parametrize("version", NODES)
def test_the_defaults_that_we_count_with_are_kafkas(version: str) -> None:
    said: dict[str, str] = {}
    for part in java(version, "kafka.server.KafkaConfig").split("<h4>"):
        name = re.search(r'<a id="([^"]+)"', part)
        default = re.search(r"<th>Default:</th><td>(.*?)</td>", part)
        if name and default:
            said[name[1]] = html.unescape(default[1]).split(" ")[0]
    table = properties.table(version).broker
    counted = 0
    for order in rules.ORDERS:
        if order.low in table and order.high in table:
            for key, value in (
                (order.low, order.low_default), (order.high, order.high_default),
            ):  # fmt: skip
                counted += 1
                assert int(said[key]) == value, key
    assert counted > 20
