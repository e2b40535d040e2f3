"""One host of the lab, and everything a test may do to it."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.hosts import addresses, faults, keys
from tests.hosts.cgroups import HostGroups
from tests.hosts.guest import Guest, Hardware
from tests.hosts.install import Identity, host_key, install
from tests.hosts.options import Options
from tests.hosts.rootfs import RootFs
from tests.hosts.shell import HarnessError, run
from tests.hosts.small_disk import Drive

BOOT_SECONDS = 300  # it takes about one, with the machine to itself
_CONSOLE_TAIL = 2000  # characters of the console in an error
_ANY_KEY_NO_JUMP = (
    "-oProxyJump=none",
    "-oStrictHostKeyChecking=no",
    "-oUserKnownHostsFile=/dev/null",
)


@dataclass(frozen=True)
class Site:
    """What a host is given by the lab it stands in."""

    base: Path  # the read-only image
    directory: Path  # of the host alone
    groups: HostGroups
    key: Path  # the lab's private key, which every user of every host accepts
    ssh_config: Path


class Machine:
    """A host: off when new. Its number fixes name and addresses, for good."""

    def __init__(self, number: int, site: Site, options: Options) -> None:
        """Build it. Raises OSError, HarnessError."""
        self.number, self.options, self._site = number, options, site
        self.name = addresses.name(number)
        self.machine_id = uuid.uuid4().hex
        self.known_hosts = site.directory / "known_hosts"
        self._host_key = site.directory / "host_key"
        self._disk = RootFs(site.directory, site.base)
        self._guest: Guest | None = None
        site.directory.mkdir()
        keys.make_key(self._host_key, self.name)
        self._build()

    def __repr__(self) -> str:
        return f"<{self.name} {self.address} {'on' if self.is_on else 'off'}>"

    # --- what it is ---------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """The address it is dialled at: the inner one if it has no other."""
        return self.addresses[0]

    @property
    def inner_address(self) -> str:
        return addresses.inner(self.number)

    @property
    def addresses(self) -> list[str]:
        """All addresses that reach it from the lab, or from a bastion if it stands behind one."""
        if self.options.network == "inner":
            return [self.inner_address]
        extra = addresses.extra(self.number, self.options.addresses - 1)
        return [addresses.outer(self.number), *extra]

    @property
    def key(self) -> Path:
        """The private key that every user accepts."""
        return self._site.key

    @property
    def root(self) -> Path:
        """Its / as seen from the test, also while it runs: to look at what is really there."""
        return self._disk.path

    def host_key_line(self) -> str:
        """The line of known_hosts that is true now. `known_hosts` may hold an older one."""
        names = [self.name, *self.addresses, self.inner_address]
        return keys.known_hosts_line(dict.fromkeys(names), self.options.port, self._host_key)

    def client_config(self, jump: str | None) -> str:
        """Its block of the lab's ssh_config; `jump` names the bastion, should it stand behind."""
        return keys.client_host(
            [self.name, *self.addresses],
            self.address,
            self.options.port,
            self.known_hosts,
            jump if self._is_inner else None,
        )

    def console(self) -> str:
        """What it printed on its console since it was made."""
        log = self._site.directory / "console.log"
        return log.read_text(errors="replace") if log.exists() else ""

    # --- power --------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        return self._guest is not None and self._guest.exit_status() is None

    def boot(self) -> None:
        """Switch it on. Returns at once; `wait` waits."""
        if self.is_on:
            raise HarnessError(f"{self.name} is on already")
        flags = [f"--bind-ro={here}:{there}" for there, here in self.options.read_only.items()]
        hardware = Hardware(
            name=self.name,
            root=self.root,
            bridge=addresses.INNER_BRIDGE if self._is_inner else addresses.OUTER_BRIDGE,
            second_wire=f"x-{self.name}" if self.options.network == "both" else "",
            flags=flags + self._drive.flags(),
            memory=self.options.memory,
        )
        self._guest = Guest(hardware, self._site.groups, self._site.directory / "console.log")

    @property
    def _is_inner(self) -> bool:
        return self.options.network == "inner"

    def wait(self, timeout: float = BOOT_SECONDS) -> None:
        """Wait until an unprivileged user can log in: sshd answers earlier than PAM lets them.

        Raises HarnessError after `timeout` seconds, or when it went off instead.
        """
        end = time.monotonic() + timeout
        while not self._lets_in():
            status = self._running().exit_status()
            if status is not None or time.monotonic() > end:
                fate = f"went off with {status}" if status is not None else "lets nobody in"
                tail = self.console()[-_CONSOLE_TAIL:]
                raise HarnessError(f"{self.name} {fate}; last on its console:\n{tail}")
            time.sleep(0.05)

    def _lets_in(self) -> bool:
        """Try a login from its own network: a host behind a bastion is reached no other way."""
        user = self.options.users[0].name if self.options.users else "root"
        login = self.ssh_command("true", user=user, extra=_ANY_KEY_NO_JUMP)
        try:
            done = self.in_network(*login, check=False)
        except HarnessError:  # no pid 1 yet
            return False
        return done.returncode == 0

    def power_off(self) -> None:
        """Shut down in order and wait for it."""
        guest = self._running()
        guest.ask_off()
        guest.wait_off()
        self._guest = None

    def ask_off(self) -> None:
        """Begin to shut down; `power_off` completes it. For many hosts at once."""
        self._running().ask_off()

    def power_cut(self) -> None:
        """Pull the plug. Nothing happens to a host that is off."""
        if self._guest is not None:
            self._guest.cut()
            self._guest = None

    def power_cycle(self) -> None:
        """Pull the plug, switch on, wait. The disk survives, a tmpfs and network faults do not."""
        self.power_cut()
        self.boot()
        self.wait()

    def rebuild(self, options: Options | None = None) -> None:
        """Throw the host away and build another in its place, which is off.

        It has the same name, addresses and SSH host key, and an empty disk. `options` replace
        the old ones. A real reimage also changes the host key: see `rekey`.
        """
        self.power_cut()
        self._drive.discard()
        self.options = options or self.options
        self.machine_id = uuid.uuid4().hex
        self._build()

    def _build(self) -> None:
        self._disk.mount_empty()
        identity = Identity(
            number=self.number,
            machine_id=self.machine_id,
            host_key=self._host_key.read_text(),
            authorized_key=keys.public_half(self.key).read_text(),
        )
        install(self._disk, identity, self.options)
        self._drive = Drive(self._site.directory, self.options)
        self._drive.format()
        self.trust()

    # --- SSH keys -----------------------------------------------------------------------------

    def rekey(self) -> None:
        """Give it another SSH host key, at once. `known_hosts` keeps the old one until `trust`."""
        keys.make_key(self._host_key, self.name)
        host_key(self._disk, self._host_key.read_text())
        if self.is_on:
            self.inside("systemctl", "restart", "ssh.service")

    def trust(self) -> None:
        """Write its present host key to its `known_hosts`."""
        self.known_hosts.write_text(self.host_key_line())

    # --- use ----------------------------------------------------------------------------------

    def ssh(
        self,
        command: str,
        *,
        user: str = "deploy",
        stdin: str = "",
        timeout: float = 300,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command line on the host over SSH, through a bastion if it is behind one.

        The status is the command's, or 255. Raises HarnessError after `timeout` seconds.
        """
        line = self.ssh_command(command, user=user)
        return run(*line, stdin=stdin, timeout=timeout, check=False)

    def ssh_command(
        self, command: str, *, user: str = "deploy", extra: Sequence[str] = ()
    ) -> list[str]:
        """The argument list that `ssh` runs; `extra` options outrank the lab's ssh_config."""
        config = ("-F", str(self._site.ssh_config))
        return ["ssh", *config, *extra, f"{user}@{self.name}", command]

    def inside(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program of the host on it as root, without SSH. Raises HarnessError if it fails."""
        leader = str(self._running().leader())
        return run("nsenter", "-t", leader, "--all", "--wd=/", *argv, stdin=stdin)

    def in_network(
        self, *argv: str, stdin: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of *this* machine in the host's network. Raises HarnessError."""
        leader = str(self._running().leader())
        return run("nsenter", "-t", leader, "--net", *argv, stdin=stdin, check=check)

    def boot_id(self) -> str:
        return self.inside("cat", "/proc/sys/kernel/random/boot_id").stdout.strip()

    def oom_kills(self) -> int:
        """How many processes its memory limit killed since it was switched on."""
        return self._site.groups.oom_kills()

    # --- faults -------------------------------------------------------------------------------

    def cut(
        self,
        *peers: Machine | str,
        how: faults.How = "drop",
        port: int | None = None,
        direction: faults.Direction = "both",
    ) -> None:
        """Lose or refuse what it exchanges with peers (hosts or addresses; none: with everybody).

        `port` limits it to connections to that TCP port. Faults add up until `heal` or power off.
        """
        reached = [address for peer in peers for address in _addresses(peer)]
        script = faults.rules(how, reached, port, direction)
        self.in_network("nft", "-f", "-", stdin=script)

    def heal(self) -> None:
        """End all that `cut` did."""
        self.in_network("nft", "-f", "-", stdin=faults.HEAL)

    def unplug(self) -> None:
        """Pull its (first) network cable."""
        run("ip", "link", "set", f"vb-{self.name}", "down")

    def plug(self) -> None:
        run("ip", "link", "set", f"vb-{self.name}", "up")

    def disk_read_only(self, on: bool = True) -> None:
        """Make its small ext4 disk read-only, as the kernel does after an error, or undo it."""
        self._drive.read_only(on)

    def _running(self) -> Guest:
        if self._guest is None:
            raise HarnessError(f"{self.name} is off")
        return self._guest


def _addresses(peer: Machine | str) -> list[str]:
    return [peer] if isinstance(peer, str) else [*peer.addresses, peer.inner_address]
