"""One host, three logins: without sudo, with a password for it, and with a wrong one."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.hosts.options import DEPLOY, OPS, User
from tests.real_hosts.clusters import (
    Place,
    bounced,
    lab,
    leftovers,
    on,
    one_node,
    processes,
    tree,
    unit,
    without_python,
)

HOME = "/home/plain user"
PLAIN = User("plain", 1002, home=HOME)
KAFKA = f"{HOME}/.local/share/provision/lab"


class Owners:
    """Every owner and mode that the files below some folders ever had, looked at all the while."""

    def __init__(self, *folders: Path):
        self._folders, self._ended = folders, threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: dict[str, set[tuple[int, int]]] = {}

    def __enter__(self) -> Owners:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.002):
            for folder in self._folders:
                self._walk(folder)

    def _walk(self, folder: Path) -> None:
        try:
            entries = list(os.scandir(folder))
        except OSError:
            return
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            mode = found.st_mode & 0o7777
            if not stat.S_ISLNK(found.st_mode):
                self.seen.setdefault(entry.path, set()).add((found.st_uid, mode))
            if stat.S_ISDIR(found.st_mode) and entry.name != "dist":
                self._walk(Path(entry.path))


@pytest.fixture(scope="module")
def host(module_machines: MachineFactory) -> Machine:
    (machine,) = module_machines(users=(DEPLOY, OPS, PLAIN))
    without_python(machine)
    return machine


@pytest.fixture(scope="module")
def place(host: Machine, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The lab of the sheet for a login that has nothing but its own home."""
    place = Place(tmp_path_factory.mktemp("plain"), [host], user="plain")
    place.write(lab(host.name))
    return place


def test_the_sheet_in_the_home_of_a_login_without_sudo(place: Place, host: Machine) -> None:
    before = tree(host, HOME, "/tmp", "/var/tmp")
    with Owners(host.root / HOME[1:]) as owners:
        done = place.json("apply")
    assert done.code == 0, str(done)
    assert tree(host, HOME, "/tmp", "/var/tmp") == before

    running = processes(host)
    assert len(running) == 4
    assert {java.uid for found in running.values() for java in found} == {PLAIN.uid}
    seen = {
        path.removeprefix(str(host.root)): {m for uid, m in found if uid == PLAIN.uid}
        for path, found in owners.seen.items()
        if path.startswith(f"{host.root}{KAFKA}")
    }
    assert {uid for found in owners.seen.values() for uid, _ in found} == {PLAIN.uid}
    assert seen[f"{KAFKA}/config/server.properties"] == {0o640}
    assert seen[f"{KAFKA}/.provision/key"] == {0o400}
    assert not [path for path, modes in seen.items() if any(mode & 0o022 for mode in modes)]


def test_in_sync_from_outside_though_brokers_advertise_localhost(
    place: Place, host: Machine
) -> None:
    before = processes(host)
    place.ok("apply")
    assert processes(host) == before
    assert place.json("drift").cluster["in_sync"] is True
    place.ok("verify", "--round-trip")
    assert {b["id"] for b in place.json("status").cluster["brokers"] if b["up"]} == {0, 1, 2}
    assert leftovers(host) == []
    drill = place.json("drill", "--node", "broker-1")
    assert drill.code == 0, str(drill)
    assert drill.cluster["drill"]["healed"] is True
    assert drill.cluster["drill"]["lost"] == 0


def test_a_killed_broker_alone_is_started_again(place: Place, host: Machine) -> None:
    before = processes(host)
    (java,) = before["server-2.properties"]
    on(host, "kill -9 $1", str(java.pid))
    drift = place.json("drift")
    assert drift.code == 2, str(drift)
    assert drift.changes["service broker-2"]["action"] == "start"
    done = place.json("apply")
    assert done.code == 0, str(done)
    assert [c["name"] for c in done.cluster["applied"]] == ["broker-2"]
    assert bounced(before, processes(host)) == {"server-2.properties"}


def test_after_a_power_cut_it_is_down_until_the_next_apply(place: Place, host: Machine) -> None:
    """Nothing starts it at boot: that takes root."""
    host.power_cycle()
    assert processes(host) == {}
    drift = place.json("drift")
    assert drift.code == 2, str(drift)
    assert {c["action"] for c in drift.cluster["changes"]} == {"start"}
    place.ok("apply")
    assert len(processes(host)) == 4
    assert place.run("drift").code == 0


def test_systemd_is_refused_to_a_login_without_sudo(
    place: Place, host: Machine, tmp_path: Path
) -> None:
    before = tree(host, KAFKA, "/tmp")
    other = Place(tmp_path, [host], user="plain")
    other.write(one_node(host.name, more="  supervisor: systemd\n"))
    for verb in ("apply", "drift"):
        refused = other.json(verb)
        assert refused.code == 1, str(refused)
        assert refused.document["errors"][0]["code"] == "sudo-refused"
    assert tree(host, KAFKA, "/tmp") == before


def test_destroy_leaves_the_home_as_it_was(place: Place, host: Machine) -> None:
    done = place.run("destroy", "--confirm", "lab", "--allow", "wipe-log-dir")
    assert done.code == 0, str(done)
    assert processes(host) == {}
    # ~/.local, share and provision were made for it, and were not there before.
    assert on(host, 'ls -d "$1"/.local 2>/dev/null; true', HOME) == ""


def test_sudo_with_a_password(host: Machine, tmp_path: Path) -> None:
    secret = OPS.password or ""
    text = one_node(host.name, more="  supervisor: systemd\n")
    before = tree(host)
    for wrong in ({}, {"PROVISION_BECOME_PASSWORD": "not this one"}):
        place = Place(tmp_path, [host], user="ops", environment=wrong)
        place.write(text)
        refused = place.json("apply")
        assert refused.code == 1, str(refused)
        assert refused.document["errors"][0]["code"] == "sudo-refused"
        assert "not this one" not in str(refused)
    assert tree(host) == before
    tried = on(host, "journalctl --no-pager -t sudo | grep -c 'password attempt'").strip()
    assert tried == "1", "more attempts may lock an account"
    assert "1 incorrect password attempt " in on(host, "journalctl --no-pager -t sudo")

    place = Place(tmp_path, [host], user="ops", environment={"PROVISION_BECOME_PASSWORD": secret})
    done = place.json("apply")
    assert done.code == 0, str(done)
    assert secret not in str(done)
    assert unit(host, "kafka-one-broker-1.service")["UnitFileState"] == "enabled"
    assert on(host, 'journalctl --no-pager | grep -F "$1"; true', secret) == ""
    assert on(host, 'grep -r -F -l "$1" /opt /var/lib/provision /etc/systemd; true', secret) == ""
    assert place.json("drift").cluster["in_sync"] is True

    # Where sudo asks for none, it is not given to the shell either.
    environment = {"PROVISION_BECOME_PASSWORD": 'touch /tmp/"ran it"'}
    unasked = Place(tmp_path, [host], environment=environment)
    unasked.write(text)
    seen = unasked.json("drift")
    assert seen.code == 0, str(seen)
    assert on(host, "ls /tmp/ran* 2>/dev/null; true") == ""
    assert place.run("destroy", "--confirm", "one", "--allow", "wipe-log-dir").code == 0
