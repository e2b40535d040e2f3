"""The SSH configuration and the inventory's settings → how to reach one host, hop by hop.

What the configuration says is asked of ``ssh -G`` (``ssh_lookup``); here the inventory's word goes
before it, tokens that ``ssh -G`` leaves are filled in, and every name is checked before it is used.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from provisioner.hosts.transport import TransportError
from provisioner.spec.types import SshSettings
from provisioner.spec.words import is_address, is_login

GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")  # the cheap ones first
_MOST_HOPS = 8

Config = Mapping[str, tuple[str, ...]]
"""What the configuration says for a host: keyword in small letters → its lines' values."""
Lookup = Callable[[str, str | None, int | None], Config]
"""(name, the inventory's user, its port) → configuration. Raises TransportError."""


@dataclass(frozen=True)
class Hop:
    """One login on the way to a host, or the host itself; every path absolute.

    ``key_alias`` is what its key is filed under, where it is not host and port. ``agent`` is
    the agent's socket, empty for none. ``explicit_keys`` says that somebody named the key files.
    ``revoked`` is the file of RevokedHostKeys, empty for none. Raises TransportError
    (``invalid-inventory``) for a host or a user that is no name: they reach command lines.
    """

    name: str
    host: str
    port: int
    user: str
    key_files: tuple[str, ...]
    explicit_keys: bool
    identities_only: bool
    agent: str
    known_hosts: tuple[str, ...]
    global_known_hosts: tuple[str, ...]
    key_alias: str
    hash_names: bool
    connect_timeout: float | None
    proxy_command: str
    jumps: tuple[str, ...]
    revoked: str = ""

    def __post_init__(self) -> None:
        check_names(self.host, self.user)

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" + (f":{self.port}" if self.port != 22 else "")


def check_names(host: str, user: str | None) -> None:
    """Raises TransportError (``invalid-inventory``) for what ``ssh`` or a shell could read as
    something else."""
    if not is_address(host):
        raise broken(f"{host[:60]!r} is neither a host name nor an IP address")
    if user is not None and not is_login(user):
        raise broken(f"{user[:60]!r} is not a user name (host {host})")


def broken(why: str) -> TransportError:
    hint = "`provision hosts SPEC` shows where each setting comes from; `ssh -G HOST` asks ssh"
    return TransportError("invalid-inventory", why, hint)


def route(
    name: str, settings: SshSettings, lookup: Lookup, known_hosts: tuple[str, ...]
) -> tuple[Hop, ...]:
    """The hops to a host, itself last. The inventory's word goes before the configuration's.

    ``known_hosts`` are the files where nobody names others. Raises TransportError
    ('invalid-inventory') for what cannot be meant.
    """
    target = hop(name, settings, lookup, known_hosts)
    hops = [target]
    via = _jumps(",".join(settings.jumps)) if settings.jumps else target.jumps
    while via:
        if len(hops) > _MOST_HOPS:
            raise broken(f"ProxyJump: more than {_MOST_HOPS} hops to {name}")
        *before, last = via
        jump = _jump(last, lookup, known_hosts)
        if any((jump.host, jump.port) == (h.host, h.port) for h in hops):
            break  # `Host *` with a ProxyJump takes in the bastion itself: ssh stops here too
        hops.insert(0, jump)
        via = tuple(before) or jump.jumps
    # a ProxyJump goes before a ProxyCommand, and only the first hop is dialled from here
    return tuple(h if i == 0 else replace(h, proxy_command="") for i, h in enumerate(hops))


def _jump(word: str, lookup: Lookup, known_hosts: tuple[str, ...]) -> Hop:
    """``[user@]host[:port]`` or the same as ``ssh://…``."""
    found = re.fullmatch(
        r"(?:ssh://)?(?:(?P<user>.+)@)?(?:\[(?P<ip6>[^]]+)\]|(?P<host>[^:@\s]+))(?::(?P<port>\d+))?/?",
        word.strip(),
    )
    if not found:
        raise broken(f"ProxyJump: {word[:60]!r} is not [user@]host[:port]")
    port = int(found["port"]) if found["port"] else None
    settings = SshSettings(user=found["user"], port=port)
    return hop(found["ip6"] or found["host"], settings, lookup, known_hosts)


def hop(name: str, settings: SshSettings, lookup: Lookup, known_hosts: tuple[str, ...]) -> Hop:
    """One login: the inventory's settings, then the configuration for the name, then defaults."""
    alias = settings.address or name
    check_names(alias, settings.user)
    config = lookup(alias, settings.user, settings.port)
    host = _one(config, "hostname", alias)
    port = settings.port or _number(config, "port") or 22
    user = settings.user or _one(config, "user") or getpass.getuser()
    check_names(host, user)
    tokens = _Tokens(alias, host, port, user, _one(config, "hostkeyalias"))
    jumps = _jumps(tokens.fill(_one(config, "proxyjump")))
    via = ",".join(settings.jumps or jumps)
    tokens = replace(tokens, digest=_one(config, "controlpath"), jump="" if via == "none" else via)
    named = (*settings.key_files, *config.get("identityfile", ()))
    files = settings.known_hosts or _files(config, "userknownhostsfile") or known_hosts
    trusted = _files(config, "globalknownhostsfile") or GLOBAL_KNOWN_HOSTS
    timeout = _number(config, "connecttimeout")
    revoked = _one(config, "revokedhostkeys", "none")
    return Hop(
        name=name,
        host=host,
        port=port,
        user=user,
        key_files=tuple(dict.fromkeys(map(tokens.path, _given(named or DEFAULT_KEYS)))),
        explicit_keys=bool(named),
        identities_only=_flag(config, "identitiesonly"),
        agent=_agent(_one(config, "identityagent") or None, tokens),
        known_hosts=tuple(map(tokens.path, _given(files))),
        global_known_hosts=tuple(map(tokens.path, _given(trusted))),
        key_alias=_one(config, "hostkeyalias"),
        hash_names=_flag(config, "hashknownhosts"),
        connect_timeout=settings.connect_timeout or (float(timeout) if timeout else None),
        # the first of ProxyJump and ProxyCommand holds, and the inventory comes first
        proxy_command="" if via else _proxy_command(config, tokens),
        jumps=jumps,
        revoked="" if revoked.lower() == "none" else tokens.path(revoked),
    )


@dataclass(frozen=True)
class _Tokens:
    """The percent words of ssh_config(5) that a path or a command may have."""

    alias: str
    host: str
    port: int
    user: str
    key_alias: str
    digest: str = ""
    jump: str = ""

    def fill(self, value: str) -> str:
        known = {
            "%": "%",
            "C": self.digest or "%C",
            "d": str(Path("~").expanduser()),
            "h": self.host,
            "i": str(os.getuid()),
            "j": self.jump,
            "k": self.key_alias or self.alias,
            "l": socket.gethostname(),
            "L": socket.gethostname().partition(".")[0],
            "n": self.alias,
            "p": str(self.port),
            "r": self.user,
            "u": getpass.getuser(),
        }
        return re.sub(r"%(.)", lambda m: known.get(m[1], m[0]), value)

    def path(self, value: str) -> str:
        value = self.fill(value)
        value = re.sub(r"\$\{(\w+)\}", lambda m: os.environ.get(m[1], m[0]), value)
        return str(Path(value).expanduser())


def _one(config: Config, key: str, default: str = "") -> str:
    return next(iter(config.get(key, ())), default)


def _flag(config: Config, key: str) -> bool:
    return _one(config, key).lower() in ("yes", "true")


def _number(config: Config, key: str) -> int | None:
    value = _one(config, key)
    return int(value) if value.isdecimal() else None


def _given(files: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(file for file in files if file.lower() != "none")


def _files(config: Config, key: str) -> tuple[str, ...]:
    """Several files in one line, where ``ssh -G`` puts no quotes around one with a blank in it: a
    word that begins no path belongs to the word before it."""
    words = _one(config, key).split(" ")
    files: list[str] = []
    for word in words:
        if files and not word.startswith(("/", "~", "%", "$")) and word.lower() != "none":
            files[-1] += f" {word}"
        elif word:
            files.append(word)
    return tuple(files)


def _agent(value: str | None, tokens: _Tokens) -> str:
    if value is None or value == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK", "")
    if value.lower() == "none":
        return ""
    return os.environ.get(value[1:], "") if value.startswith("$") else tokens.path(value)


def _jumps(value: str) -> tuple[str, ...]:
    if not value or value.lower() == "none":
        return ()
    return tuple(word.strip() for word in value.split(","))


def _proxy_command(config: Config, tokens: _Tokens) -> str:
    """The words of the names were checked: a shell reads nothing else in them."""
    command = _one(config, "proxycommand", "none")
    if command.lower() == "none":
        return ""
    if _flag(config, "proxyusefdpass"):
        raise broken(f"ProxyUseFdpass is not supported here (host {tokens.alias}): leave it out")
    return tokens.fill(command)
