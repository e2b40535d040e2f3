"""Client quotas: set by apply, seen by drift when Kafka's own tool changed them, and put back."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from provisioner.kafka.port import KafkaRefused
from provisioner.kinds.quota.requests import AlterQuota, DescribeQuotas, Entity
from tests.real.lab import Lab, item, lab_of, until
from tests.soak import modes

ALICE = (("user", "alice"),)
CLIENTS_OF_ALICE = (("user", "alice"), ("client-id", None))
ALL_USERS = (("user", None),)
QUOTAS: list[dict[str, Any]] = [
    {"user": "alice", "producer_byte_rate": 1048576, "consumer_byte_rate": 2097152},
    {"client_id": None, "user": "alice", "request_percentage": 12.5},
    {"user": None, "controller_mutation_rate": 10, "producer_byte_rate": 5000000},
    {"client_id": "a,b=<c> %", "consumer_byte_rate": 4096},
]
WANTED = {
    ALICE: {"producer_byte_rate": 1048576, "consumer_byte_rate": 2097152},
    CLIENTS_OF_ALICE: {"request_percentage": 12.5},
    ALL_USERS: {"controller_mutation_rate": 10, "producer_byte_rate": 5000000},
    (("client-id", "a,b=<c> %"),): {"consumer_byte_rate": 4096},
}
NAMES = sorted(
    [
        "user=alice",
        "user=alice,client-id=<default>",
        "user=<default>",
        "client-id=a%2Cb=%3Cc> %25",
    ]
)


@pytest.fixture(
    scope="module", params=modes("4.3.1 kraft", soak=("3.9.1 zookeeper", "3.9.1 kraft"))
)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = lab_of(tmp_path_factory.mktemp("made"), request.param)
    try:
        lab.apply()
        lab.data["quotas"] = QUOTAS
        lab.write()
        yield lab
    finally:
        lab.clean()


@pytest.fixture
def lab(made: Lab) -> Lab:
    if made.run("drift").code != 0:
        made.apply()
    return made


def told(lab: Lab) -> dict[Entity, dict[str, float]]:
    with lab.cluster() as cluster:
        answer: dict[Entity, dict[str, float]] = cluster.view([DescribeQuotas()]).answers[
            DescribeQuotas()
        ]
        return answer


def by_kafkas_own_tool(lab: Lab, words: str) -> None:
    command = [lab.home / "bin/kafka-configs.sh", "--bootstrap-server"]
    command += [f"localhost:{lab.ports[0]}", "--alter", *words.split()]
    environment = os.environ | {"KAFKA_HEAP_OPTS": "-Xmx128m"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_are_set_and_a_second_apply_changes_nothing(made: Lab) -> None:
    changes = made.json("drift", code=2)["changes"]
    assert [(c["action"], c["kind"]) for c in changes] == [("create", "quota")] * len(QUOTAS)
    assert sorted(c["name"] for c in changes) == NAMES
    assert {name for action, kind, name in made.applied()} == set(NAMES)
    until(lambda: told(made) == WANTED)
    assert made.applied() == []
    assert made.json("verify")["in_sync"] is True


@pytest.mark.parametrize(
    ("words", "name", "before", "after"),
    [
        pytest.param(
            "--entity-type users --entity-name alice --add-config producer_byte_rate=77",
            "user=alice",
            {"producer_byte_rate": 77},
            {"producer_byte_rate": 1048576},
            id="a user's",
            marks=pytest.mark.soak,
        ),
        pytest.param(
            "--entity-type users --entity-name alice --entity-type clients --entity-default "
            "--add-config request_percentage=12.25",
            "user=alice,client-id=<default>",
            {"request_percentage": 12.25},
            {"request_percentage": 12.5},
            id="of any client of a user",
        ),
        pytest.param(
            "--entity-type users --entity-default --delete-config controller_mutation_rate",
            "user=<default>",
            {"controller_mutation_rate": None},
            {"controller_mutation_rate": 10},
            id="the default user's",
            marks=pytest.mark.soak,
        ),
    ],
)
def test_what_kafkas_own_tool_changed_is_put_back(
    lab: Lab, words: str, name: str, before: Any, after: Any
) -> None:
    pids = lab.pids_now()
    by_kafkas_own_tool(lab, words)
    until(lambda: told(lab) != WANTED)
    change = item(lab.json("drift", code=2), "changes")
    assert (change["action"], change["kind"], change["name"]) == ("update", "quota", name)
    assert (change["before"], change["after"]) == (before, after)
    assert lab.applied() == [("update", "quota", name)]
    until(lambda: told(lab) == WANTED)  # another broker hears of it a moment later
    assert lab.pids_now() == pids
    assert lab.applied() == []


def test_what_the_spec_does_not_know_is_reported_and_left(lab: Lab) -> None:
    with lab.cluster() as cluster:
        cluster.send(AlterQuota((("client-id", "loader"),), {"request_percentage": 5}))
        cluster.send(AlterQuota(ALICE, {"request_percentage": 5}))
    words = "--entity-type ips --entity-default --add-config connection_creation_rate=500"
    by_kafkas_own_tool(lab, words)
    until(lambda: len(told(lab)) == len(WANTED) + 1 and len(told(lab)[ALICE]) == 3)
    try:
        for verb, code in ((["drift"], 0), (["drift", "--strict"], 2), (["apply"], 0)):
            cluster_ = lab.json(*verb, code=code)
            found = {(u["kind"], u["name"]): u.get("fields") for u in cluster_["unmanaged"]}
            assert found == {
                ("quota", "client-id=loader"): None,
                ("quota", "user=alice"): ["request_percentage"],
            }
            assert not cluster_["changes"]
        with lab.changed(lambda spec: spec.update(policy={"unmanaged_config": "delete"})):
            assert lab.applied() == [("update", "quota", "user=alice")]
        left = {**WANTED, (("client-id", "loader"),): {"request_percentage": 5}}
        until(lambda: told(lab) == left)
    finally:
        with lab.cluster() as cluster:
            cluster.send(AlterQuota((("client-id", "loader"),), remove=["request_percentage"]))
        until(lambda: told(lab) == WANTED)


def test_without_a_word_of_quotas_nobody_looks_at_them(lab: Lab) -> None:
    with lab.changed(lambda spec: spec.pop("quotas")):
        cluster = lab.json("drift")
    assert not cluster["unmanaged"]


@pytest.mark.parametrize(
    "change",
    [AlterQuota(ALICE, {"producer_byte_rates": 1}), AlterQuota(ALICE, {"producer_byte_rate": 0.5})],
)
def test_what_kafka_refuses_is_named(lab: Lab, change: AlterQuota) -> None:
    with lab.cluster() as cluster, pytest.raises(KafkaRefused) as refused:
        cluster.send(change)
    assert refused.value.code == "INVALID_REQUEST"
    assert "quota user=alice" in str(refused.value)
    assert told(lab) == WANTED
