"""``ansible_ssh_common_args``: the few options of ssh that this tool has too. Text → values.

Anything else is an error: an option that was dropped without a word could be the one that matters.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, fields
from typing import Any

from provisioner.spec.words import Refusal, is_address, is_login, refuse

IGNORED = ("controlmaster", "controlpersist", "controlpath")
"""In Ansible's own default of ansible_ssh_args: connections are kept open here anyway."""
SHORT = {"-J": "proxyjump", "-i": "identityfile", "-p": "port", "-l": "user"}
JUMP = re.compile(
    r"(?:ssh://)?(?:(?P<user>[^\s,]+)@)?"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s,:@\[\]/]+)(?::\d{1,5})?/?"
)
INSTEAD = {
    "stricthostkeychecking": "take it out: host keys are always checked; --accept-new-host-keys "
    "takes those of a fresh lab",
    "proxycommand": "write ProxyJump=HOST (-J HOST)",
}


@dataclass(frozen=True)
class SshArgs:
    """What the options said; None or empty where they said nothing."""

    jumps: tuple[str, ...] = ()
    key_files: tuple[str, ...] = ()
    port: int | None = None
    user: str | None = None
    known_hosts: tuple[str, ...] = ()
    connect_timeout: float | None = None


def parse(text: str) -> SshArgs:
    """Raises ``Refusal``."""
    found: dict[str, Any] = {}
    for name, value in options(text):
        take(found, name, value)
    return SshArgs(**found)


def joined(first: SshArgs, then: SshArgs) -> SshArgs:
    """Two variables as one command line: the first word counts, identity files add up."""
    values = {f.name: getattr(first, f.name) or getattr(then, f.name) for f in fields(SshArgs)}
    return SshArgs(**{**values, "key_files": (*first.key_files, *then.key_files)})


def options(text: str) -> list[tuple[str, str]]:
    """(option in small letters, value) in the order given."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        refuse(f"the quotes do not match: {error}", "check the quotes")
    found = []
    while words:
        word = words.pop(0)
        if word == "-C":
            continue  # compression: nothing depends on it
        flag, rest = word[:2], word[2:]
        if flag not in (*SHORT, "-o"):
            refuse(
                f"'{word}' is not an option that can be taken over",
                "use -J, -i, -p, -l, or -o with " + ALLOWED,
            )
        if not rest and not words:
            refuse(f"'{word}' lacks its value", "")
        value = rest or words.pop(0)
        found.append((SHORT[flag], value) if flag in SHORT else assignment(value))
    return found


ALLOWED = "ProxyJump, IdentityFile, Port, User, UserKnownHostsFile, ConnectTimeout"


def assignment(text: str) -> tuple[str, str]:
    """``Name=value`` or ``Name value``."""
    found = re.fullmatch(r"\s*([A-Za-z]+)\s*(?:=|\s)\s*(.*?)\s*", text)
    if not found:
        refuse(f"'-o {text}' is not NAME=VALUE", "")
    name = found[1].lower()
    if name in IGNORED:
        return name, ""
    if name not in ALLOWED.lower().split(", "):
        refuse(
            f"'{found[1]}' is not an option that can be taken over",
            INSTEAD.get(name, f"use {ALLOWED}, or say it in ~/.ssh/config"),
        )
    return name, found[2] if name == "userknownhostsfile" else found[2].strip('"')


def take(found: dict[str, Any], name: str, value: str) -> None:
    """ssh takes the first value it is given; identity files add up."""
    if name == "identityfile":
        found["key_files"] = (*found.get("key_files", ()), value)
    elif name == "proxyjump":
        jumps = tuple(part.strip() for part in value.split(","))
        for jump in jumps:
            if not is_jump(jump):  # "none" has the form of a host too
                refuse(f"'{jump}' is not a host to jump by", "write USER@HOST:PORT")
        found.setdefault("jumps", jumps)
    elif name == "port":
        found.setdefault("port", port(value))
    elif name in IGNORED:
        return
    elif name == "user":
        if not is_login(value):
            refuse(f"'{value[:60]}' is not a user name", "")
        found.setdefault("user", value)
    elif name == "userknownhostsfile":
        found.setdefault("known_hosts", files(value))
    else:
        if not re.fullmatch(r"[0-9]{1,5}", value) or int(value) == 0:
            refuse(f"ConnectTimeout '{value}' is not a number of seconds", "")
        found.setdefault("connect_timeout", float(value))


def files(text: str) -> tuple[str, ...]:
    """Several, as ssh reads them: a name with a blank is in quotes. Raises ``Refusal``."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        refuse(f"the quotes do not match: {error}", "check the quotes")


def is_jump(text: str) -> bool:
    """``[user@]host[:port]`` of names that no command line reads as anything else."""
    found = JUMP.fullmatch(text)
    if not found:
        return False
    return is_address(found["host"].strip("[]")) and (not found["user"] or is_login(found["user"]))


def port(value: Any) -> int:
    """A port as Ansible takes it: a number, or text of one. Raises ``Refusal``."""
    text = str(value)
    if (
        isinstance(value, bool)
        or not re.fullmatch(r"[0-9]{1,5}", text)
        or not 0 < int(text) < 65536
    ):
        raise Refusal(f"'{text[:20]}' is not a port", "write a number from 1 to 65535")
    return int(text)
