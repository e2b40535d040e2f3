"""Write what makes a fresh disk a host of the lab: identity, network, sshd, users."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from tests.hosts import addresses
from tests.hosts.options import Options, User
from tests.hosts.rootfs import RootFs
from tests.hosts.shell import run

HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"

# They use the network or the clock on their own, or wait for a terminal there is not.
_MASKED = (
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "console-getty.service",
    "dpkg-db-backup.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty.target",
    "systemd-networkd-wait-online.service",
)

# sshd takes the first value it meets: a host's own options stand before these.
_SSHD = {
    "UseDNS": "no",
    "PermitRootLogin": "prohibit-password",
    "PasswordAuthentication": "no",
    "HostKey": HOST_KEY,
}
# The default of 10 resets connections when 100 targets that are one host are dialled at once.
_MANY_STARTUPS = "500:30:1000"

# Where a non-interactive `ssh host command` runs through on its way, by shell.
_RC_FILES = {"bash": ".bashrc", "fish": ".config/fish/config.fish"}
_ANY_SHELL_RC = ".ssh/rc"  # dash has no such file: sshd itself runs this one


@dataclass(frozen=True)
class Identity:
    """What tells one host from another."""

    number: int
    machine_id: str  # 32 hexadecimal digits
    host_key: str  # private half, as ssh-keygen writes it
    authorized_key: str  # public half of the lab's key

    @property
    def name(self) -> str:
        return addresses.name(self.number)


def install(disk: RootFs, identity: Identity, options: Options) -> None:
    """Make an empty disk a host, ready to boot. Raises OSError, HarnessError."""
    _identify(disk, identity, options)
    _network(disk, identity, options)
    _services(disk)
    _sshd(disk, options)
    host_key(disk, identity.host_key)
    disk.write("/root/.ssh/authorized_keys", identity.authorized_key, 0o600)
    for user in options.users:
        _user(disk, user, identity.authorized_key)


def host_key(disk: RootFs, private: str) -> None:
    """Leave the host with this key alone. The base image has keys, the same for all hosts."""
    for shared in disk.at("/etc/ssh").glob("ssh_host_*"):
        shared.unlink()
    disk.write(HOST_KEY, private, 0o600)


def _identify(disk: RootFs, identity: Identity, options: Options) -> None:
    disk.write("/etc/hostname", identity.name + "\n")
    disk.write("/etc/machine-id", identity.machine_id + "\n", 0o444)
    disk.write("/etc/resolv.conf", "")
    if options.hosts_file:
        disk.write("/etc/hosts", addresses.hosts_file(identity.name))


def _network(disk: RootFs, identity: Identity, options: Options) -> None:
    outer = [addresses.outer(identity.number)]
    outer += addresses.extra(identity.number, options.addresses - 1)
    outer = [f"{address}/{addresses.OUTER_BITS}" for address in outer]
    inner = [f"{addresses.inner(identity.number)}/{addresses.INNER_BITS}"]
    first = inner if options.network == "inner" else outer
    disk.write("/etc/systemd/network/10-first.network", _interface("host0", first))
    if options.network == "both":
        disk.write("/etc/systemd/network/20-second.network", _interface("second", inner))


def _interface(name: str, with_bits: list[str]) -> str:
    lines = [f"[Match]\nName={name}\n\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no"]
    lines += [f"Address={address}" for address in with_bits]
    return "\n".join(lines) + "\n"


def _services(disk: RootFs) -> None:
    units = "/etc/systemd/system"
    networkd = "systemd-networkd.service"
    disk.link(f"{units}/multi-user.target.wants/{networkd}", f"/lib/systemd/system/{networkd}")
    for unit in _MASKED:
        disk.link(f"{units}/{unit}", "/dev/null")


def _sshd(disk: RootFs, options: Options) -> None:
    defaults = _SSHD | {"Port": str(options.port)}
    if options.addresses > 1:
        defaults["MaxStartups"] = _MANY_STARTUPS
    settings = dict(options.sshd) | {k: v for k, v in defaults.items() if k not in options.sshd}
    lines = [f"{keyword} {value}\n" for keyword, value in settings.items()]
    disk.write("/etc/ssh/sshd_config.d/00-test.conf", "".join(lines))


def _user(disk: RootFs, user: User, authorized_key: str) -> None:
    name, number, home = user.name, user.uid, user.home_dir
    crypted = _crypt(user.password) if user.password else "*"
    disk.append("/etc/passwd", f"{name}:x:{number}:{number}::{home}:{user.shell}\n")
    disk.append("/etc/group", f"{name}:x:{number}:\n")
    disk.append("/etc/shadow", f"{name}:{crypted}:19700:0:99999:7:::\n")
    disk.write(f"{home}/.ssh/authorized_keys", authorized_key, 0o600)
    disk.at(f"{home}/.ssh").chmod(0o700)
    if user.banner:
        _banner(disk, user)
    disk.give(home, number)
    if user.sudo != "none":
        tag = "NOPASSWD: " if user.sudo == "nopasswd" else ""
        disk.write(f"/etc/sudoers.d/{name}", f"{name} ALL=(ALL:ALL) {tag}ALL\n", 0o440)


def _banner(disk: RootFs, user: User) -> None:
    file = _RC_FILES.get(user.shell.rsplit("/", 1)[-1], _ANY_SHELL_RC)
    quoted = user.banner.replace("'", "'\\''")
    disk.write(f"{user.home_dir}/{file}", f"echo '{quoted}'\n")


@cache
def _crypt(password: str) -> str:
    return run("openssl", "passwd", "-6", password).stdout.strip()
