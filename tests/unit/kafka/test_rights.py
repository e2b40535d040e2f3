"""Missing rights in words, and a table that has every request."""

from __future__ import annotations

import ast
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kafka.protocol.admin import DescribeLogDirsResponse

import provisioner
from provisioner.kafka import messages, reading, rights
from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.leaders import ElectPreferredLeaders
from provisioner.kafka.requests.reassignments import Reassign
from provisioner.kafka.requests.request import Ask, Request
from provisioner.kafka.requests.topics import (
    CreatePartitions,
    CreateTopic,
    DeleteTopic,
    NamedTopics,
)
from provisioner.kafka.writer import refusal_of

ROOT = Path(provisioner.__file__).parent
LIBRARYS = {"fetch", "produce"}


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        yield path, ast.parse(path.read_text())


def made() -> set[str]:
    """Every request that the code builds: as a ``Message``, or with the library's class."""
    found = set()
    for path, tree in sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            name = node.func.id
            if name == "Message":
                assert isinstance(node.args[0], ast.Constant), f"{path}: the name is computed"
                found.add(str(node.args[0].value))
            elif path.name == "messages.py" and name.endswith("Request"):
                found.add(name.removesuffix("Request"))
    return found


def test_every_request_is_in_the_table_and_nothing_else() -> None:
    assert len(made()) > 15
    assert made() == set(rights.OPERATIONS)


def test_every_question_and_change_of_a_kind_builds_messages_there() -> None:
    """None comes by another way than the calls that the test above finds."""
    for module in pkgutil.walk_packages(provisioner.__path__, "provisioner."):
        if "__main__" not in module.name:
            import_module(module.name)
    built = {cls.__module__ for base in (Ask, Request) for cls in base.__subclasses__()}
    calling = {
        ".".join(("provisioner", *path.relative_to(ROOT).with_suffix("").parts))
        for path, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id == "Message"
    }
    assert {name for name in built if name.startswith("provisioner.")} <= calling


def test_the_documentation_has_every_right() -> None:
    page = (ROOT.parent / "docs" / "rights.md").read_text()
    for api, needed in rights.OPERATIONS.items():
        for resource, operations in needed.items():
            for operation in operations.split(" and "):
                rows = [line for line in page.splitlines() if line.startswith("| ")]
                assert any(operation in row and resource in row for row in rows), (api, resource)


def test_only_codes_about_rights_are_told_in_its_words() -> None:
    assert rights.needs("CreateTopics", 36, "atu") is None
    assert rights.needs("CreateTopics", 29, "atu") == "needs CREATE on topic atu"
    assert rights.needs("OffsetFetch", 30, "billing") == "needs DESCRIBE on group billing"
    for code, (name, _) in rights.REFUSED.items():
        assert messages.name(code) == name


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (CreateTopic("atu", 1, 1), 29, "needs CREATE on topic atu"),
        (CreatePartitions("atu", 2), 29, "needs ALTER on topic atu"),
        (DeleteTopic("atu"), 29, "needs DELETE and DESCRIBE on topic atu"),
        (AlterTopicConfig("atu"), 29, "needs ALTER_CONFIGS on topic atu"),
        (AlterBrokerConfig(2), 31, "broker 2: needs ALTER_CONFIGS on the cluster"),
        (AlterBrokerConfig(None), 31, "cluster default: needs ALTER_CONFIGS on the cluster"),
        (Reassign("atu"), 31, "replicas of topic atu: needs ALTER on the cluster"),
        (ElectPreferredLeaders(()), 31, "preferred leaders: needs ALTER on the cluster"),
    ],
)
def test_a_refused_change_names_the_thing_and_the_right(
    request_: Request, code: int, words: str
) -> None:
    item = SimpleNamespace(error_code=code, error_message="Cluster authorization failed.")
    refused = refusal_of(request_.what, [item], request_.messages[0], 0.0)
    assert str(refused) == f"{messages.name(code)}: {words}"


def test_log_dirs_that_may_not_be_described_are_not_none() -> None:
    of = DescribeLogDirsResponse
    for answer in (of(version=4, error_code=31, results=[]), of(version=1, results=[])):
        assert reading.no_log_dirs(answer) == (
            "CLUSTER_AUTHORIZATION_FAILED: needs DESCRIBE on the cluster"
        )


def named(*topics: tuple[str, int]) -> Any:
    return SimpleNamespace(topics=[SimpleNamespace(name=n, error_code=c) for n, c in topics])


def test_what_a_topic_that_is_asked_for_by_name_is() -> None:
    ask = NamedTopics(("a", "b", "c", "d"))
    assert ask.read(named(("a", 3), ("b", 29), ("c", 0), ("d", 5))) == {
        "a": "",
        "b": "TOPIC_AUTHORIZATION_FAILED: needs DESCRIBE on topic b",
        "c": "Kafka listed no such topic, and asked for it by name had it",
        "d": "Kafka listed no such topic, and asked for it by name answered with error 5",
    }


def test_asking_for_a_topic_by_name_makes_none() -> None:
    request = messages.admin_request(NamedTopics(("a",)).message)
    assert request.allow_auto_topic_creation is False
    assert [topic.name for topic in request.topics] == ["a"]
