"""The addresses of a cluster's brokers, and the host from which each is dialled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisioner.hosts.observer import Shell
from provisioner.hosts.transport import Connection, TransportError
from provisioner.kafka.dialing import dial_directly
from provisioner.kafka.port import Address, Dial
from provisioner.kafka.routes import Routes, names
from provisioner.kinds.layout import Facts
from provisioner.spec.types import Host, Listener, Node, Spec

EVERYWHERE = ("", "0.0.0.0", "::")


def routes(spec: Spec, shells: Mapping[str, Shell], facts: Mapping[str, Facts]) -> Routes:
    """An address is dialled from the host whose node advertises it, else from the one that
    listens there. A host is known by the names in the spec, in the inventory and its own; its
    own comes last, so that it cannot claim another host's name."""
    dials = {name: dial_from(host, shells.get(name)) for name, host in spec.hosts.items()}
    addresses: dict[Address, Dial] = {}
    for addresses_of in (advertised, bound):
        for node in spec.known:
            for address in addresses_of(spec, node):
                addresses.setdefault(address, dials[node.host])
    known: list[tuple[str | None, Dial]] = [(host, d) for (host, _), d in addresses.items()]
    known += [(each, dials[name]) for name, host in spec.hosts.items() for each in called(host)]
    known += [(told.hostname, dials[name]) for name, told in facts.items()]
    machines: dict[str, Dial] = {}
    for host_name, dial in known:
        for each in names(host_name or ""):
            machines.setdefault(each, dial)
    machines.pop("", None)
    return Routes(addresses, machines)


def advertised(spec: Spec, node: Node) -> list[Address]:
    return _addresses(spec, node, [*node.advertised_listeners, node.advertised_controller])


def bound(spec: Spec, node: Node) -> list[Address]:
    return _addresses(spec, node, [*node.listeners, node.controller_listener])


def _addresses(spec: Spec, node: Node, listeners: Iterable[Listener | None]) -> list[Address]:
    own = spec.hosts[node.host].kafka_address or "localhost"
    return [(own if x.host in EVERYWHERE else x.host, x.port) for x in listeners if x is not None]


def called(host: Host) -> tuple[str | None, ...]:
    return host.kafka_address, host.ssh.address, host.name


def dial_from(host: Host, shell: Shell | None) -> Dial:
    """How that host dials; its errors are OSErrors, as those of sockets."""
    if host.connection == "local":
        return dial_directly
    if shell is None:
        return _away(host.name)
    return _through(shell.connection)


def _away(name: str) -> Dial:
    def dial(host: str, port: int, seconds: float) -> Any:
        raise OSError(f"{name} cannot be reached")

    return dial


def _through(connection: Connection) -> Dial:
    def dial(host: str, port: int, seconds: float) -> Any:
        try:
            return connection.dial(host, port, seconds)
        except TransportError as error:
            if error.code == "connection-refused":
                raise ConnectionRefusedError(str(error)) from error
            raise OSError(str(error)) from error

    return dial
