"""One running systemd: the systemd-nspawn process of a host, from power on to power off."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.hosts.addresses import INNER_BRIDGE
from tests.hosts.cgroups import HostGroups
from tests.hosts.shell import HarnessError, run

_LOOP = Path(__file__).with_name("guest.sh")
_POWER_OFF = "SIGRTMIN+4"  # what systemd as pid 1 takes for "power off, in order"
_POWER_OFF_SECONDS = 120


@dataclass(frozen=True)
class Hardware:
    """What systemd-nspawn gives the guest."""

    name: str
    root: Path
    bridge: str
    second_wire: str  # this end of a second interface, on the inner bridge; empty for none
    flags: Sequence[str]  # more arguments: binds, small disks
    memory: int | None  # bytes

    def command(self) -> list[str]:
        words = [
            "systemd-nspawn",
            "--quiet",
            # this machine may have no systemd to register with, and a test needs none
            "--register=no",
            "--keep-unit",
            f"--kill-signal={_POWER_OFF}",
            "--console=pipe",  # no terminal needed, on either side
            "--resolv-conf=off",
            "--timezone=off",
            "--link-journal=no",
            f"--directory={self.root}",
            f"--machine={self.name}",
            f"--network-bridge={self.bridge}",
        ]
        if self.second_wire:
            words.append(f"--network-veth-extra={self.second_wire}:second")
        return [*words, *self.flags, "--boot"]

    def wires(self) -> list[str]:
        """This end of each of the guest's network interfaces; the first is nspawn's choice."""
        return [f"vb-{self.name}", *([self.second_wire] if self.second_wire else [])]


class Guest:
    """A host that is on, from the moment the button is pressed."""

    def __init__(self, hardware: Hardware, groups: HostGroups, console: Path) -> None:
        """Press the button. Raises OSError."""
        self._hardware, self._groups = hardware, groups
        groups.create(hardware.memory)
        listing = "\n".join(map(str, groups.paths.values()))
        loop = [str(_LOOP), hardware.second_wire, INNER_BRIDGE, listing]
        with console.open("ab") as log:
            self._process = subprocess.Popen(
                loop + hardware.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a process group of its own: signals reach all of it
            )

    def exit_status(self) -> int | None:
        """None while it is on, or rebooting."""
        return self._process.poll()

    def leader(self) -> int:
        """The pid, as seen here, of the guest's pid 1. Raises HarnessError while there is none."""
        for nspawn in _children(self._process.pid):
            for pid in _children(nspawn):
                if _program(pid) == "systemd":
                    return pid
        raise HarnessError(f"{self._hardware.name} is off")

    def ask_off(self) -> None:
        """Begin an orderly power off."""
        self._signal(signal.SIGTERM)

    def wait_off(self) -> None:
        """Wait until it is off; pull the plug when that takes too long."""
        try:
            self._process.wait(_POWER_OFF_SECONDS)
        except subprocess.TimeoutExpired:
            self.cut()
        else:
            self._clear()

    def cut(self) -> None:
        """Pull the plug: every process dies at once. Data the guest did not sync survives."""
        self._signal(signal.SIGKILL)  # the loop first, or it restarts what dies next
        self._groups.kill()
        self._process.wait()
        self._clear()

    def _signal(self, number: int) -> None:
        if self._process.poll() is None:  # once it was waited for, its pid may be another's
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    def _clear(self) -> None:
        self._groups.remove()
        for wire in self._hardware.wires():  # the kernel removes them too, but when it likes
            run("ip", "link", "delete", wire, check=False)


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    except OSError:
        return []


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
