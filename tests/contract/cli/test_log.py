"""``provision log``: this machine's journal, and hosts that do not answer."""

from __future__ import annotations

from pathlib import Path

from provisioner.plan.model import Change, Id
from provisioner.run.journal import NOW, Journal
from tests.contract.cli.conftest import Provision

START = Change(Id("localhost", "service", "broker-0"), "start", None, {})


def journal(folder: Path) -> Path:
    path = folder / "kafka-one" / ".provision" / "journal.jsonl"
    path.parent.mkdir(parents=True)
    first, second = Journal("aaaa", "apply", "d" * 64), Journal("bbbb", "restart", "d" * 64)
    lines = [
        first.line("intent", 1, [START]),
        first.line("done", 1, [START]),
        second.line("intent", 2, [START]),
    ]
    # The host puts the time in when it writes the line.
    text = "\n".join(lines).replace(NOW, "2026-11-22T16:00:00.000+00:00")
    path.write_text(text + "\n")
    return path


def test_nothing_was_done_yet(provision: Provision, spec: Path) -> None:
    ran = provision("log", spec.name)
    assert (ran.code, ran.out, ran.err) == (0, "the journal is empty\n", "")


def test_the_log_as_a_table(provision: Provision, spec: Path) -> None:
    journal(spec.parent)
    ran = provision("log", spec.name)
    assert ran.code == 0
    head, done, open_ = ran.out.splitlines()
    assert head.split()[0] == "TIME"
    assert done.split()[3:] == ["apply", "1", "localhost", "done", "start", "broker-0"]
    assert open_.split()[3:] == ["restart", "2", "localhost", "not", "ended", "start", "broker-0"]


def test_the_log_as_json(provision: Provision, spec: Path) -> None:
    journal(spec.parent)
    document = provision("log", spec.name, "--json").document
    (cluster,) = document["clusters"]
    assert (document["exit_code"], cluster["complete"]) == (0, True)
    assert [(e["run"], e["seq"], e["outcome"]) for e in cluster["log"]] == [
        ("aaaa", 1, "intent"),
        ("aaaa", 2, "done"),
        ("bbbb", 1, "intent"),
    ]


def test_a_line_that_was_cut_is_said_and_passed_over(provision: Provision, spec: Path) -> None:
    path = journal(spec.parent)
    path.write_text(path.read_text() + '{"run": "cccc", "seq\n')
    ran = provision("log", spec.name)
    assert ran.code == 0
    assert "is broken" in ran.err
    assert len(ran.out.splitlines()) == 3


def test_a_host_that_does_not_answer(provision: Provision, spec: Path) -> None:
    """Nobody listens on the reserved port 1 of this machine."""
    inventory = spec.parent / "hosts.yaml"
    inventory.write_text(
        "all: {hosts: {localhost: {ansible_host: 127.0.0.1, ansible_port: 1,"
        " ansible_connection: ssh}}}\n"
    )
    for verb in ("log", "lock"):
        ran = provision(verb, spec.name, "-i", inventory.name, "--json")
        assert ran.code == ran.document["exit_code"] == 3, ran.out
        (cluster,) = ran.document["clusters"]
        assert cluster["complete"] is False
        assert [item["host"] for item in cluster["unknown"]] == ["localhost"]
