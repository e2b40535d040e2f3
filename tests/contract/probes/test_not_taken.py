"""Steps on a real machine that end well and do not take: a failure with field and both values."""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.hosts.actor import PUT
from provisioner.hosts.local import LocalConnection
from provisioner.hosts.observer import Observer, Shell
from provisioner.kinds.kind import Probe, script
from provisioner.plan.model import Change, Event, Id, Observation, State, Wave
from provisioner.run import steps
from provisioner.run.executor import Executor
from provisioner.run.journal import Journal
from provisioner.run.lock import Lock
from provisioner.run.results import Results
from provisioner.run.session import Session
from provisioner.site import look as looking
from provisioner.site.site import Options, Site
from tests.unit.plan.model_cluster import spec_of


class Machine:
    """This machine with files of a test's own, as the executor sees a host."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.lock = Lock("me", print)
        (folder / "lock.token").write_text(self.lock.token + "\n")
        known = pwd.getpwuid(os.getuid())
        self.owner = f"{known.pw_name}:{folder.group()}"
        self.shell = Shell(LocalConnection("h"))
        self.events: list[Event] = []
        site = SimpleNamespace(
            shells={"h": self.shell},
            places={"h": SimpleNamespace(state=str(folder), state_user="")},
            observer=lambda host: Observer(self.shell),
            options=Options(),
            spec=spec_of("lab"),
            lost=set(),
            side_by_side=lambda work, hosts: {host: work(host) for host in hosts},
        )
        self.site = cast(Site, site)

    def probes(self, host: str) -> Sequence[Probe]:
        paths = tuple(str(self.folder / name) for name in ("a.properties", "b.properties"))
        ids = tuple(Id("h", "file", path) for path in paths)
        return [Probe(script("provisioner.kinds.file", "probe.sh"), ids, paths, 1, "")]

    def look(self, host: str, ids: Sequence[Id]) -> dict[Id, Observation]:
        probes = [p.only(ids) for p in self.probes(host)]
        frames = Observer(self.shell).read([looking.reading(p) for p in probes])
        return looking.together(probes, frames)

    def state(self, **config: str) -> State:
        fields = {"type": "file", "mode": "0640", "owner": self.owner, **config}
        return State(fields, closed=True, args={"format": "properties", "user": ""})

    def run(self, desired: dict[Id, State], *later: Change) -> Results:
        """Makes these files, as a plan from nothing would, and then what comes later."""
        made = [
            Change(id, "create", None, dict(state.fields), tuple(state.fields))
            for id, state in desired.items()
        ]
        waves = [Wave(1, tuple(made)), *(Wave(n, (c,)) for n, c in enumerate(later, 2))]
        run = Session(self.site, self.lock, Journal("r1", "apply", "d"), self.events.append)
        executor = Executor(run, desired, self.look("h", list(desired)))
        executor.look = self.look  # type: ignore[method-assign]
        executor.probes = self.probes  # type: ignore[method-assign]
        return executor.carry_out(waves)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def put(monkeypatch: pytest.MonkeyPatch, mischief: str) -> None:
    """``Put`` ends well, and then somebody does this to the file, whose path is ``$1``."""
    monkeypatch.setattr(steps, "PUT", f"{PUT}\n{mischief}\n")


CASES = [
    ('chmod 0600 -- "$1"', "mode is '0600', not '0640'"),
    ("printf 'a=2\\n' >\"$1\"", "a is '2', not '1'"),
    ("printf 'a=1\\nb=9\\n' >\"$1\"", "b is '9', should not be set"),
    ('rm -f -- "$1"', "it does not exist"),
]


@pytest.mark.parametrize(("mischief", "words"), CASES)
def test_a_file_that_did_not_take_failed_and_no_process_is_started(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, mischief: str, words: str
) -> None:
    put(monkeypatch, f"case $1 in */a.properties) {mischief} ;; esac")
    bad, good = (Id("h", "file", str(machine.folder / n)) for n in ("a.properties", "b.properties"))
    start = Change(Id("h", "service", "broker-1"), "start", {}, {"running": True}, ("running",))
    results = machine.run({bad: machine.state(a="1"), good: machine.state(c="3")}, start)
    assert [(c.id, why) for c, why in results.failed] == [
        (bad, f"the change did not take effect: {words}")
    ]
    assert [c.id for c in results.applied] == [good]
    assert results.not_started == [start]
    journal = (machine.folder / "journal.jsonl").read_text().splitlines()
    assert '"failed"' in journal[-1]
    assert words.replace('"', "") in journal[-1]
    assert [event.kind for event in machine.events if event.change and event.change.id == bad] == [
        "failed"
    ]


def test_what_takes_is_applied(machine: Machine) -> None:
    ids = [Id("h", "file", str(machine.folder / name)) for name in ("a.properties", "b.properties")]
    wanted: dict[Id, Any] = {id: machine.state(a="1") for id in ids}
    results = machine.run(wanted)
    assert not results.failed
    assert [c.id for c in results.applied] == ids


def test_no_value_of_a_secret_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, "printf 'ssl.key.password=hunter2\\n' >\"$1\"")
    id = Id("h", "file", str(machine.folder / "a.properties"))
    results = machine.run({id: machine.state(**{"ssl.key.password": "hunter1"})})
    ((_, why),) = results.failed
    assert why == "the change did not take effect: ssl.key.password differs"
    assert "hunter" not in (machine.folder / "journal.jsonl").read_text()
