"""SSH keys, and the files in which OpenSSH looks for what it knows of the hosts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.hosts.shell import run


def make_key(private: Path, comment: str) -> None:
    """Write a new key pair to `private` and `private`.pub. Raises HarnessError."""
    private.parent.mkdir(parents=True, exist_ok=True)
    for half in (private, public_half(private)):
        half.unlink(missing_ok=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", private)


def public_half(private: Path) -> Path:
    return private.with_name(private.name + ".pub")


def known_hosts_line(names: Iterable[str], port: int, private: Path) -> str:
    """One line of known_hosts for a host with this key."""
    kind, key = public_half(private).read_text().split()[:2]
    targets = [name if port == 22 else f"[{name}]:{port}" for name in names]
    return f"{','.join(targets)} {kind} {key}\n"


def client_config(hosts: Iterable[str], key: Path) -> str:
    """An ssh_config for the lab: its hosts' own blocks, then what is true of all of them."""
    everywhere = (
        "Host *",
        f'    IdentityFile "{key}"',
        "    IdentitiesOnly yes",
        "    GlobalKnownHostsFile none",
        "    StrictHostKeyChecking yes",
        "    BatchMode yes",
        "    ConnectTimeout 5",
    )
    return "".join(hosts) + "\n".join(everywhere) + "\n"


def client_host(
    names: Iterable[str], address: str, port: int, known_hosts: Path, jump: str | None
) -> str:
    """One host's block of an ssh_config. `jump` names the host that leads to it."""
    name, *addresses = names
    lines = [f"Host {name} {' '.join(addresses)}", f"    Port {port}"]
    lines.append(f'    UserKnownHostsFile "{known_hosts}"')
    if jump:
        lines.append(f"    ProxyJump deploy@{jump}")
    lines += [f"Host {name}", f"    HostName {address}"]  # an address names itself
    return "\n".join(lines) + "\n"
