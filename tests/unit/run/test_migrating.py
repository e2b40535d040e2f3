"""What hosts and ZooKeeper tell of a migration."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.hosts.observer import Shell
from provisioner.hosts.shell import constant
from provisioner.kinds.file.unit import coming
from provisioner.kinds.ids import service_id
from provisioner.kinds.phases import (
    ENTERS,
    MOVES,
    copied,
    later,
    leftover,
    malformed,
    next_epoch,
    told,
)
from provisioner.kinds.service.migration import judged
from provisioner.plan.model import Present, State
from provisioner.site.migrating import asked, former_nodes, named
from provisioner.site.site import _gather_facts
from provisioner.spec.types import Level, Role, Spec
from tests.unit.hosts.scripted import ScriptedTransport
from tests.unit.plan.model_cluster import spec_of

DUAL = spec_of("migrated")
PLAIN = replace(DUAL, migration="", nodes=tuple(n for n in DUAL.nodes if not n.is_controller))
KRAFT = replace(DUAL, migration="", nodes=tuple(n for n in DUAL.nodes if n not in DUAL.zookeeper))
CONTROLLER = """=controller-100 controller-100
|process.roles=controller
|node.id=100
|listeners=CONTROLLER://0.0.0.0:9192
|log.dirs=/srv/kafka/controller-100
|controller.quorum.voters=100@10.0.0.4:9192,101@10.0.0.5:9192
|zookeeper.metadata.migration.enable=true
|zookeeper.connect=localhost:2181
"""
SERVER = """=zookeeper-1 zookeeper
|dataDir=/srv/kafka/zookeeper
|clientPort=2181
"""
BROKER = "=broker-0 server\n"
EVERY = CONTROLLER + SERVER + BROKER


def test_a_controller_is_left_where_the_spec_has_zookeeper_alone() -> None:
    (node,) = former_nodes(PLAIN, "localhost", EVERY)
    assert (node.name, node.role) == ("controller-100", Role.CONTROLLER)
    assert node.properties == "/srv/kafka/config/controller-100.properties"
    assert [d.path for d in node.log_dirs] == ["/srv/kafka/controller-100"]
    assert str(node.controller_listener) == "CONTROLLER://0.0.0.0:9192"
    assert str(node.advertised_controller) == "CONTROLLER://10.0.0.4:9192"


def test_one_that_takes_part_in_no_migration_is_none_of_it() -> None:
    text = CONTROLLER.replace("migration.enable=true", "migration.enable=false")
    assert list(former_nodes(PLAIN, "localhost", text)) == []


def test_a_server_is_left_where_the_spec_has_no_zookeeper() -> None:
    (node,) = former_nodes(KRAFT, "localhost", EVERY)
    assert (node.name, node.client_port) == ("zookeeper-1", 2181)


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("", "server-0"),
        (EVERY, "server"),
        ("=broker-1 server\n", "server-0"),
        ("=broker-0 server\n=broker-0 server-0\n", "server-0"),
    ],
)
def test_a_broker_keeps_the_file_that_it_was_started_with(text: str, file: str) -> None:
    node = replace(KRAFT.brokers[0], properties="/srv/kafka/config/server-0.properties")
    assert node.name == "broker-0"
    assert named(node, text).properties == f"/srv/kafka/config/{file}.properties"


def test_on_the_way_nothing_is_left_over() -> None:
    assert list(former_nodes(DUAL, "localhost", EVERY)) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=controller-x c\n|process.roles=controller\n",
        "=controller-100 ../../etc/passwd\n|node.id=100\n",
        "=zookeeper-1 zookeeper\n|clientPort=nine\n",
        "=zookeeper-1 zookeeper\n|clientPort=1\n|dataDir=/a/../b\n",
    ],
)
def test_what_a_host_says_otherwise_is_left_out(text: str) -> None:
    for spec in (PLAIN, KRAFT):
        assert list(former_nodes(spec, "localhost", text)) == []


KRAFTS = '{"version":2,"brokerid":100,"timestamp":"1","kraftControllerEpoch":3}'
ZOOKEEPERS = '{"version":2,"brokerid":0,"timestamp":"1","kraftControllerEpoch":-1}'
BEGUN = '{"version":0,"kraft_metadata_offset":-1,"kraft_controller_id":100}'
DONE = '{"version":0,"kraft_metadata_offset":441,"kraft_controller_id":100}'


@pytest.mark.parametrize(
    ("controller", "migration", "ready", "whole", "left"),
    [
        (None, None, False, False, []),
        (ZOOKEEPERS, None, False, False, []),
        (ZOOKEEPERS, BEGUN, True, False, ["/migration"]),
        (KRAFTS, BEGUN, True, False, ["/controller", "/migration"]),
        (KRAFTS, DONE, True, True, ["/controller", "/migration"]),
        (ZOOKEEPERS, DONE, True, False, ["/migration"]),
        (KRAFTS, "", False, False, ["/controller", "/migration"]),
        ("[]", "7", False, False, ["/migration"]),
    ],
)
def test_how_far_kafka_is(
    controller: str | None, migration: str | None, ready: bool, whole: bool, left: list[str]
) -> None:
    found = {"/controller": controller, "/migration": migration}
    seen = {name: each.fields["done"] for name, each in told(found).items() if _is(each)}
    assert seen == {"controllers": ready, "metadata": whole}
    known = {name: text for name, text in found.items() if text is not None}
    assert copied(known) is whole
    assert leftover(known) == left
    assert malformed(known) is (migration is not None and not ready)


def _is(each: object) -> bool:
    return isinstance(each, Present)


@pytest.mark.parametrize(
    ("controller", "own", "wanted"),
    [
        (None, "9", None),
        (ZOOKEEPERS, "9", None),
        (KRAFTS, "9", 1009),
        (KRAFTS.replace("3}", "66}"), "9", 1066),
        (KRAFTS, None, 1003),
        (KRAFTS, "x", 1003),
    ],
)
def test_who_takes_charge_again_is_ahead_of_what_the_controllers_wrote(
    controller: str | None, own: str | None, wanted: int | None
) -> None:
    found = {"/controller": controller, "/controller_epoch": own}
    assert next_epoch({name: text for name, text in found.items() if text is not None}) == wanted


# --- what a host is asked -------------------------------------------------------------------------

WHO = "login=root\nuid=0\nuser=kafka\ngroup=g\nhome=/h\nexists={}\narch=x86_64\nsystem=Linux\n"


def gathered(spec: Spec, *answers: tuple[int, int, str]) -> tuple[str, int]:
    """``Facts.former``, and how often the host was asked."""
    transport = ScriptedTransport(answers=list(answers))
    facts = _gather_facts(spec, Shell(transport))  # type: ignore[arg-type]
    return facts.former, len(transport.commands)


def test_what_a_migration_leaves_behind_is_asked_with_the_facts() -> None:
    there = WHO.format("true")
    assert gathered(PLAIN, (0, 0, there), (1, 0, EVERY)) == (EVERY, 1)
    assert gathered(PLAIN, (0, 0, there), (1, 77, "cannot act as kafka")) == ("", 1)
    assert gathered(PLAIN, (0, 0, WHO.format("false")), (1, 0, EVERY)) == ("", 1)
    newer = replace(KRAFT, version="4.3.1")
    assert gathered(newer, (0, 0, there)) == ("", 1)
    assert asked(newer, "kafka") == []
    (reading,) = asked(PLAIN, "kafka")
    assert (reading.args, reading.user) == (("/srv/kafka",), "kafka")


@pytest.mark.parametrize("word", ["{home}/kafka", "~/kafka"])
def test_the_launch_files_below_the_home_tell_it(tmp_path: Path, word: str) -> None:
    launch, config = tmp_path / "kafka/.provision/launch", tmp_path / "kafka/config"
    launch.mkdir(parents=True)
    config.mkdir()
    for base, node in (("controller-100", "controller-100"), ("server", "broker-0")):
        (launch / f"{base}.conf").write_text(f"node={node}\n")
        (config / f"{base}.properties").write_text("a=1\nb=2\n")
    done = subprocess.run(
        ["sh", "-c", constant("former.sh", "provisioner.site"), "sh", word.format(home=tmp_path)],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "=controller-100 controller-100\n|a=1\n|b=2\n=broker-0 server\n"


# --- what is stopped ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seen", "args", "wanted"),
    [
        ({"running": True, "enabled": True}, {}, ("stop", ("running",))),
        ({"running": False, "enabled": True}, {}, ("update", ("enabled",))),
        ({"running": False, "enabled": False}, {}, None),
        ({"running": False}, {}, None),
        ({"running": False, "enabled": True}, {"deletes": ("/migration",)}, ("stop", ("running",))),
        ({"running": False, "enabled": True}, {"waits": "once it may"}, ("stop", None)),
    ],
)
def test_stopped_is_what_does_not_run_and_does_not_start_at_boot(
    seen: dict[str, object], args: dict[str, object], wanted: object
) -> None:
    """A run may be killed between the two."""
    (server,) = DUAL.zookeeper
    state = State({"running": False}, args={"former": server, "waits": "", "deletes": (), **args})
    found = judged(service_id(server), state, Present(seen))
    told_of = None if found is None else (found.action, getattr(found, "fields", None))
    assert told_of == wanted


def test_what_is_said_of_a_unit_is_only_what_will_be_written() -> None:
    """In KRaft mode it no longer waits for ZooKeeper; on the way there it is the same."""
    (broker, *_) = DUAL.brokers
    steps = {level: coming(replace(DUAL, level=level), broker) for level in Level}
    assert steps == {Level.CONTROLLERS: (MOVES,), Level.HYBRID: (MOVES,), Level.DUAL_WRITE: ()}
    hybrid = replace(DUAL, migration="hybrid", level=Level.CONTROLLERS)
    assert coming(hybrid, broker) == ()
    assert later(hybrid, broker) == (ENTERS,)
    back = replace(PLAIN, former=DUAL.controllers, level=Level.HYBRID)
    assert coming(back, broker) == ()
