"""From the options of ``import`` to the hosts that are looked at, and what is written of them."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisioner.errors import Notice, Problem, ProvisionError, fail
from provisioner.importing import document, hosts
from provisioner.importing.found import Found, FoundHost
from provisioner.spec.types import Host
from provisioner.verbs.shared.console import Console

if TYPE_CHECKING:
    from provisioner.inventory.inventory import Inventory
    from provisioner.site.survey import Survey

KEPT = (
    "ansible_connection",
    "ansible_host",
    "ansible_port",
    "ansible_user",
    "ansible_ssh_private_key_file",
    "ansible_ssh_common_args",
    "ansible_become",
    "ansible_become_user",
)
"""The variables that the new inventory has too: never a password."""
LOCAL = ("localhost", "127.0.0.1")


def look(args: argparse.Namespace, console: Console) -> tuple[Found, tuple[str, ...]]:
    """The cluster on these hosts, and what of it Kafka could not tell. Raises ProvisionError."""
    from provisioner.site import importing
    from provisioner.site.survey import survey

    known, variables = _hosts(args)
    seen = survey(known, _options(args, console, known))
    try:
        problems = [*seen.troubles, *hosts.differences(seen.nodes)]
        if not seen.nodes and not problems:
            problems = ["no Kafka runs on these hosts"]
        if not any(node.listeners for node in seen.nodes) and not problems:
            problems = ["no broker runs on these hosts"]
        if problems:
            raise ProvisionError([Problem("not-supported", text) for text in problems])
        told = importing.look(seen.bootstrap(), seen.routes())
    finally:
        seen.close()
    name = args.cluster or document.cluster_name(told.kafka.cluster_id)
    dynamic = any("controller.quorum.bootstrap.servers" in v for v in seen.values.values())
    found = Found(name, told.kafka, seen.nodes, _found_hosts(seen, variables), dynamic=dynamic)
    return found, (*told.unread, *_missing(found))


def _missing(found: Found) -> list[str]:
    """Brokers that Kafka knows, and that run on none of these hosts."""
    assert found.kafka is not None
    here = {node.id for node in found.nodes if node.listeners}
    return [
        f"broker {broker.id} is registered from {broker.host} and runs on none of these hosts: it "
        "is not in the spec"
        for broker in found.kafka.brokers
        if broker.id not in here
    ]


def _found_hosts(seen: Survey, variables: Mapping[str, Mapping[str, Any]]) -> tuple[FoundHost, ...]:
    used = {node.host for node in seen.nodes}
    addresses = seen.addresses()
    return tuple(FoundHost(name, addresses.get(name, ""), variables[name]) for name in sorted(used))


def _hosts(args: argparse.Namespace) -> tuple[list[Host], dict[str, dict[str, Any]]]:
    """Those of --hosts, else all of the inventory, and the variables of each."""
    from provisioner.inventory.files import read_inventory
    from provisioner.inventory.inventory import Inventory

    known = read_inventory(Path(args.inventory)) if args.inventory else Inventory("")
    words = (args.hosts or "").split(",")
    named = list(dict.fromkeys(word.strip() for word in words if word.strip()))
    if args.inventory and named:
        strange = [name for name in named if name not in known.hosts]
        if strange:
            raise fail("usage", f"{strange[0]} is not in {args.inventory}")
    names = named or list(known.hosts)
    if not names:
        told = f"{args.inventory} has no hosts" if args.inventory else "--hosts names no host"
        raise fail("usage", told, "name the hosts that Kafka runs on")
    for name in names:
        known.hosts.setdefault(name, {})
    return _read(known, names)


def _read(known: Inventory, names: list[str]) -> tuple[list[Host], dict[str, dict[str, Any]]]:
    from provisioner.inventory.inventory import Var
    from provisioner.inventory.variables import HostReader

    found, variables, problems = [], {}, []
    for name in names:
        if name in LOCAL and not known.variables(name):
            known.hosts[name]["ansible_connection"] = Var("local")
        reader = HostReader(known, name, os.environ)
        found.append(reader.host())
        problems += reader.problems
        values = {key: var.value for key, var in known.variables(name).items() if key in KEPT}
        variables[name] = {key: value for key, value in values.items() if value is not None}
    if problems:
        raise ProvisionError(problems)
    return found, variables


def _options(args: argparse.Namespace, console: Console, known: list[Host]) -> Any:
    from provisioner.site.site import Options

    if all(host.connection == "local" for host in known):
        return Options()
    from provisioner.hosts.ssh.connect import SshOptions

    ssh = SshOptions(
        accept_new_host_keys=args.accept_new_host_keys,
        warn=lambda text: console.warn(Notice(text)),
    )
    return Options(ssh=ssh)
