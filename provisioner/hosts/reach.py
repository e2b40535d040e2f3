"""How a host would be reached, and where each setting comes from, without contacting it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.hosts.ssh_config import DEFAULT_KEYS, GLOBAL_KNOWN_HOSTS, Hop, Lookup, route
from provisioner.spec.types import Host

CONFIGURATION, DEFAULT = "ssh configuration", "default"
KEY_VARIABLES = ("ansible_ssh_private_key_file", "ansible_private_key_file")
ARGS = ("ansible_ssh_args", "ansible_ssh_common_args")
TIMEOUT = 10.0


@dataclass(frozen=True)
class Reach:
    """``values`` as ``provision hosts --json`` has them; ``origins``: field → where it is said."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]


def reach(host: Host, lookup: Lookup, known_hosts: tuple[str, ...]) -> Reach:
    """Raises TransportError (``invalid-inventory``)."""
    values: dict[str, Any] = {
        "name": host.name,
        "connection": host.connection,
        "become": host.become,
        "become_user": host.become_user if host.become else None,
        "kafka_address": host.kafka_address,
        "groups": list(host.groups),
    }
    said = {
        "connection": _said(host, "ansible_connection"),
        "become": _said(host, "ansible_become"),
        "become_user": _said(host, "ansible_become_user"),
        "kafka_address": _said(host, "kafka_address"),
    }
    if host.connection == "local":
        empty = dict.fromkeys(("address", "port", "user", "proxy_command", "connect_timeout"))
        return Reach({**values, **empty, "keys": [], "jumps": [], "known_hosts": []}, said)
    *jumps, hop = route(host.name, host.ssh, lookup, known_hosts)
    values |= {
        "address": hop.host,
        "port": hop.port,
        "user": hop.user,
        "keys": list(hop.key_files),
        "jumps": [str(jump) for jump in jumps],
        "proxy_command": (jumps[0] if jumps else hop).proxy_command or None,
        "known_hosts": [*hop.known_hosts, *hop.global_known_hosts],
        "connect_timeout": hop.connect_timeout or TIMEOUT,
    }
    return Reach(values, said | _ssh_origins(host, hop, bool(jumps), known_hosts))


def _said(host: Host, *variables: str) -> str:
    return next((host.origins[name] for name in variables if name in host.origins), DEFAULT)


def _ssh_origins(
    host: Host, hop: Hop, jumped: bool, known_hosts: tuple[str, ...]
) -> dict[str, str]:
    """The inventory's word goes before the configuration's: it is the origin where it has one."""
    given, args = host.ssh, _said(host, *ARGS)
    alias = given.address or host.name
    usual = tuple(str(Path(file).expanduser()) for file in (*known_hosts, *GLOBAL_KNOWN_HOSTS))
    keys = tuple(str(Path(file).expanduser()) for file in DEFAULT_KEYS)
    configured = {
        "address": hop.host != alias,
        "port": hop.port != 22,
        "user": hop.user != getpass.getuser(),
        "keys": hop.key_files != keys,
        "jumps": jumped,
        "proxy_command": bool(hop.proxy_command),
        "known_hosts": (*hop.known_hosts, *hop.global_known_hosts) != usual,
        "connect_timeout": hop.connect_timeout is not None,
    }
    found = {key: CONFIGURATION if true else DEFAULT for key, true in configured.items()}
    if not configured["address"]:
        found["address"] = _said(host, "ansible_host")
    for key, true, variables in (
        ("port", given.port, ("ansible_port", *ARGS)),
        ("user", given.user, ("ansible_user", *ARGS)),
        ("keys", given.key_files, (*KEY_VARIABLES, *ARGS)),
    ):
        if true:
            found[key] = _said(host, *variables)
    for key, by_args in (
        ("jumps", given.jumps),
        ("known_hosts", given.known_hosts),
        ("connect_timeout", given.connect_timeout),
    ):
        if by_args:
            found[key] = args
    return found
