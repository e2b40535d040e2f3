"""Warnings of what is open to others without a login: said once, and never of a lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import ProvisionError
from provisioner.kinds.file.settings import launch, properties
from provisioner.spec.load import load
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import places_of

LAB = """cluster: lab
kafka: {version: "3.9.1"}
defaults: {heap: 1g}
zookeeper: [{id: 1, host: localhostZOOKEEPER}]
brokers:
  - {id: 0, host: localhost, listeners: ["PLAINTEXT://HOST:9092"], log_dirs: [a]MORE}
  - {id: 1, host: localhost, listeners: ["PLAINTEXT://HOST:9093"], log_dirs: [b]}
"""


def lab(folder: Path, host: str = "localhost", more: str = "", zookeeper: str = "") -> Spec:
    path = folder / "spec.yaml"
    text = LAB.replace("HOST", host).replace("MORE", more).replace("ZOOKEEPER", zookeeper)
    path.write_text(text)
    return load(path, env={})


def told(spec: Spec) -> list[str]:
    return [str(warning) for warning in spec.warnings]


def test_a_lab_has_none_and_its_zookeeper_listens_on_loopback(tmp_path: Path) -> None:
    spec = lab(tmp_path)
    assert told(spec) == []
    assert properties(spec, spec.zookeeper[0])["clientPortAddress"] == "localhost"


def test_listeners_on_all_interfaces_are_told_once(tmp_path: Path) -> None:
    (words,) = told(lab(tmp_path, host=""))
    assert words.startswith(f"{tmp_path}/spec.yaml:6:42: PLAINTEXT://:9092 is open on all")


def test_what_the_spec_says_of_zookeepers_address_wins(tmp_path: Path) -> None:
    spec = lab(tmp_path, zookeeper=", config: {clientPortAddress: 0.0.0.0}")
    assert properties(spec, spec.zookeeper[0])["clientPortAddress"] == "0.0.0.0"
    (words,) = told(spec)
    assert "ZooKeeper's port 2181 is open on all interfaces" in words


def test_jmx_is_for_this_machine(tmp_path: Path) -> None:
    spec = lab(tmp_path, more=", jmx_port: 9999")
    assert told(spec) == []
    made = launch(spec, places_of(spec, "localhost"), spec.node("broker-0"))
    assert (made["jmx.port"], made["jmx.address"]) == ("9999", "127.0.0.1")


def test_jmx_for_others_is_a_warning(tmp_path: Path) -> None:
    spec = lab(tmp_path, more=", jmx_port: 9999, jmx_address: 10.0.0.7")
    (words,) = told(spec)
    assert "can run code as Kafka's user" in words
    made = launch(spec, places_of(spec, "localhost"), spec.node("broker-0"))
    assert made["jmx.address"] == "10.0.0.7"


@pytest.mark.parametrize("more", [", jmx_address: 10.0.0.7", ", jmx_port: 1, jmx_address: 0.0.0.0"])
def test_jmx_addresses_that_cannot_be(tmp_path: Path, more: str) -> None:
    with pytest.raises(ProvisionError) as raised:
        lab(tmp_path, more=more)
    assert len(raised.value.problems) == 1
