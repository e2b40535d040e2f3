"""From a machine of the lab to what ``ssh.connect`` takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from provisioner.hosts.ssh.connect import SshOptions, connect
from provisioner.hosts.ssh.connection import SshConnection
from provisioner.hosts.transport import TransportError
from provisioner.spec.types import Host, SshSettings
from tests.hosts.machine import Machine


def ssh_host(machine: Machine, **changes: Any) -> Host:
    """The machine as an inventory would name it, with its key; ``changes`` are of SshSettings."""
    settings: dict[str, Any] = {
        "address": machine.address,
        "port": machine.options.port,
        "user": "deploy",
        "key_files": (str(machine.key),),
        "known_hosts": (str(machine.known_hosts),),
    }
    return Host(machine.name, connection="ssh", ssh=SshSettings(**(settings | changes)))


def ssh_options(**changes: Any) -> SshOptions:
    """No configuration of this machine's user has a say."""
    return SshOptions(**({"config_files": (), "known_hosts": ()} | changes))


@contextmanager
def connected(host: Host, **changes: Any) -> Iterator[SshConnection]:
    connection = connect(host, settings=ssh_options(**changes))
    try:
        yield connection
    finally:
        connection.close()


def failure(host: Host, **changes: Any) -> TransportError:
    """The error of a connection that must not come about."""
    try:
        connection = connect(host, settings=ssh_options(**changes))
    except TransportError as error:
        return error
    connection.close()
    raise AssertionError(f"connected to {host.name}")
