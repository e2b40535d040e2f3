"""The hosts of a world, the two networks they are on, and the key they accept."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable
from functools import cache
from typing import IO

from tests.hosts import addresses, base, keys
from tests.hosts.cgroups import HostGroups
from tests.hosts.machine import Machine, Site
from tests.hosts.options import Options
from tests.hosts.shell import HarnessError, run
from tests.hosts.world import World


class Taken(HarnessError):
    """Another process has the lab of this world."""


class Lab:
    """One per world. Its hosts are numbered from 1 and never forgotten: they are rebuilt."""

    def __init__(self, world: World) -> None:
        """Lay the networks. Raises Taken, HarnessError."""
        self.world = world
        self._claim = _claim(world)
        self.machines: list[Machine] = []
        self._lent: set[Machine] = set()
        self.directory = world.directory
        self.key = self.directory / "id_ed25519"
        self.ssh_config = self.directory / "ssh_config"  # `ssh -F` it: all hosts by name
        self.address = addresses.GATEWAY  # of the tests, as the hosts see them
        keys.make_key(self.key, "lab")
        for bridge in (addresses.OUTER_BRIDGE, addresses.INNER_BRIDGE):
            # without the delay a new port is deaf for 15 s
            run("ip", "link", "add", bridge, "type", "bridge", "forward_delay", "0")
            run("ip", "link", "set", bridge, "up")
        reach = f"{self.address}/{addresses.OUTER_BITS}"
        run("ip", "address", "add", reach, "dev", addresses.OUTER_BRIDGE)

    def add(self, options: Options | None = None) -> Machine:
        """Build one more host, which is off. Raises HarnessError, OSError."""
        number = len(self.machines) + 1
        if number > addresses.MOST:
            raise HarnessError(f"a lab has at most {addresses.MOST} hosts")
        name = addresses.name(number)
        site = Site(
            base=base.image(),
            directory=self.directory / name,
            groups=HostGroups.below(self.world.groups, name),
            key=self.key,
            ssh_config=self.ssh_config,
        )
        machine = Machine(number, site, options or Options())
        self.machines.append(machine)
        return machine

    def borrow(self, options: Options) -> Machine:
        """A host that is off and as new, for one user until `give_back`.

        A host that was given back is rebuilt, or one is added. Raises HarnessError, OSError.
        """
        free = next((machine for machine in self.machines if machine not in self._lent), None)
        if free is None:
            free = self.add(options)
        else:
            free.rebuild(options)
        self._lent.add(free)
        return free

    def give_back(self, machine: Machine) -> None:
        """Switch a borrowed host off; the next borrower may have it."""
        machine.power_cut()
        self._lent.discard(machine)

    def start(self, machines: Iterable[Machine]) -> None:
        """Switch hosts on and wait until all let users in. Raises HarnessError."""
        started = list(machines)
        self.write_ssh_config()
        for machine in started:
            machine.boot()
        for machine in started:
            machine.wait()

    def stop(self) -> None:
        """Shut all hosts down in order, together."""
        running = [machine for machine in self.machines if machine.is_on]
        for machine in running:
            machine.ask_off()
        for machine in running:
            machine.power_off()

    def write_ssh_config(self) -> None:
        """Bring `ssh_config` up to date with the hosts and their options."""
        jump = self._bastion()
        blocks = [machine.client_config(jump) for machine in self.machines]
        self.ssh_config.write_text(keys.client_config(blocks, self.key))

    def _bastion(self) -> str | None:
        """The host that leads to the inner network: the latest that is on both."""
        both = (m.name for m in reversed(self.machines) if m.options.network == "both")
        return next(both, None)


def _claim(world: World) -> IO[str]:
    """Ours while this process lives: of two that build hosts in one world each breaks the other's.

    Raises Taken.
    """
    file = (world.directory / "lab.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise Taken(f"world {world.name!r} has a lab already") from None
    return file


@cache
def current() -> Lab | None:
    """The lab of the world this process is in, or None outside. Raises Taken, HarnessError."""
    world = World.current()
    return Lab(world) if world else None
