"""What a host can be like: plain data, no effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MIB = 1024 * 1024

Sudo = Literal["nopasswd", "password", "none"]
Network = Literal["outer", "inner", "both"]


@dataclass(frozen=True)
class User:
    """A login on a host. Every user accepts the lab's SSH key."""

    name: str
    uid: int  # also the gid of a group of the same name
    sudo: Sudo = "none"
    password: str | None = None
    shell: str = "/bin/bash"
    home: str = ""  # default /home/NAME
    banner: str = ""  # a start-up file of the shell prints this line at every login

    @property
    def home_dir(self) -> str:
        return self.home or f"/home/{self.name}"


DEPLOY = User("deploy", 1000, sudo="nopasswd")
OPS = User("ops", 1001, sudo="password", password="s3cret")
PLAIN = User("plain", 1002)


@dataclass(frozen=True)
class SmallDisk:
    """A file system of its own on a host, small enough to be filled by a test."""

    mount: str
    size: int  # bytes; ext4 keeps some of them for itself
    kind: Literal["tmpfs", "ext4"] = "tmpfs"  # tmpfs is empty after a power cycle, ext4 is not
    owner: str = "root"  # one of the host's users, or root


@dataclass(frozen=True)
class Options:
    """One host. The defaults are a Debian server with our three users."""

    users: tuple[User, ...] = (DEPLOY, OPS, PLAIN)
    sshd: Mapping[str, str] = field(default_factory=dict)  # {"MaxSessions": "1"}
    port: int = 22  # of sshd
    network: Network = "outer"  # inner: reached only through a host that is on both
    addresses: int = 1  # more than one: the fleet of targets that is one machine; at most 250
    memory: int | None = None  # bytes; the guest is killed at it but does not see it in `free`
    disk: SmallDisk | None = None
    read_only: Mapping[str, Path] = field(
        default_factory=dict
    )  # path on the host -> path here; keeps its owner
    hosts_file: bool = True  # False: not even `localhost` resolves, as on a minimal image

    def user(self, name: str) -> User:
        """The user of that name. Raises KeyError."""
        return {user.name: user for user in self.users}[name]
