"""``ansible_ssh_common_args``: the few options of ssh that this tool has too. Text → values.

Anything else is an error: an option that was dropped without a word could be the one that matters.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import Any

from provisioner.spec.words import Refusal, refuse

SHORT = {"-J": "proxyjump", "-i": "identityfile", "-p": "port", "-l": "user"}
JUMP = re.compile(r"(?:ssh://)?(?:[^@\s,]+@)?(?:\[[0-9A-Fa-f:.]+\]|[^\s,:@\[\]/]+)(?::\d{1,5})?/?")
INSTEAD = {
    "stricthostkeychecking": "take it out: host keys are always checked; --accept-new-host-keys "
    "takes those of a fresh lab",
    "proxycommand": "write ProxyJump=HOST (-J HOST)",
    "controlmaster": "take it out: connections are kept open anyway",
    "controlpersist": "take it out: connections are kept open anyway",
    "controlpath": "take it out: connections are kept open anyway",
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


def options(text: str) -> list[tuple[str, str]]:
    """(option in small letters, value) in the order given."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        refuse(f"the quotes do not match: {error}", "check the quotes")
    found = []
    while words:
        word = words.pop(0)
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
    if name not in ALLOWED.lower().split(", "):
        refuse(
            f"'{found[1]}' is not an option that can be taken over",
            INSTEAD.get(name, f"use {ALLOWED}, or say it in ~/.ssh/config"),
        )
    return name, found[2].strip('"')


def take(found: dict[str, Any], name: str, value: str) -> None:
    """ssh takes the first value it is given; identity files add up."""
    if name == "identityfile":
        found["key_files"] = (*found.get("key_files", ()), value)
    elif name == "proxyjump":
        jumps = () if value.lower() == "none" else tuple(part.strip() for part in value.split(","))
        for jump in jumps:
            if not JUMP.fullmatch(jump):
                refuse(f"'{jump}' is not a host to jump by", "write USER@HOST:PORT")
        found.setdefault("jumps", jumps)
    elif name == "port":
        found.setdefault("port", port(value))
    elif name == "user":
        found.setdefault("user", value)
    elif name == "userknownhostsfile":
        found.setdefault("known_hosts", tuple(value.split()))
    else:
        if not re.fullmatch(r"[0-9]{1,5}", value) or int(value) == 0:
            refuse(f"ConnectTimeout '{value}' is not a number of seconds", "")
        found.setdefault("connect_timeout", float(value))


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
