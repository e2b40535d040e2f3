"""What verbs make of hosts' words: one host's nonsense is that host's, the others are told of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from provisioner.errors import ProvisionError
from provisioner.hosts.observer import Shell
from provisioner.hosts.transport import Connection, Result, Stream, TransportError
from provisioner.kinds.layout import Facts
from provisioner.plan.model import Unknown
from provisioner.run import locks
from provisioner.run.lock import Lock, LockFile
from provisioner.site import journals
from provisioner.site.look import look
from provisioner.site.preflight import preflight
from provisioner.site.site import Options, Site, open_site
from provisioner.verbs.shared.failures import problems_of
from tests.unit.plan.model_cluster import ModelCluster, spec_of

Says = Callable[[str], bytes]


class Machine:
    """Answers the first part of every script with ``said``; the others with nothing."""

    def __init__(self, name: str, said: str, status: int = 0):
        self.name, self.login, self.notes = name, "", ()
        self.said, self.status = said.encode(), status

    def execute(self, command: str, stdin: Any = b"", **_: Any) -> Result:
        found = re.search(rb"^MARK=(\S+)$", stdin, re.M)
        assert found
        frame = b"\n%s 0 %d %d\n%s" % (found.group(1), self.status, len(self.said), self.said)
        return Result(frame, b"", 0)

    def stream(self, command: str, stdin: bytes = b"") -> Stream:
        found = re.search(rb"^echo 'lock ([0-9a-f]+)'$", stdin, re.M)
        assert found
        return cast(Stream, Lines(b"lock " + found.group(1) + b"\n" + self.said))

    def close(self) -> None:
        """Nothing is open."""


class Lines:
    def __init__(self, text: bytes):
        self.lines = [line + b"\n" for line in text.split(b"\n")]

    def read_line(self, seconds: float) -> bytes | None:
        return self.lines.pop(0) if self.lines else b""

    def close(self) -> None:
        """Nothing is open."""


def target_of(good: str, bad: str) -> Site:
    """A cluster of two hosts: ``vm1`` speaks sense, ``vm2`` does not."""
    model = ModelCluster(spec_of("three"))
    names = list(model.site.places)[:2]
    site = Site(model.spec, Options())
    site.places = {name: model.site.places[name] for name in names}
    for name, said in zip(names, (good, bad), strict=True):
        site.shells[name] = Shell(cast(Connection, Machine(name, said)))
    return site


@pytest.mark.parametrize("bad", ["", "x\n", "\u00b2\n", "1.5\n", "9" * 5000 + "\n"])
def test_log(bad: str) -> None:
    line = json.dumps({"run": "a", "seq": 1, "time": "2026", "changes": []})
    site = target_of(f"1\n{line}\n", bad)
    found = journals.gather(site)
    assert [entry["run"] for entry in found.entries] == ["a"]
    assert [unread.id.host for unread in found.unread] == [list(site.shells)[1]]
    assert "cannot be understood" in found.unread[0].reason


@pytest.mark.parametrize(
    "bad", ["pid=\u00b2\nsilent=1", "pid=1\nsilent=--5", "pid=1\nsilent=" + "9" * 5000]
)
def test_lock(bad: str) -> None:
    good = "held=yes\nsilent=1\npid=7\nid=aaaaaaaa\nwho=me\n"
    site = target_of(good, f"held=yes\n{bad}\n")
    found, unread = locks.survey(site)
    assert [(held.pid, held.silent_seconds) for held in found] == [(7, 1)]
    assert "cannot be understood" in unread[0].reason


@pytest.mark.parametrize(
    "said", ["held x me", "held ", "held -- me", "held \u00b2 me", "held " + "9" * 5000]
)
def test_taking_a_lock(said: str) -> None:
    place = LockFile(Shell(cast(Connection, Machine("vm1", said))), "/state", "")
    with pytest.raises(TransportError, match="what vm1 said cannot be understood") as caught:
        Lock("me", lambda text: None).acquire({"vm1": place})
    assert problems_of(caught.value)[0].code == "connection-lost"


def test_a_login_shell_that_never_stops_talking() -> None:
    class Babbling(Lines):
        def read_line(self, seconds: float) -> bytes | None:
            return b"welcome\n"

    class There(Machine):
        def stream(self, command: str, stdin: bytes = b"") -> Stream:
            return cast(Stream, Babbling(b""))

    place = LockFile(Shell(cast(Connection, There("vm1", ""))), "/state", "")
    with pytest.raises(TransportError, match="vm1 said more"):
        Lock("me", lambda text: None).acquire({"vm1": place})


def test_what_a_holder_calls_itself_is_short() -> None:
    place = LockFile(Shell(cast(Connection, Machine("vm1", "held 1 " + "x" * 60_000))), "/s", "")
    with pytest.raises(ProvisionError) as caught:
        Lock("me", lambda text: None).acquire({"vm1": place})
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "bad", ["clock=x", "free=x", "dir=/data", "port=9092", "memory=1.5", "dir=a\tb\tyes"]
)
def test_preflight(bad: str) -> None:
    site = target_of("", bad + "\n")
    site.facts = dict.fromkeys(
        site.places, Facts("root", 0, "root", "root", "/", True, "x86_64", "")
    )
    found = preflight(site)
    hosts = {problem.host for problem in found.problems if "understood" in problem.message}
    assert hosts <= {list(site.shells)[1]}


def test_looking() -> None:
    site = target_of("", "=\n" + "\n".join(["pid=x", "mode=\x00", "a", "|b"]) + "\n")
    for host in site.shells:
        assert all(isinstance(o, Unknown) or o for o in look(site, host).values())


@pytest.mark.parametrize("said", ["", "uid=x\n", "login=root\nuid=-1\n", "\x00\xff" * 100])
def test_opening(said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """A host whose first words make no sense is not reached; the others are."""
    good = (
        "login=root\nuid=0\nuser=root\nexists=true\ngroup=root\nhome=/root\narch=x86_64\n"
        "system=Linux\nboot=a\n"
    )
    spec = spec_of("three")
    names = sorted({node.host for node in spec.nodes})

    def connect(host: Any, options: Any) -> Any:
        return Machine(host.name, said if host.name == names[-1] else good)

    monkeypatch.setattr("provisioner.site.site.connect_host", connect)
    monkeypatch.setattr("provisioner.site.site.place", lambda *_: None)
    site = open_site(replace(spec, user=None), Options(become=True), tmp_path)
    assert sorted(site.shells) == names[:-1]
    assert list(site.unreachable) == names[-1:]
    assert site.unreachable[names[-1]].code == "connection-lost"
