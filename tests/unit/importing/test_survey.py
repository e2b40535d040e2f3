"""What the survey of a host printed, and the node that it is: see ``surveys/``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from provisioner.importing.found import FoundNode
from provisioner.importing.hosts import differences
from provisioner.importing.survey import Storage, addresses, found_node, surveyed, troubles
from provisioner.kinds import properties
from provisioner.spec.types import Role

HERE = Path(__file__).parent
END = "=\nhostname=vm\nlogin=root\nuid=0\n"


def cases() -> Iterator[Any]:
    for path in sorted((HERE / "surveys").glob("*.yaml")):
        for case in YAML(typ="safe", pure=True).load(path.read_text()):
            yield pytest.param(case, id=case["name"])


@pytest.mark.parametrize("case", cases())
def test_cases(case: dict[str, Any]) -> None:
    (process,), machine = surveyed(case["output"] + END)
    assert (machine.hostname, machine.root) == ("vm", True)
    values = properties.parse(case["properties"])
    assert list(troubles(process, values)) == case.get("troubles", [])
    if "node" not in case:
        return
    storages = {path: Storage(*words) for path, words in case.get("storages", {}).items()}
    node = found_node("h", process, values, storages, case.get("myid", 1))
    for name, wanted in case["node"].items():
        found = getattr(node, name)
        plain = sorted(found) if isinstance(found, frozenset) else found
        plain = list(plain) if isinstance(plain, tuple) else plain
        assert plain == wanted, name


@pytest.mark.parametrize("text", ["", "=\npid=1\n", "nonsense"])
def test_a_survey_that_did_not_end_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="did not come to its end"):
        surveyed(text)


def node(role: Role, id: int, host: str, **more: Any) -> FoundNode:
    return FoundNode(role, id, host, **more)


def test_a_host_is_called_as_its_peers_call_it() -> None:
    nodes = [
        node(Role.CONTROLLER, 1, "one"),
        node(Role.BROKER, 2, "two", listeners=("PLAINTEXT://kafka2:9092",)),
        node(Role.BROKER, 3, "three", listeners=("PLAINTEXT://:9092",)),
    ]
    voters = {"controller.quorum.voters": "1@10.0.0.1:9093"}
    values = {"controller-1": voters, "broker-2": voters, "broker-3": voters}
    assert addresses(nodes, values) == {"one": "10.0.0.1", "two": "kafka2"}


def test_what_a_spec_has_one_word_for() -> None:
    nodes = [
        node(Role.BROKER, 1, "a", home="/opt/kafka", version="3.9.1"),
        node(Role.BROKER, 2, "b", home="/srv/kafka", version="3.9.1"),
    ]
    (said,) = differences(nodes)
    assert "/opt/kafka, /srv/kafka" in said
