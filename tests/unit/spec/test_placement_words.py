"""``placement`` of a topic: read and checked; nothing moves replicas yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import ProvisionError
from provisioner.spec.load import load
from provisioner.spec.types import Topic

CLUSTER = """cluster: c
kafka: {version: "4.3.1"}
controllers: [{id: 100, host: localhost, port: 9192}]
brokers:
  - {id: 1, host: localhost, listeners: [PLAINTEXT://localhost:9092], log_dirs: [one]}
  - {id: 2, host: localhost, listeners: [PLAINTEXT://localhost:9093], log_dirs: [two]}
  - {id: 3, host: localhost, listeners: [PLAINTEXT://localhost:9094], log_dirs: [three]}
topic_profiles: {two: {partitions: 2, replication: 2}}
topics:
"""


def topic(folder: Path, text: str) -> Topic:
    (folder / "spec.yaml").write_text(f"{CLUSTER}  t: {text}\n")
    (found,) = load(folder / "spec.yaml", env={}).topics
    return found


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ProvisionError) as raised:
        topic(folder, text)
    assert {(p.line, bool(p.excerpt)) for p in raised.value.problems} == {(10, True)}
    return [f"{p.column} {p.message}" for p in raised.value.problems]


@pytest.mark.parametrize(
    ("text", "partitions", "replication", "placement"),
    [
        ("{placement: {0: [1, 2], 1: [2, 3]}}", 2, 2, ((1, 2), (2, 3))),
        ("{placement: {1: [2, 3], 0: [1, 2]}, profile: two}", 2, 2, ((1, 2), (2, 3))),
        ("{placement: {0: [3]}, partitions: 1, replication: 1, profile: two}", 1, 1, ((3,),)),
        ("{placement: {'0': [3, 1, 2], 1: [1]}}", 2, 3, ((3, 1, 2), (1,))),
    ],
)
def test_partitions_and_replication_follow_from_it(
    text: str,
    partitions: int,
    replication: int,
    placement: tuple[tuple[int, ...], ...],
    tmp_path: Path,
) -> None:
    found = topic(tmp_path, text)
    assert (found.partitions, found.replication) == (partitions, replication)
    assert found.placement == placement


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{placement: {}}", ["18 'placement' is empty"]),
        ("{placement: [[1, 2]]}", ["18 'placement' must be a mapping (KEY: VALUE), not a list"]),
        ("{placement: {0: []}}", ["22 '0' is empty"]),
        ("{placement: {0: 1}}", ["22 '0' must be a list (- …), not 1"]),
        ("{placement: {0: [one]}}", ["23 '0' must be a whole number, not the text 'one'"]),
        ("{placement: {0: [-1]}}", ["23 '0' is -1, and must be at least 0"]),
        ("{placement: {a: [1]}}", ["19 'a' is not the number of a partition"]),
        ("{placement: {1: [1]}}", ["7 the placement of topic t lacks partition 0"]),
        (
            "{placement: {0: [1], 99999: [1]}}",
            ["7 the placement of topic t lacks partition 1"],
        ),
        (
            "{placement: {0: [1, 1], 1: [1, 4]}}",
            [
                "26 partition 0 of topic t is placed on broker 1 twice",
                "37 partition 1 of topic t is placed on broker 4, which is not in the spec",
            ],
        ),
        (
            "{placement: {0: [1, 2], 1: [1]}, profile: two}",
            [
                "33 partition 1 of topic t has 1 replica in its placement, and the topic's "
                "replication is 2"
            ],
        ),
        (
            "{placement: {0: [1]}, partitions: 2}",
            ["7 the placement of topic t has 1 partition, and the topic 2"],
        ),
        (
            "{placement: {0: [1, 2, 3, 4]}}",
            [
                "32 partition 0 of topic t is placed on broker 4, which is not in the spec",
                "6 topic t wants 4 replicas of each partition, there are 3 brokers",
            ],
        ),
    ],
)
def test_what_is_wrong_with_it(text: str, said: list[str], tmp_path: Path) -> None:
    assert sorted(problems(tmp_path, text)) == sorted(said)
