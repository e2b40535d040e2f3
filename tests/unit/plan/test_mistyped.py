"""No mistyped file deletes anything: spec files that somebody's editor broke, in a seeded order,
planned on a cluster that has what the file named, and much besides."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from provisioner.errors import ProvisionError
from provisioner.kinds.registry import KINDS
from provisioner.plan import pipeline
from provisioner.plan.model import Id, Plan, State
from provisioner.plan.rules import Rules, Seen
from provisioner.site.observe import told
from provisioner.spec.load import load
from provisioner.spec.types import Spec
from tests.unit.plan.model_cluster import SPECS, ModelCluster, spec_of

FILES = 300
STRANGERS = [
    *(f"team-{team}.{number}" for team in "abc" for number in range(6)),
    "_schemas",
    "prod",
]
TOPICS = """\
  team-a.0: {partitions: 2, replication: 1}
  team-a.1: {partitions: 2, replication: 1, config: {retention.ms: 3600000}}
  team-a.2: absent
policy:
  unmanaged_topics: delete
  unmanaged_config: delete
  protect: ["prod*"]
"""


@cache
def text() -> str:
    """The lab's file with topics that go, and with the policies that remove what is not named."""
    lines = (SPECS / "lab.yaml").read_text().splitlines(keepends=True)
    lines = [line for line in lines if not line.startswith("policy:")]
    place = next(n for n, line in enumerate(lines) if line.startswith("quotas:"))
    return "".join([*lines[:place], TOPICS, *lines[place:]])


def broken(text: str, chance: random.Random) -> str:
    for _ in range(chance.choice((1, 1, 2, 3))):
        text = chance.choice(MISTAKES)(text, chance)
    return text


def a_line_is_lost(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    del lines[chance.randrange(len(lines))]
    return "".join(lines)


def lines_are_lost(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    first = chance.randrange(len(lines))
    return "".join([*lines[:first], *lines[first + chance.randrange(1, 6) :]])


def the_end_is_lost(text: str, chance: random.Random) -> str:
    return text[: chance.randrange(len(text) // 2, len(text))]


def a_character_is_another(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    return text[:place] + chance.choice("abz019:,-{}[]#'\" *.\n") + text[place + 1 :]


def a_character_is_lost(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    return text[:place] + text[place + 1 :]


def two_are_swapped(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text) - 1)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def a_line_moves(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    line = lines.pop(chance.randrange(len(lines)))
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(("", "  ")) + line)
    return "".join(lines)


def a_topic_is_another(text: str, chance: random.Random) -> str:
    old = chance.choice(("purchases", "atu", "team-a.0", "team-a.1", "team-a.2"))
    return text.replace(old, chance.choice(("purchase", '"*"', "prod", "_schemas", "team-b.3")))


def a_value_becomes_absent(text: str, chance: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    topics = [n for n, line in enumerate(lines) if "replication:" in line]
    if topics:
        place = chance.choice(topics)
        lines[place] = lines[place].partition(":")[0] + ": absent\n"
    return "".join(lines)


def a_number_is_another(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    digits = [n for n, letter in enumerate(text) if letter.isdigit() and n >= place]
    return text[: digits[0]] + str(chance.randrange(10)) + text[digits[0] + 1 :] if digits else text


MISTAKES: tuple[Callable[[str, random.Random], str], ...] = (
    a_line_is_lost,
    lines_are_lost,
    the_end_is_lost,
    a_character_is_another,
    a_character_is_lost,
    two_are_swapped,
    a_line_moves,
    a_topic_is_another,
    a_value_becomes_absent,
    a_number_is_another,
)


@pytest.fixture(scope="module")
def cluster() -> ModelCluster:
    made = ModelCluster.made("lab")
    for name in STRANGERS:
        made.topic(name, 2, 1, {"retention.ms": "7200000"})
        made.records(name, [7_000_000, 6_000_000, 1])
    return made


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> list[Spec]:
    """Those of the files that are specs all the same; the rest deletes nothing anyhow."""
    chance, folder = random.Random(10), tmp_path_factory.mktemp("mistyped")
    found = []
    for number in range(FILES):
        file = Path(folder) / f"{number}.yaml"
        file.write_text(broken(text(), chance))
        try:
            found.append(load(file, env={"HOME": "/nonexistent"}))
        except ProvisionError:
            continue
    return found


def planned(cluster: ModelCluster, spec: Spec, *words: str) -> Plan:
    """Of what is the cluster's; hosts have their own tests."""
    spec = replace(spec.bind(dict.fromkeys(spec.hosts, "/home/kafka")), fresh_cluster_id="id")
    cluster.spec = spec
    try:
        view = cluster.view()
    finally:
        cluster.spec = spec_of("lab")
    wanted: dict[Id, State] = {}
    for kind in KINDS.values():
        wanted.update(kind.of_cluster(spec))
    rules = Rules(KINDS, dict.fromkeys(words, frozenset()))
    return pipeline.plan(spec, wanted, told(spec, Seen({}, view)), rules)


def lost(plan: Plan) -> list[str]:
    return [
        change.id.name
        for change in plan.changes
        if change.action == "delete" or (change.loss and change.loss.share != 0)
    ]


def test_no_file_deletes_anything_without_the_word(
    cluster: ModelCluster, specs: list[Spec]
) -> None:
    plans = [planned(cluster, spec) for spec in specs]
    assert [name for plan in plans for name in lost(plan)] == []
    refused = [item for plan in plans for item in plan.refused if item.allow == "delete-topic"]
    assert len(specs) > FILES / 4  # many a mistake is none
    assert len(refused) > len(specs)  # and would have deleted


def test_with_the_word_alone_no_file_deletes_more_than_a_share(
    cluster: ModelCluster, specs: list[Spec]
) -> None:
    for spec in specs:
        plan = planned(cluster, spec, "delete-topic")
        assert len(lost(plan)) <= max(3, 0.3 * len(cluster.topics))
        assert not {"_schemas", "prod", "__consumer_offsets"} & set(lost(plan))
