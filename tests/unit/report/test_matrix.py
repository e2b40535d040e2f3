"""Brokers and topics as they are shown, from the values of ``status --json``."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.report import matrix
from provisioner.report.text import Text

PLAIN, COLOUR = Text(False), Text(True)


def partition(
    leader: int | None,
    replicas: list[int],
    isr: list[int] | None = None,
    offline: list[int] | None = None,
    id: int = 0,
) -> dict[str, Any]:
    isr = replicas if isr is None else isr
    return {
        "id": id, "leader": leader, "replicas": replicas, "isr": isr, "offline": offline or []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("found", "cells"),
    [
        (partition(1, [1, 2, 0]), "sLs"),
        (partition(0, [0]), "L··"),
        (partition(2, [1, 2, 0], [2, 0], [1]), "sxL"),
        (partition(2, [1, 2, 0], [2, 0]), "sbL"),
        (partition(None, [1], [1], [1]), "·x·"),
        (partition(None, [1, 2], [], [1, 2]), "·xx"),
        (partition(None, [1, 2], [1], [1]), "·xb"),
    ],
)
def test_cells(found: dict[str, Any], cells: str) -> None:
    assert "".join(matrix.cell(found, broker) for broker in (0, 1, 2)) == cells


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (partition(1, [1, 2]), ""),
        (partition(2, [1, 2]), "preferred leader is 1"),
        (partition(2, [1, 2], [2]), "preferred leader is 1; out of sync: 1"),
        (partition(1, [1, 2, 0], [1]), "out of sync: 2,0"),
        (partition(None, [1], [1], [1]), "no leader: cannot be read or written"),
    ],
)
def test_remarks(found: dict[str, Any], words: str) -> None:
    assert matrix.remark(found) == words


def test_topics_are_aligned_over_all_and_followed_by_the_legend() -> None:
    found = [
        {"name": "atu", "partitions": [partition(0, [0])]},
        {
            "name": "purchases",
            "partitions": [partition(2, [1, 2, 0], [2, 0], [1]), partition(0, [0, 1, 2], id=1)],
        },
    ]
    lines = matrix.topics(PLAIN, found, [0, 1, 2]).split("\n")
    assert lines[:6] == [
        "  partition  broker 0  broker 1  broker 2  leader  replicas  in sync",
        "atu: 1 partition, 1 replica each",
        "  0          L         ·         ·         0       0         0",
        "purchases: 2 partitions, 3 replicas each",
        "  0          s         x         L         2       1,2,0     2,0"
        "      preferred leader is 1; out of sync: 1",
        "  1          L         s         s         0       0,1,2     0,1,2",
    ]
    assert "\n".join(lines[7:]) == matrix.LEGEND


def test_no_topics_is_said() -> None:
    assert matrix.topics(PLAIN, [], [0]) == "no topics"


def test_a_partition_with_an_offline_copy_is_red_and_a_whole_one_plain() -> None:
    bad, good = partition(2, [1, 2], [2], [1]), partition(2, [2, 1], id=1)
    shown = matrix.topics(COLOUR, [{"name": "t", "partitions": [bad, good]}], [1, 2])
    lines = shown.split("\n")
    assert "\x1b[31m" in lines[2]
    assert "\x1b" not in lines[3]


def test_a_topic_whose_name_has_a_control_character() -> None:
    assert "\x1b" not in matrix.title({"name": "a\x1b[31mb", "partitions": []})


def broker(**more: Any) -> dict[str, Any]:
    return {
        "id": 1, "host": "vm", "up": True, "running": True, "controller": False, "leads": 1,
        "follows": 2, "in_sync": 3, "behind": 0, "rack": None,
        "log_dirs": [{"path": "/k/logs-1", "bytes": 1234}], **more,
    }  # fmt: skip


def test_a_broker_in_one_line() -> None:
    head, line = matrix.brokers(PLAIN, [broker()]).split("\n")
    assert head.split() == [
        "broker",
        "host",
        "state",
        "leads",
        "follows",
        "in",
        "sync",
        "behind",
        "rack",
        "disk",
    ]
    assert line.split() == ["1", "vm", "up", "1", "2", "3", "0", "-", "/k/logs-1", "1.2", "kB"]


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"controller": True}, "up, controller"),
        ({"up": False, "running": False}, "down"),
        ({"up": False, "running": True}, "process runs, not in the cluster"),
        ({"up": False, "running": None}, "down"),
        ({"up": None, "running": None}, "?"),
    ],
)
def test_states_of_a_broker(values: dict[str, Any], state: str) -> None:
    line = matrix.brokers(PLAIN, [broker(**values)]).split("\n")[1]
    assert f"vm    {state}  " in line


def test_what_is_not_known_is_a_question_mark_never_a_zero() -> None:
    unknown = dict.fromkeys(("leads", "follows", "in_sync", "behind"))
    log_dirs = [{"path": "/k", "bytes": None}]
    shown = matrix.brokers(PLAIN, [broker(up=False, running=False, log_dirs=log_dirs, **unknown)])
    assert shown.split("\n")[1].split() == ["1", "vm", "down", "?", "?", "?", "?", "-", "/k", "?"]


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (12_345_678, "12.3 MB"),
        (5 * 10**15, "5000.0 TB"),
        (None, "?"),
    ],
)
def test_sizes(count: int | None, words: str) -> None:
    assert matrix.size(count) == words


def test_controllers_and_zookeeper() -> None:
    found = [
        {"id": 0, "host": "vm", "up": True, "leader": True, "lag": 0},
        {"id": 1, "host": "vm", "up": True, "leader": False, "lag": 0},
        {"id": 2, "host": "vm", "up": True, "leader": False, "lag": 1200},
        {"id": 3, "host": "vm", "up": False, "leader": None, "lag": None},
    ]
    assert matrix.controllers(PLAIN, found).split("\n") == [
        "  controller 0 on vm: up, leads the quorum",
        "  controller 1 on vm: up, caught up",
        "  controller 2 on vm: up, 1,200 records behind",
        "  controller 3 on vm: down, lag unknown",
    ]
    keepers = [{"id": 1, "host": "vm", "up": None}]
    assert matrix.zookeeper(PLAIN, keepers) == "  zookeeper 1 on vm: unknown"
