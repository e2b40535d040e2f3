"""How a host would be reached, and where each setting comes from, without contacting it."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisioner.hosts.ssh.config import DEFAULT_KEYS, GLOBAL_KNOWN_HOSTS, Hop, Lookup, route
from provisioner.spec.types import Host

CONFIGURATION, DEFAULT, ASKED = "ssh configuration", "default", "command line (-K)"
TIMEOUT = 10.0


@dataclass(frozen=True)
class Reach:
    """``values`` as ``provision hosts --json`` has them; ``origins``: field → where it is said."""

    values: Mapping[str, Any]
    origins: Mapping[str, str]


def reach(host: Host, lookup: Lookup, known_hosts: tuple[str, ...], become: bool) -> Reach:
    """``become``: -K was given. Raises TransportError (``invalid-inventory``)."""
    may_become = host.may_become(become)
    values: dict[str, Any] = {
        "name": host.name,
        "connection": host.connection,
        "become": may_become,
        "become_user": host.become_user if may_become else None,
        "kafka_address": host.kafka_address,
        "groups": list(host.groups),
    }
    fields = ("connection", "become", "become_user", "kafka_address", "groups")
    said = {field: _said(host, field) for field in fields}
    if may_become and host.become is None:
        said["become"] = ASKED
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
        "proxy_command": (*jumps, hop)[0].proxy_command or None,
        "known_hosts": [*hop.known_hosts, *hop.global_known_hosts],
        "connect_timeout": hop.connect_timeout or TIMEOUT,
    }
    return Reach(values, said | _ssh_origins(host, hop, jumps, known_hosts))


def _said(host: Host, field: str) -> str:
    return host.origins.get(field, DEFAULT)


def _ssh_origins(
    host: Host, hop: Hop, jumps: Sequence[Hop], known_hosts: tuple[str, ...]
) -> dict[str, str]:
    """The inventory's word goes before the configuration's: it is the origin where it has one."""
    alias = host.ssh.address or host.name
    usual = tuple(str(Path(file).expanduser()) for file in (*known_hosts, *GLOBAL_KNOWN_HOSTS))
    keys = tuple(str(Path(file).expanduser()) for file in DEFAULT_KEYS)
    configured = {
        "address": hop.host != alias,
        "port": hop.port != 22,
        "user": hop.user != getpass.getuser(),
        "keys": hop.key_files != keys,
        "jumps": bool(jumps),
        "proxy_command": bool((*jumps, hop)[0].proxy_command),
        "known_hosts": (*hop.known_hosts, *hop.global_known_hosts) != usual,
        "connect_timeout": hop.connect_timeout is not None,
    }
    found = {key: CONFIGURATION if true else DEFAULT for key, true in configured.items()}
    own = {field: place for field, place in host.origins.items() if field in configured}
    if configured["address"]:  # what the inventory names is only what was looked up
        own.pop("address", None)
    if "keys" in own and len(hop.key_files) > len(host.ssh.key_files):
        own["keys"] += f", {CONFIGURATION}"
    return found | own
