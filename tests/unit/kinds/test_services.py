"""What a service is started and bounced with, and why a start failed, in words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

import provisioner
from provisioner.kinds.file import unit
from provisioner.kinds.file.settings import properties
from provisioner.kinds.service.causes import cause
from provisioner.kinds.service.kind import KIND
from provisioner.kinds.service.static import plain
from provisioner.plan.model import Await, Change, Id, Run
from tests.unit.plan.model_cluster import ModelCluster, spec_of


def chain(action: str, name: str) -> list[tuple[str, tuple[str, ...]]]:
    planned = ModelCluster(spec_of("lab")).planned()
    id = Id("localhost", "service", name)
    found = []
    for step in KIND.steps(Change(id, action, None, None), planned.wanted[id]):  # type: ignore[arg-type]
        match step:
            case Run():
                found.append((step.function, step.args))
            case Await():
                found.append(("await", (str(step.id),)))
    return found


def test_a_broker_is_waited_for_twice_and_then_recorded() -> None:
    assert chain("start", "broker-1") == [
        (
            "service/start",
            (
                "/srv/kafka",
                "kafka-server-start.sh",
                "/srv/kafka/config/server-1.properties",
                "/srv/kafka/logs/broker-1/kafkaServer.out",
            ),
        ),
        ("await", ("localhost/service/broker-1",)),
        ("await", ("broker/1",)),
        ("storage/record", ("/srv/kafka/.provision/manifest", "broker", "/srv/kafka/logs-1")),
    ]


def test_a_bounce_stops_first() -> None:
    names = [name for name, _ in chain("restart", "broker-1")]
    stopped = ["service/terminate", "service/stop"]  # told first: several of a host go together
    assert names == [*stopped, "service/start", "await", "await", "storage/record"]


def test_zookeeper_registers_nowhere() -> None:
    found = chain("start", "zookeeper-1")
    assert found[0][1][1] == "zookeeper-server-start.sh"
    assert [name for name, _ in found] == ["service/start", "await", "storage/record"]


def test_a_stop_is_only_a_stop() -> None:
    assert [name for name, _ in chain("stop", "broker-1")] == [
        "service/terminate",
        "service/stop",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Invalid cluster.id in: /d/meta.properties. Expected AAA, but read BBB",
            "its log dir /d/meta.properties belongs to cluster BBB, but ZooKeeper to AAA",
        ),
        ("No readable meta.properties files found.", "its log dirs are not formatted"),
        (
            "org.apache.kafka.common.KafkaException: Failed to acquire lock on file .lock in /d",
            "another process holds the lock file .lock",
        ),
        ("java.net.BindException: Address already in use", "its port is taken"),
        ("Error: java.io.IOException: No space left on device", "the disk is full"),
        ("Unrecognized VM option 'UseFoo'", "this Java does not know the option UseFoo"),
        ("provision-launch: no jars in /d/libs: run it", "no jars in /d/libs: run it"),
        (
            "java.io.IOException: Malformed line in checkpoint file "
            "[/my home/d/recovery-point-offset-checkpoint]: garbage",
            "its checkpoint file /my home/d/recovery-point-offset-checkpoint cannot be read",
        ),
        (
            "java.io.IOException: No snapshot found, but there are log entries. Something is "
            "broken!",
            "its snapshots (version-2/snapshot.*) are missing from its data dir",
        ),
        ("ConfigException: Invalid value x for y", "invalid property: Invalid value x"),
    ],
)
def test_causes(text: str, words: str) -> None:
    assert cause("INFO one\n" + text + "\nINFO two").startswith(words)


def test_no_cause_is_invented() -> None:
    assert cause("INFO all is well\n") == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [(" 4", "4"), ("TRUE", "true"), ("a, b", "a,b"), (True, "true"), (5, "5")],
)
def test_values_as_kafka_writes_them(one: object, other: object) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(("one", "other"), [("4", "5"), ("a,b", "b,a"), (None, ""), ("A", "a")])
def test_values_that_differ(one: object, other: object) -> None:
    assert plain(one) != plain(other)


def test_a_unit_starts_only_where_its_disk_is_mounted() -> None:
    model = ModelCluster(spec_of("three"))
    texts = {
        node.id: unit.text(model.spec, model.site.places[node.host], node)
        for node in model.spec.brokers
    }
    assert "\nRequiresMountsFor=/data/3\nAssertPathIsMountPoint=/data/3\n\n[Service]\n" in texts[3]
    assert "Mount" not in texts[1]


def test_controllers_of_a_dynamic_quorum_tell_the_address_that_their_peers_know() -> None:
    spec = spec_of("three")
    controller, broker = spec.node("controller-100"), spec.node("broker-1")
    host = spec.hosts[controller.host].kafka_address
    told = properties(spec, controller)["advertised.listeners"]
    assert told == f"CONTROLLER://{host}:9192"
    assert "CONTROLLER" not in properties(spec, broker)["advertised.listeners"]
    static = replace(spec, controller_quorum="static")
    assert "advertised.listeners" not in properties(static, controller)


def test_a_process_that_ends_while_it_is_looked_at_is_no_error() -> None:
    """A shell opens its files from left to right: a later ``2>/dev/null`` does not hide that the
    one before it is gone, and what a probe says would differ from what the plan was made from."""
    scripts = sorted(Path(provisioner.__file__).parent.rglob("*.sh"))
    assert scripts
    wrong = [
        f"{path.name}: {line.strip()}"
        for path in scripts
        for line in path.read_text().splitlines()
        if re.search(r'<"?(/proc/|\$f\b)[^ ]* 2>/dev/null', line)
        and "while" not in line  # a loop's own redirection stands at its end
    ]
    assert wrong == []


@pytest.mark.parametrize("name", ["lab", "kraft", "three", "ensemble"])
def test_only_kafkas_user_is_told_a_path_below_the_home_to_read(name: str) -> None:
    """The other script of services gets names to compare with, and opens none of them."""
    model = ModelCluster(spec_of(name))
    for places in model.site.places.values():
        kept, running = KIND.probe(replace(places, root=True))
        assert kept.user == places.kafka_user
        for word in ("provision-launch.sh", "$key", "$home/"):
            assert word not in running.script
        assert places.digest_key not in running.args
        owned = places.state.startswith(places.home)
        assert (kept.args[2], running.args[2]) == (
            (places.state, "") if owned else ("", places.state)
        )
