"""Warnings about topics, each with the place in the file and with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.errors import Notice, ProvisionError
from provisioner.spec.load import load

SPEC = """\
cluster: c
kafka: {{version: "3.9.1"}}
zookeeper: [{{id: 1, host: localhost}}]
defaults: {{config: {{{config}}}}}
brokers:
  - {{id: 0, host: localhost, listeners: ["PLAINTEXT://localhost:9092"], log_dirs: [a]{racks[0]}}}
  - {{id: 1, host: localhost, listeners: ["PLAINTEXT://localhost:9093"], log_dirs: [b]{racks[1]}}}
  - {{id: 2, host: localhost, listeners: ["PLAINTEXT://localhost:9094"], log_dirs: [d]{racks[2]}}}
topics:
  {topics}
"""


def told(
    folder: Path, topics: str, *, config: str = "", racks: tuple[str, ...] = ("",) * 3
) -> list[Notice]:
    path = folder / "spec.yaml"
    path.write_text(SPEC.format(topics=topics, config=config, racks=racks))
    return list(load(path, env={}).warnings)


RACKS = (", rack: a", ", rack: b", ", rack: a")
CASES = {
    "one copy": ("t: {partitions: 3, replication: 1}", {}, "one copy", "replication: 3", 35),
    "all replicas must be in sync": (
        "t: {partitions: 3, replication: 3, config: {min.insync.replicas: 3}}",
        {},
        "writes with acks=all fail",
        "min.insync.replicas: 2",
        68,
    ),
    "the brokers' minimum is all of them": (
        "t: {partitions: 3, replication: 2}",
        {"config": "min.insync.replicas: 2"},
        "needs all of them in sync:",
        "min.insync.replicas: 1",
        35,
    ),
    "the brokers' minimum is above": (
        "t: {partitions: 3, replication: 2}",
        {"config": "min.insync.replicas: 3"},
        "which Kafka takes as 2",
        "min.insync.replicas: 1",
        35,
    ),
    "more replicas than racks": (
        "t: {partitions: 3, replication: 3}",
        {"racks": RACKS},
        "on 2 racks",
        "replication: 2",
        35,
    ),
    "more partitions than brokers carry": (
        "t: {partitions: 5000, replication: 3}",
        {},
        "15,000 partition replicas on 3 brokers are more than 4,000 a broker",
        "write fewer partitions",
        19,
    ),
    "unclean election": (
        "t: {partitions: 3, replication: 3, config: {unclean.leader.election.enable: true}}",
        {},
        "acknowledged records are gone",
        "write false",
        79,
    ),
}


@pytest.mark.parametrize(
    ("topics", "more", "happens", "instead", "column"), CASES.values(), ids=CASES
)
def test_one_sentence_with_its_place(
    tmp_path: Path, topics: str, more: dict[str, str], happens: str, instead: str, column: int
) -> None:
    (notice,) = told(tmp_path, topics, **more)  # type: ignore[arg-type]
    assert happens in notice.message
    assert instead in notice.message
    assert "\n" not in notice.message
    assert (notice.file, notice.line, notice.column) == (str(tmp_path / "spec.yaml"), 10, column)


@pytest.mark.parametrize(
    ("topics", "more"),
    [
        ("t: {partitions: 3, replication: 3, config: {min.insync.replicas: 2}}", {}),
        ("t: {partitions: 4000, replication: 3}", {}),
        ("t: {partitions: 3, replication: 2}", {"racks": RACKS}),
        ("t: {partitions: 3, replication: 3}", {"racks": (", rack: a",) * 3}),
        ("t: {partitions: 3, replication: 3}", {"config": "unclean.leader.election.enable: false"}),
    ],
)
def test_what_is_well_is_not_warned_of(tmp_path: Path, topics: str, more: dict[str, str]) -> None:
    assert told(tmp_path, topics, **more) == []  # type: ignore[arg-type]


def test_unclean_election_for_all(tmp_path: Path) -> None:
    (notice,) = told(
        tmp_path,
        "t: {partitions: 3, replication: 3}",
        config="unclean.leader.election.enable: true",
    )
    assert "true for every topic:" in notice.message
    assert (notice.line, notice.column) == (4, 53)


def test_hundreds_are_counted(tmp_path: Path) -> None:
    topics = "\n  ".join(f"t{n}: {{partitions: 1, replication: 1}}" for n in range(400))
    notices = told(tmp_path, topics)
    assert len(notices) == 21
    assert notices[-1] == Notice("and 380 more: 380 with one copy of each partition")


def test_a_minimum_above_the_replicas_stays_an_error(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError):
        told(tmp_path, "t: {partitions: 1, replication: 2, config: {min.insync.replicas: 3}}")
