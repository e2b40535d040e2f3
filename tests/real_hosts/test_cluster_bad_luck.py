"""Runs that are cut short in every way: the next one converges, nothing is left half written, and
no process runs twice."""

from __future__ import annotations

import random
import time
from pathlib import Path

from tests.hosts.fixtures import MachineFactory
from tests.hosts.machine import Machine
from tests.hosts.options import DEPLOY, MIB, SmallDisk, User
from tests.real_hosts.clusters import (
    Begun,
    Place,
    leftovers,
    on,
    one_node,
    processes,
    remains,
    until,
)
from tests.soak import SOAK

SYSTEMD = "  supervisor: systemd\n"
STATE = "/var/lib/provision/one"
SEED = 4
KILLS = 20 if SOAK else 4
CUTS = 10 if SOAK else 2


class Work:
    """A cluster on one host with something to do for ever: from nothing, then one more change."""

    def __init__(self, folder: Path, host: Machine):
        self.host, self.number = host, 3
        self.place = Place(folder, [host])
        self.renew()

    def renew(self) -> None:
        self.number += 1
        config = f", num.partitions: {self.number}"
        self.place.write(one_node(self.host.name, more=SYSTEMD, config=config))

    def lines(self, begun: Begun, count: int) -> bool:
        """Wait until the run said so many lines; False when it ended before."""
        until(
            lambda: begun.text.count("\n") >= count or begun.process.poll() is not None,
            f"line {count} of a run",
        )
        return begun.process.poll() is None

    def once(self) -> None:
        """No process is there twice, whatever the run before came to."""
        assert all(len(found) == 1 for found in processes(self.host).values())

    def free(self) -> None:
        """Wait until the run before holds nothing any more."""
        held = f"[ ! -e {STATE}/lock ] || flock -n {STATE}/lock true"
        until(lambda: on(self.host, f"{{ {held}; }} && echo free; true"), "the lock")

    def converges(self) -> None:
        self.place.ok("apply")
        self.once()
        assert leftovers(self.host) == []
        assert self.place.run("drift").code == 0

    def goes(self) -> None:
        """Whatever became of the runs before: all that they made can be removed."""
        done = self.place.run("destroy", "--confirm", "one", "--allow", "wipe-log-dir")
        assert done.code == 0, str(done)
        assert remains(self.host) == "", str(done)


def test_the_tool_is_killed_at_any_moment(machines: MachineFactory, tmp_path: Path) -> None:
    (host,) = machines()
    work, chance, met = Work(tmp_path, host), random.Random(SEED), 0
    while met < KILLS:
        with work.place.begun("apply") as begun:
            running = work.lines(begun, chance.randint(1, 14))
            time.sleep(chance.random() * 1.5)
            if running and begun.process.poll() is None:
                begun.process.kill()
                begun.end()
                met += 1
        work.free()
        work.once()
        if not running:
            assert begun.process.returncode == 0, begun.text
            work.renew()
    work.converges()
    work.goes()


def test_the_connection_is_lost_at_any_moment(machines: MachineFactory, tmp_path: Path) -> None:
    """Packets are dropped for a while, or the connection is reset."""
    (host,) = machines()
    work, chance, met = Work(tmp_path, host), random.Random(SEED), 0
    while met < CUTS:
        with work.place.begun("apply") as begun:
            running = work.lines(begun, chance.randint(1, 14))
            time.sleep(chance.random())
            if running and begun.process.poll() is None:
                host.cut(how="drop" if met % 2 else "reject")
                time.sleep(chance.random() * 3)
                host.heal()
                met += 1
            code = begun.end()
        assert "Traceback" not in begun.text
        assert "internal" not in begun.text
        work.free()
        work.once()
        if code == 0:
            work.renew()
        else:
            assert code in (1, 2, 3), begun.text
    work.converges()
    work.goes()


def test_the_host_is_rebooted_in_the_middle(machines: MachineFactory, tmp_path: Path) -> None:
    (host,) = machines()
    work = Work(tmp_path, host)
    with work.place.begun("apply") as begun:
        until(lambda: on(host, "ls -d /opt/kafka/.provision/dist/*.incoming || true"), "a push")
        host.power_cycle()
        assert begun.end() in (2, 3), begun.text
    with work.place.begun("apply") as begun:
        until(lambda: processes(host), "the broker to start")
        host.power_cycle()
        assert begun.end() in (2, 3), begun.text
    work.converges()
    work.goes()


def test_the_disk_is_full_in_the_middle_of_a_push(machines: MachineFactory, tmp_path: Path) -> None:
    (host,) = machines(disk=SmallDisk("/opt", 700 * MIB, "ext4"))
    work = Work(tmp_path, host)
    with work.place.begun("apply") as begun:
        until(lambda: on(host, "ls -d /opt/kafka/.provision/dist/*.incoming || true"), "a push")
        # At once: a push takes a second or two.
        most = "$(($(df -B1 --output=avail /opt | tail -n 1) * 9 / 10))"
        on(
            host,
            f"fallocate -l {most} /opt/filler; dd if=/dev/zero of=/opt/filler-2 bs=64k || true",
        )
        assert begun.end() == 2, begun.text
    assert "No space left" in begun.text
    assert processes(host) == {}
    assert [x for x in leftovers(host) if x.endswith(".incoming")] == []
    again = work.place.json("apply")
    assert again.code == 1, str(again)
    assert {e["code"] for e in again.document["errors"]} == {"disk-full"}
    on(host, "rm /opt/filler /opt/filler-2")
    work.converges()


def test_strange_shells_and_an_sshd_that_gives_little(
    machines: MachineFactory, tmp_path: Path
) -> None:
    fish = User("fishy", 1003, sudo="nopasswd", shell="/usr/bin/fish", banner="Good morning!")
    dash = User("dashy", 1004, sudo="nopasswd", shell="/bin/dash", banner="Good evening!")
    few = {"MaxSessions": "1", "MaxStartups": "2"}
    (host,) = machines(users=(DEPLOY, fish, dash), sshd=few)
    work = Work(tmp_path, host)
    work.place.user = fish.name
    work.place.inventory()
    work.converges()
    before = processes(host)
    work.place.user = dash.name
    work.place.inventory()
    work.converges()
    assert processes(host) == before
    work.place.ok("verify", "--round-trip")
