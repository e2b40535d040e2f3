"""What a run that did not go well leaves in the journal, on this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.hosts.local import LocalConnection
from provisioner.hosts.observer import Shell
from provisioner.kafka.port import KafkaRefused
from provisioner.plan.model import Change, Event, Id, State, Wave
from provisioner.run.executor import Executor
from provisioner.run.journal import Journal
from provisioner.run.lock import Lock
from provisioner.run.session import Session
from provisioner.run.waits import NoProgress, WaitInterrupted
from provisioner.site.site import Site
from provisioner.spec.types import Policy

RESTART = Change(Id("h", "service", "broker-1"), "restart", {}, {}, ())
TOPIC = Id("", "topic", "atu")
CREATE = Change(TOPIC, "create", None, {"partitions": 1}, ("partitions",))


class Refusing:
    """A cluster that creates no topic."""

    def send_all(self, requests: Sequence[Any]) -> list[KafkaRefused]:
        return [KafkaRefused("TOPIC_ALREADY_EXISTS", "the name is taken") for _ in requests]


def runner(folder: Path, gate: Any) -> Executor:
    lock = Lock("me", print)
    (folder / "lock.token").write_text(lock.token + "\n")
    site = SimpleNamespace(
        spec=SimpleNamespace(policy=Policy(), is_kraft=True),
        shells={"h": Shell(LocalConnection("h"))},
        places={"h": SimpleNamespace(state=str(folder), state_user="")},
        note=lambda values: None,
        cluster=Refusing,
        side_by_side=lambda work, hosts: {host: work(host) for host in hosts},
    )
    events: list[Event] = []
    args = {"partitions": 1, "replication": 1, "config": {}}
    desired = {TOPIC: State({"partitions": 1, "replication": 1}, args=args)}
    run = Session(cast(Site, site), lock, Journal("r1", "apply", "d"), events.append)
    run.writes = lambda reader, pause: cast(Any, reader)
    run.may_stop = gate
    return Executor(run, desired, {})


def journal(folder: Path) -> list[tuple[str, list[str], str]]:
    """(outcome, changes, note) of each line."""
    file = folder / "journal.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    entries = [json.loads(line) for line in lines]
    return [(e["outcome"], e["changes"], e.get("note", "")) for e in entries]


def test_a_gate_that_gives_up(tmp_path: Path) -> None:
    def gate(wave: Wave, others: object, most: int) -> None:
        raise NoProgress("broker-1 cannot be stopped safely: atu-0 is behind", RESTART)

    results = runner(tmp_path, gate).carry_out([Wave(3, (RESTART,), "may-stop")])
    assert [change for change, _ in results.failed] == [RESTART]
    why = "broker-1 cannot be stopped safely: atu-0 is behind"
    assert journal(tmp_path) == [("failed", ["restart h/service/broker-1"], why)]


def test_a_gate_that_a_signal_ended_did_not_fail(tmp_path: Path) -> None:
    def gate(wave: Wave, others: object, most: int) -> None:
        raise WaitInterrupted("interrupted", RESTART)

    results = runner(tmp_path, gate).carry_out([Wave(3, (RESTART,), "may-stop")])
    assert results.not_started == [RESTART]
    assert journal(tmp_path) == []


def test_a_change_that_kafka_refuses(tmp_path: Path) -> None:
    results = runner(tmp_path, lambda wave: None).carry_out([Wave(1, (CREATE,))])
    why = "TOPIC_ALREADY_EXISTS: the name is taken"
    assert [message for _, message in results.failed] == [why]
    (intent, failed) = journal(tmp_path)
    assert intent == ("intent", ["create topic/atu"], "")
    assert failed == ("failed", ["create topic/atu"], why)


@pytest.mark.parametrize("why", ["one line", "one line\n    and the log of the broker"])
def test_the_note_is_one_line(tmp_path: Path, why: str) -> None:
    runner(tmp_path, lambda wave: None).session.records.failed("h", 1, (RESTART,), why)
    assert journal(tmp_path)[0][2] == "one line"


def test_thousands_of_changes_are_in_the_journal(tmp_path: Path) -> None:
    """A line is one argument of a command, which Linux lets have 128 KiB."""
    changes = [
        Change(Id("", "topic", f"team-{number:04}.{'orders' * 8}"), "create", None, {})
        for number in range(4000)
    ]
    noted = {str(changes[0].id): {str(number): [1, 2, 3] for number in range(10_000)}}
    run = runner(tmp_path, lambda wave: None).session
    run.records.write("intent", "h", 1, changes, noted=noted)
    written = [name for _, names, _ in journal(tmp_path) for name in names]
    assert written == [f"create {change.id}" for change in changes]
    lines = (tmp_path / "journal.jsonl").read_text().splitlines()
    known: dict[str, Any] = {}
    for line in lines:
        known |= json.loads(line).get("noted", {}).get(str(changes[0].id), {})
    assert len(known) == 10_000
