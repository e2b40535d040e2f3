"""One spec on each host of a group: a broken host does not disturb the others."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.hosts.options import MIB, SmallDisk
from tests.real_hosts.clusters import PATIENCE, ROOT, Answer, Place, on, one_node, processes

HOME = "/home/deploy/small"
EACH = ("--each", "kafka")


@pytest.fixture(scope="module")
def hosts(module_machines: MachineFactory) -> list[Machine]:
    disk = SmallDisk(HOME, 700 * MIB, "ext4", owner="deploy")
    return [*module_machines(2), *module_machines(1, disk=disk)]


@pytest.fixture(scope="module")
def fleet(hosts: list[Machine], tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("fleet"), hosts)
    text = one_node("vm", more=f"  home: {HOME}/kafka\n")
    place.write(text)
    return place


def codes(answer: Answer) -> dict[str, int]:
    return {c["target"]: c["exit_code"] for c in answer.document["clusters"]}


def rerun(answer: Answer) -> list[str]:
    """The command that the summary names, its words."""
    (line,) = [x for x in answer.text.splitlines() if x.startswith("to rerun the failed ones: ")]
    words = shlex.split(line.removeprefix("to rerun the failed ones: "))
    assert words[0] == "provision"
    return words[1:]


def test_one_has_no_sshd_and_one_no_room(fleet: Place, hosts: list[Machine]) -> None:
    good, silent, full = hosts
    on(silent, "systemctl stop ssh.socket ssh.service 2>/dev/null; true")
    on(full, f"fallocate -l 600M {HOME}/filler")
    done = fleet.run("apply", *EACH)
    assert "1 of 3 clusters match their specs" in done.text
    assert f"{good.name}: ok" in done.text
    assert done.code == 1, done  # 1, of the full disk, beats 3, of the host that is down
    assert len(processes(good)) == 1
    assert processes(full) == {}
    command = rerun(done)
    assert command[-1] == f"{silent.name}:{full.name}"

    # Each on its own: nothing is known of one, nothing was touched on the other.
    again = fleet.json("apply", *EACH)
    assert codes(again) == {good.name: 0, silent.name: 3, full.name: 1}
    assert {(e["host"], e["code"]) for e in again.document["errors"]} >= {(full.name, "disk-full")}

    on(silent, "systemctl start ssh.service")
    on(full, f"rm {HOME}/filler")
    before = processes(good)
    last = subprocess.run(
        [sys.executable, "-m", "provisioner", *command, "--json"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert last.returncode == 0, last.stdout + last.stderr
    clusters = json.loads(last.stdout)["clusters"]
    assert {c["target"] for c in clusters} == {silent.name, full.name}
    assert processes(good) == before
    whole = fleet.json("drift", *EACH)
    assert codes(whole) == {m.name: 0 for m in hosts}
    assert whole.document["in_sync"] is True


def test_one_has_drifted(fleet: Place, hosts: list[Machine]) -> None:
    (java,) = processes(hosts[1])["server-1.properties"]
    on(hosts[1], "kill -9 $1", str(java.pid))
    drift = fleet.json("drift", *EACH)
    assert drift.code == 2, str(drift)
    assert codes(drift) == {hosts[0].name: 0, hosts[1].name: 2, hosts[2].name: 0}
    before = [processes(m) for m in hosts]
    assert fleet.run("apply", *EACH).code == 0
    assert [processes(m) == b for m, b in zip(hosts, before, strict=True)] == [True, False, True]


def test_a_group_that_is_none(fleet: Place, tmp_path: Path) -> None:
    answer = fleet.json("drift", "--each", "no-such-group")
    assert answer.code == 1, str(answer)
    assert answer.document["errors"]
