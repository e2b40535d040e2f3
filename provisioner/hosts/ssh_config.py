"""``~/.ssh/config`` and the inventory's settings → how to reach one host, hop by hop.

The syntax of a ``Host`` or ``Match`` block is read by the SSH library; what it lacks is here:
``Include``, comments after a value, and the options it parses but does not act on.
"""

from __future__ import annotations

import getpass
import glob
import os
import re
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from provisioner.hosts.transport import TransportError
from provisioner.spec.types import SshSettings

GLOBAL_KNOWN_HOSTS = ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")
DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")  # the cheap ones first
_DEEPEST = 16  # levels of Include, as in OpenSSH
_MOST_HOPS = 8

# What the library makes of the configuration for a name: keys in lower case.
Lookup = Callable[[str], Mapping[str, Any]]


@dataclass(frozen=True)
class Hop:
    """One login on the way to a host, or the host itself; every path absolute.

    ``key_name`` is what its key is filed under (HostKeyAlias, else host and port). ``agent`` is
    the agent's socket, empty for none. ``explicit_keys`` says that somebody named the key files.
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

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" + (f":{self.port}" if self.port != 22 else "")


# --- the text of the files -----------------------------------------------------------------------


def text_of(files: Iterable[str]) -> str:
    """The files that exist, one after another with their Includes put in; the first word counts.

    Raises TransportError('invalid-inventory') for one that cannot be read.
    """
    parts = []
    for file in files:
        path = Path(file).expanduser()
        if path.is_file():
            # a block of the file before must not take in the first lines of this one
            parts.append("Host *\n" + "\n".join(_lines(path, (), 0)))
    return "\n".join(parts) + "\n"


def _lines(path: Path, outer: tuple[str, ...], depth: int) -> Iterator[str]:
    """The lines of one file. ``outer`` are the Match criteria of the blocks it is included in."""
    if depth > _DEEPEST:
        raise _broken(path, "too many levels of Include")
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise _broken(path, str(error)) from error
    block, condition = "", outer
    for raw in text.splitlines():
        key, value = _split(raw)
        if key == "include":
            for included in _included(path, value):
                yield from _lines(included, condition, depth + 1)
            yield block or _block(condition)  # what follows belongs to the block around it
        elif key in ("host", "match"):
            condition = (*outer, _criteria(key, value))
            block = _block(condition) if outer else f"{key} {value}"
            yield block
        elif key == "proxycommand":
            # the library would fill in the configuration's port and user, not the inventory's
            yield f"raw{key} {value}"
        elif key:
            yield f"{key} {value}"


def _split(line: str) -> tuple[str, str]:
    """``(key in lower case, value)``, both empty for a blank line or a comment."""
    found = re.fullmatch(r"\s*(\w+)(?:\s*=\s*|\s+)(.*\S)\s*", line)
    if not found:
        return "", ""
    value = found[2]
    if '"' not in value:
        value = re.sub(r"\s#.*", "", value).rstrip()
    return found[1].lower(), value


def _criteria(key: str, value: str) -> str:
    """A block's condition as criteria of ``Match``, which are joined by *and*."""
    if key == "match":
        return "" if value.strip().lower() == "all" else value
    return f'originalhost "{",".join(shlex.split(value))}"'


def _block(condition: tuple[str, ...]) -> str:
    criteria = " ".join(part for part in condition if part)
    return f"match {criteria}" if criteria else "host *"


def _included(path: Path, value: str) -> Iterator[Path]:
    home = str(path.parent) if path.is_relative_to("/etc") else "~/.ssh"
    for word in shlex.split(value):
        pattern = Path(word).expanduser()
        if not pattern.is_absolute():
            pattern = Path(home).expanduser() / word
        yield from (Path(p) for p in sorted(glob.glob(str(pattern))) if Path(p).is_file())  # noqa: PTH207 - pathlib globs no absolute pattern


def _broken(path: object, why: str) -> TransportError:
    return TransportError(
        "invalid-inventory", f"{path}: {why}", "check it with `ssh -G HOST`, which reads it too"
    )


# --- what holds for a host -----------------------------------------------------------------------


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
            raise _broken("ProxyJump", f"more than {_MOST_HOPS} hops to {name}")
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
        r"(?:ssh://)?(?:(?P<user>[^@]+)@)?(?:\[(?P<ip6>[^]]+)\]|(?P<host>[^:@\s]+))(?::(?P<port>\d+))?/?",
        word.strip(),
    )
    if not found:
        raise _broken("ProxyJump", f"{word!r} is not [user@]host[:port]")
    port = int(found["port"]) if found["port"] else None
    settings = SshSettings(user=found["user"], port=port)
    return hop(found["ip6"] or found["host"], settings, lookup, known_hosts)


def hop(name: str, settings: SshSettings, lookup: Lookup, known_hosts: tuple[str, ...]) -> Hop:
    """One login: the inventory's settings, then the configuration for the name, then defaults."""
    alias = settings.address or name
    try:
        config = lookup(alias)
        port = settings.port or int(config.get("port", 22))
        timeout = settings.connect_timeout or _seconds(config.get("connecttimeout"))
    except Exception as error:  # the library raises its own, ValueError, OSError, KeyError
        raise _broken("~/.ssh/config", f"for {alias}: {error}") from error
    host = config.get("hostname", alias)
    user = settings.user or config.get("user") or getpass.getuser()
    tokens = _Tokens(alias, host, port, user)
    named = (*settings.key_files, *config.get("identityfile", ()))
    files = settings.known_hosts or _files(config.get("userknownhostsfile")) or known_hosts
    trusted = _files(config.get("globalknownhostsfile")) or GLOBAL_KNOWN_HOSTS
    return Hop(
        name=name,
        host=host,
        port=port,
        user=user,
        key_files=tuple(dict.fromkeys(map(tokens.path, named or DEFAULT_KEYS))),
        explicit_keys=bool(named),
        identities_only=config.get("identitiesonly", "no").lower() == "yes",
        agent=_agent(config.get("identityagent"), tokens),
        known_hosts=tuple(map(tokens.path, (f for f in files if f != "none"))),
        global_known_hosts=tuple(map(tokens.path, (f for f in trusted if f != "none"))),
        key_alias=config.get("hostkeyalias", ""),
        hash_names=config.get("hashknownhosts", "no").lower() == "yes",
        connect_timeout=timeout,
        proxy_command=_proxy_command(config, tokens),
        jumps=_jumps(config.get("proxyjump")),
    )


@dataclass(frozen=True)
class _Tokens:
    """The percent words of ssh_config(5) that a path or a command may have."""

    alias: str
    host: str
    port: int
    user: str

    def fill(self, value: str) -> str:
        known = {
            "%": "%",
            "d": str(Path("~").expanduser()),
            "h": self.host,
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


def _files(value: str | None) -> tuple[str, ...]:
    return tuple(shlex.split(value)) if value else ()


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.lower() != "none" else None


def _agent(value: str | None, tokens: _Tokens) -> str:
    if value is None or value == "SSH_AUTH_SOCK":
        return os.environ.get("SSH_AUTH_SOCK", "")
    if value.lower() == "none":
        return ""
    return os.environ.get(value[1:], "") if value.startswith("$") else tokens.path(value)


def _jumps(value: str | None) -> tuple[str, ...]:
    if not value or value.lower() == "none":
        return ()
    return tuple(word.strip() for word in value.split(","))


def _proxy_command(config: Mapping[str, Any], tokens: _Tokens) -> str:
    command = config.get("rawproxycommand", "none")
    # "ProxyJump none" too switches off a command that stands further down, as in ssh
    if config.get("proxyjump") or command.lower() == "none":
        return ""
    return tokens.fill(command)
