"""However long a value is, what is said of it is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import LONG, Notice, Problem, ProvisionError, cut, shortened
from provisioner.spec.load import load

SPEC = {
    "cluster": "a",
    "inventory": "inventory.yaml",
    "kafka": {"version": "3.9.1", "home": "/srv/k", "user": "kafka", "source": "maven"},
    "defaults": {"heap": "512m", "config": {"num.io.threads": 4}, "env": {"A": "b"}},
    "hosts": {"h": {"address": "h"}},
    "zookeeper": [{"id": 1, "host": "h", "client_port": 2181, "data_dir": "z"}],
    "brokers": [
        {"id": 0, "host": "h", "listeners": ["PLAINTEXT://h:9092"], "log_dirs": ["d"], "rack": "r"}
    ],
    "topics": {
        "t": {"partitions": 1, "replication": 1, "config": {"retention.ms": 1}},
        "u": {"profile": "p", "placement": {"0": [0]}},
    },
    "topic_profiles": {"p": {"partitions": 1, "replication": 1, "config": {"retention.ms": 1}}},
    "topic_files": ["topics/*.yaml"],
    "topics_scope": ["t", "u*"],
    "policy": {"unmanaged_topics": "report", "protect": ["p*"]},
}
INVENTORY = {
    "all": {
        "hosts": {
            "h": {
                "ansible_host": "h",
                "ansible_port": 22,
                "ansible_user": "u",
                "ansible_connection": "ssh",
                "ansible_ssh_private_key_file": "~/k",
                "ansible_ssh_common_args": "-o ProxyJump=b",
                "ansible_become": True,
                "ansible_become_method": "sudo",
                "ansible_become_user": "root",
                "kafka_address": "h",
            }
        },
        "vars": {"ansible_group_priority": 1},
        "children": {"g": {"hosts": {"h": None}}},
    }
}
VALUES = {
    "a word": "x" * 12_000,
    "words": "x y " * 3_000,
    "quotes": "'x" * 6_000,
}


def places(item: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], bool]]:
    """Every value, and every key (True), of a document."""
    if isinstance(item, dict):
        for key, value in item.items():
            yield (*at, key), True
            yield from places(value, (*at, key))
    elif isinstance(item, list):
        for number, value in enumerate(item):
            yield from places(value, (*at, number))
    else:
        yield at, False


def put(item: Any, at: tuple[Any, ...], key: bool, value: str) -> Any:
    copy = json.loads(json.dumps(item))
    inner = copy
    for part in at[:-1]:
        inner = inner[part]
    if key:
        inner[value] = inner.pop(at[-1])
    else:
        inner[at[-1]] = value
    return copy


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("file", ["spec", "inventory"])
def test_no_message_carries_a_long_value(file: str, value: str, tmp_path: Path) -> None:
    said = 0
    for at, key in places(SPEC if file == "spec" else INVENTORY):
        spec = put(SPEC, at, key, value) if file == "spec" else SPEC
        inventory = INVENTORY if file == "spec" else put(INVENTORY, at, key, value)
        (tmp_path / "spec.yaml").write_text(json.dumps(spec))
        (tmp_path / "inventory.yaml").write_text(json.dumps(inventory))
        for problem in found(tmp_path / "spec.yaml"):
            said += 1
            assert len(problem.message) <= LONG + 50, (at, problem.message[:300])
            assert len(getattr(problem, "hint", "")) <= LONG + 50
            assert len(str(problem)) <= 3 * LONG
    assert said


def found(path: Path) -> list[Problem | Notice]:
    try:
        return list(load(path, env={"HOME": "/home/me"}).warnings)
    except ProvisionError as error:
        return [*error.problems, *error.warnings]


def test_a_value_is_cut_and_its_length_said() -> None:
    assert cut("x" * 80) == "x" * 80
    assert cut("x" * 1200) == "x" * 80 + "… (1,200 characters)"


def test_a_message_is_shortened_at_the_value_and_keeps_its_end() -> None:
    message = f"'{'x ' * 900}' is not a port (host h)"
    assert shortened(message) == f"'{'x ' * 40}… (1,800 characters)' is not a port (host h)"
    usual = "the host's own is " + "fine " * 60 + "isn't it"
    assert shortened(usual) == usual
