"""The test hosts are what the other tests here take them for."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from socket import create_connection
from typing import Literal

import pytest

from tests.hosts.fixtures import MachineFactory
from tests.hosts.lab import Lab
from tests.hosts.machine import Machine
from tests.hosts.options import MIB, Options, SmallDisk, User


@pytest.fixture(scope="module")
def shared(module_machines: MachineFactory) -> list[Machine]:
    return module_machines(3)


@pytest.fixture
def three(shared: list[Machine]) -> Iterator[list[Machine]]:
    """Three hosts for tests that leave little behind; their network is healed afterwards."""
    yield shared
    for machine in shared:
        machine.heal()


def said(machine: Machine, command: str, user: str = "deploy") -> str:
    """What a command prints that must succeed."""
    done = machine.ssh(command, user=user)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def dial(source: Machine, target: Machine, port: int = 22) -> tuple[str, float]:
    """How a connection between two hosts goes, and after how many seconds."""
    begun = time.monotonic()
    connect = f"exec 3<>/dev/tcp/{target.address}/{port}"
    done = source.ssh(f"LC_ALL=C timeout 5 bash -c {shlex.quote(connect)}")
    answers = {0: "open", 124: "silence"}
    answer = answers.get(done.returncode, done.stderr.strip().rsplit(": ", 1)[-1])
    return answer, time.monotonic() - begun


def eventually(what: Callable[[], bool], seconds: float = 300) -> None:
    """Wait until something is so. Fails after `seconds`."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.1)


# --- three plain hosts ------------------------------------------------------------------------


def test_hosts_are_machines_of_their_own(three: list[Machine]) -> None:
    assert [said(m, "cat /etc/hostname") for m in three] == [m.name for m in three]
    assert [said(m, "cat /etc/machine-id") for m in three] == [m.machine_id for m in three]
    assert len({m.machine_id for m in three}) == 3
    assert len({m.host_key_line().split()[-1] for m in three}) == 3
    keys = {said(m, "ls /etc/ssh/ssh_host_*") for m in three}
    assert keys == {"/etc/ssh/ssh_host_ed25519_key"}  # none that the image gave to all
    assert len({said(m, "cat /proc/sys/kernel/random/boot_id") for m in three}) == 3
    assert all(said(m, "ps -o comm= -p 1") == "systemd" for m in three)


def test_systemd_is_up_and_no_unit_failed(three: list[Machine]) -> None:
    for machine in three:
        assert machine.inside("systemctl", "is-system-running", "--wait").stdout == "running\n"


def test_units_of_one_name_are_each_hosts_own(three: list[Machine]) -> None:
    for machine in three:
        machine.inside("systemd-run", "--unit=twin", "sleep", "600")
    three[0].inside("systemctl", "stop", "twin")
    status = [m.ssh("systemctl is-active twin").stdout.strip() for m in three]
    assert status == ["inactive", "active", "active"]
    for machine in three[1:]:
        assert "sleep 600" in machine.inside("systemd-cgls", "-u", "twin.service").stdout
        machine.inside("systemctl", "stop", "twin")


@pytest.mark.parametrize("user", ["deploy", "ops", "plain", "root"])
def test_every_user_logs_in_with_the_key(three: list[Machine], user: str) -> None:
    assert said(three[0], "id -un", user) == user


@pytest.mark.parametrize(
    ("user", "command", "stdin", "status", "answer"),
    [
        ("deploy", "sudo -n id -u", "", 0, "0"),
        ("ops", "sudo -n id -u", "", 1, "a password is required"),
        ("ops", "sudo -S -p '' id -u", "s3cret\n", 0, "0"),
        ("ops", "sudo -S -p '' id -u", "wrong\n", 1, "incorrect password"),
        ("plain", "sudo -n id -u", "", 1, "a password is required"),
    ],
)
def test_sudo_answers(
    three: list[Machine], user: str, command: str, stdin: str, status: int, answer: str
) -> None:
    done = three[1].ssh(command, user=user, stdin=stdin)
    assert done.returncode == status
    assert answer in done.stdout + done.stderr


def test_hosts_know_one_another_by_name(three: list[Machine]) -> None:
    assert said(three[0], f"getent hosts {three[2].name}").split()[0] == three[2].address
    assert said(three[0], "getent ahostsv4 localhost").split()[0] == "127.0.0.1"
    with create_connection((three[2].name, 22), 2) as connection:  # the tests do, too
        assert connection.recv(4) == b"SSH-"


def test_root_shows_the_running_host_from_outside(three: list[Machine]) -> None:
    said(three[0], "echo seen >~/file")
    assert (three[0].root / "home/deploy/file").read_text() == "seen\n"


def test_a_factory_called_twice_gives_other_hosts(
    three: list[Machine], machines: MachineFactory
) -> None:
    old, new = machines(2), machines(2)
    assert len({m.address for m in three + old + new}) == 7
    said(old[0], f"timeout 60 bash -c 'exec 3<>/dev/tcp/{new[1].name}/22'")


# --- power ------------------------------------------------------------------------------------


def test_power_cycle_keeps_files_under_a_new_boot_id(machines: MachineFactory) -> None:
    (machine,) = machines()
    before = machine.boot_id()
    said(machine, "echo kept >~/file; echo lost >/dev/shm/file")
    machine.power_cycle()
    assert said(machine, "cat ~/file; ls /dev/shm; cat /etc/machine-id").split() == [
        "kept",
        machine.machine_id,
    ]
    assert machine.boot_id() != before


def test_power_off_is_orderly_and_boot_brings_it_back(machines: MachineFactory) -> None:
    (machine,) = machines()
    stop = "touch /var/was-stopped"
    machine.inside("systemd-run", "-p", f"ExecStop={stop}", "-p", "RemainAfterExit=yes", "true")
    machine.power_off()
    assert not machine.is_on
    assert machine.root.joinpath("var/was-stopped").exists()
    machine.boot()
    machine.wait()
    assert said(machine, "id -un") == "deploy"


def test_a_host_reboots_itself_more_than_once(machines: MachineFactory) -> None:
    bastion, (behind,) = machines.behind_bastion()
    for _ in range(2):
        before = bastion.boot_id()
        bastion.ssh("sudo systemctl reboot")
        eventually(partial(new_boot, bastion, before))
    assert said(behind, "id -un") == "deploy"  # its second interface is back on its network


def new_boot(machine: Machine, old: str) -> bool:
    done = machine.ssh("cat /proc/sys/kernel/random/boot_id")
    return done.returncode == 0 and done.stdout.strip() != old


def test_rebuild_empties_the_disk_and_keeps_the_host_key(machines: MachineFactory) -> None:
    (machine,) = machines()
    said(machine, "touch ~/file; sudo touch /opt/file")
    old_id, old_key = machine.machine_id, machine.host_key_line()
    machine.rebuild()
    assert not machine.is_on
    machine.boot()
    machine.wait()
    assert said(machine, "ls -A /opt; ls ~") == ""
    assert machine.host_key_line() == old_key
    assert said(machine, "cat /etc/machine-id") == machine.machine_id != old_id


def test_rekey_is_noticed_until_trusted(machines: MachineFactory) -> None:
    (machine,) = machines()
    machine.rekey()
    refused = machine.ssh("true")
    assert refused.returncode == 255
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in refused.stderr
    machine.power_cycle()  # the harness itself still gets in
    machine.trust()
    assert said(machine, "id -un") == "deploy"


# --- networks ---------------------------------------------------------------------------------


def test_cut_drops_between_two_hosts_only(three: list[Machine]) -> None:
    one, two, other = three
    one.cut(two)
    assert dial(one, two)[0] == "silence"
    assert dial(two, one)[0] == "silence"
    assert dial(one, other)[0] == dial(other, two)[0] == "open"
    one.heal()
    assert dial(one, two)[0] == dial(two, one)[0] == "open"


def test_reject_refuses_at_once(three: list[Machine]) -> None:
    one, two, other = three
    one.cut(two, how="reject")
    for source, target in ((one, two), (two, one)):
        answer, seconds = dial(source, target)
        assert answer == "Connection refused"
        assert seconds < 10
    assert dial(one, other)[0] == "open"
    one.heal()
    one.heal()  # twice is no error
    assert dial(one, two)[0] == "open"


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_fault_can_be_of_one_direction(
    three: list[Machine], direction: Literal["in", "out"]
) -> None:
    one, two, _ = three
    source, target = (two, one) if direction == "in" else (one, two)
    one.cut(two, how="reject", port=22, direction=direction)
    assert dial(source, target)[0] == "Connection refused"
    assert dial(target, source)[0] == "open"


def test_a_fault_can_be_of_one_port(three: list[Machine]) -> None:
    one, two, _ = three
    one.inside("systemd-run", "--unit=listener", "--socket-property=ListenStream=9092", "cat")
    assert dial(two, one, 9092)[0] == "open"
    one.cut(port=9092)
    assert dial(two, one, 9092)[0] == "silence"
    assert dial(two, one, 22)[0] == "open"


@pytest.mark.parametrize("how", ["drop", "reject"])
def test_a_host_cut_from_everybody_reaches_itself(
    three: list[Machine], how: Literal["drop", "reject"]
) -> None:
    three[0].cut(how=how)
    with pytest.raises(OSError, match=r"timed out|refused"):
        create_connection((three[0].address, 22), 1)
    for own in ("127.0.0.1", three[0].address):
        three[0].inside("timeout", "60", "bash", "-c", f"exec 3<>/dev/tcp/{own}/22")


def test_unplug_is_silence_for_the_tests_too(three: list[Machine]) -> None:
    three[0].unplug()
    try:
        with pytest.raises(OSError, match=r"timed out|No route"):
            create_connection((three[0].address, 22), 1)
    finally:
        three[0].plug()
    eventually(lambda: three[0].ssh("true").returncode == 0)


def test_a_bastion_is_the_only_way_in(lab: Lab, machines: MachineFactory) -> None:
    bastion, behind = machines.behind_bastion(2)
    with pytest.raises(OSError, match="unreachable"):
        create_connection((behind[0].address, 22), 2)
    assert said(behind[1], "cat /etc/hostname") == behind[1].name
    peer = said(behind[0], "echo $SSH_CONNECTION").split()[0]
    assert peer == bastion.inner_address
    assert str(lab.key) in lab.ssh_config.read_text()


def test_a_hundred_targets_answer_at_once(machines: MachineFactory) -> None:
    (fleet,) = machines(addresses=100)
    assert len(set(fleet.addresses)) == 100

    def greeting(address: str) -> bytes:
        with create_connection((address, 22), 20) as connection:
            return connection.recv(4)

    with ThreadPoolExecutor(100) as pool:
        assert list(pool.map(greeting, fleet.addresses)) == [b"SSH-"] * 100
    last = fleet.addresses[-1]
    assert last in fleet.known_hosts.read_text()
    assert said(fleet, f"ip -brief address show to {last}") != ""


# --- options ----------------------------------------------------------------------------------

FISH = User("fish", 1010, shell="/usr/bin/fish", banner="it's fish")
DASH = User("dash", 1011, shell="/bin/dash", banner="it's dash")
BASH = User("bash", 1012, banner="it's bash", home="/home/with a space")


def test_shells_banners_and_a_home_with_a_space(machines: MachineFactory) -> None:
    (machine,) = machines(users=(FISH, DASH, BASH))
    for user in (FISH, DASH, BASH):
        # no shell's own syntax: `$PPID` or `$$` would be an error in fish
        lines = said(machine, 'readlink "/proc/self/cwd"; pwd; exec env', user.name).splitlines()
        assert lines[:3] == [user.banner, user.home_dir, user.home_dir]
        assert f"SHELL={user.shell}" in lines
    assert "fish" in machine.ssh("echo $$", user="fish").stderr


def test_sshd_options(machines: MachineFactory) -> None:
    (machine,) = machines(sshd={"MaxSessions": "1", "MaxStartups": "2"}, port=2222)
    effective = machine.inside("sshd", "-T").stdout
    assert "maxsessions 1\n" in effective
    assert said(machine, "echo $SSH_CONNECTION").split()[-1] == "2222"
    with ExitStack() as idle:
        for _ in range(2):
            connection = idle.enter_context(create_connection((machine.address, 2222), 5))
            assert connection.recv(4) == b"SSH-"
        assert machine.ssh("true").returncode == 255
    eventually(lambda: machine.ssh("true").returncode == 0)


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_small_disk_fills(machines: MachineFactory, kind: str) -> None:
    mount = "/home/plain/data"
    disk = SmallDisk(mount, 24 * MIB, "ext4" if kind == "ext4" else "tmpfs", owner="plain")
    (machine,) = machines(disk=disk)
    full = machine.ssh(f"LC_ALL=C dd if=/dev/zero of={mount}/big bs=1M", user="plain")
    assert full.returncode == 1
    assert "No space left on device" in full.stderr
    size = int(said(machine, f"stat -c %s {mount}/big", "plain"))
    assert 15 * MIB < size <= 24 * MIB
    machine.power_cycle()
    assert ("big" in said(machine, f"ls {mount}", "plain")) == (kind == "ext4")


def test_an_ext4_disk_turns_read_only_and_is_new_after_a_rebuild(machines: MachineFactory) -> None:
    (machine,) = machines(disk=SmallDisk("/data", 24 * MIB, "ext4", owner="deploy"))
    said(machine, "touch /data/file")
    machine.disk_read_only()
    refused = machine.ssh("LC_ALL=C touch /data/other")
    assert "Read-only file system" in refused.stderr
    machine.disk_read_only(False)
    said(machine, "touch /data/other")
    machine.rebuild()
    machine.boot()
    machine.wait()
    assert said(machine, "ls /data") == "lost+found"


def test_the_memory_limit_kills(machines: MachineFactory) -> None:
    (machine,) = machines(memory=192 * MIB)
    assert machine.oom_kills() == 0
    killed = machine.ssh("head -c 400M /dev/zero | tail -n 1 | wc -c")
    assert machine.oom_kills() == 1, killed
    assert said(machine, "id -un") == "deploy"


def test_read_only_folders_of_this_machine(machines: MachineFactory, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from here\n")
    tmp_path.chmod(0o755)  # its owner and mode are the same on the host
    (machine,) = machines(read_only={"/opt/given": tmp_path})
    assert said(machine, "cat /opt/given/file") == "from here"
    assert machine.ssh("sudo touch /opt/given/file").returncode != 0


def test_a_host_without_a_hosts_file_knows_no_localhost(machines: MachineFactory) -> None:
    (machine,) = machines(options=Options(hosts_file=False))
    assert machine.ssh("getent hosts localhost").returncode == 2
