"""Where each address of a cluster is dialled from, and which are dialled at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from provisioner.hosts.observer import Shell
from provisioner.hosts.transport import Connection, TransportError
from provisioner.kafka.port import BrokerView
from provisioner.kafka.routes import ForeignAddress, Routes
from provisioner.kinds.layout import Facts
from provisioner.site.routes import routes
from provisioner.spec.types import Host, Listener, Spec, SshSettings
from tests.unit.plan.model_cluster import spec_of


class Machine:
    """Tells who was asked to dial; ``error`` instead, if there is one."""

    def __init__(self, name: str, error: TransportError | None = None):
        self.name, self.error = name, error

    def dial(self, host: str, port: int, seconds: float) -> str:
        if self.error is not None:
            raise self.error
        return f"{self.name} → {host}:{port}"


def facts(hostname: str) -> Facts:
    return Facts("root", 0, "root", "root", "/", True, "x86_64", "", hostname=hostname)


def spec() -> Spec:
    """Two SSH hosts; broker 1 is on vm1, the others on vm2, which knows itself by two names."""
    base = spec_of("three")
    hosts = {
        "vm1": Host("vm1", "ssh", SshSettings(address="192.0.2.1"), kafka_address="10.0.0.1"),
        "vm2": Host("vm2", "ssh", SshSettings(address="192.0.2.2"), kafka_address="10.0.0.2"),
    }
    nodes = []
    for number, node in enumerate(base.brokers):
        host = "vm1" if number == 0 else "vm2"
        bound = (Listener("PLAINTEXT", "", 9092 + number), Listener("IN", "127.0.0.1", 9192))
        told = (Listener("PLAINTEXT", f"{host}.example", 9092 + number),)
        nodes.append(replace(node, host=host, listeners=bound, advertised_listeners=told))
    return replace(base, nodes=tuple(nodes), hosts=hosts)


def made(**errors: TransportError) -> Routes:
    shells = {n: Shell(cast(Connection, Machine(n, errors.get(n)))) for n in ("vm1", "vm2")}
    known = {"vm1": facts("kafka-one"), "vm2": facts("vm1.example")}
    return routes(spec(), shells, known)


@pytest.mark.parametrize(
    ("host", "port", "by"),
    [
        ("vm1.example", 9092, "vm1"),
        ("vm2.example", 9093, "vm2"),
        ("10.0.0.1", 9092, "vm1"),  # bound on all interfaces
        ("10.0.0.2", 9093, "vm2"),
        ("vm1", 9999, "vm1"),  # a broker that the spec lacks, by any name of the machine
        ("vm1.example", 9999, "vm1"),  # vm2 says that it is called so: it takes no other's name
        ("192.0.2.2", 9999, "vm2"),
        ("kafka-one", 9999, "vm1"),
        ("localhost", 9192, "vm1"),
    ],
)
def test_from_the_machine_that_has_it(host: str, port: int, by: str) -> None:
    assert made().dial(host, port, 1.0) == f"{by} → {host}:{port}"


@pytest.mark.parametrize(
    ("host", "port"),
    [("169.254.169.254", 80), ("evil.example", 9092), ("0.0.0.0", 9092), ("", 9092), ("vm3", 22)],
)
def test_no_other_is_dialled(host: str, port: int) -> None:
    with pytest.raises(ForeignAddress, match="is not on a host of this cluster"):
        made().dial(host, port, 1.0)


def test_a_tunnel_has_the_specs_addresses_and_the_registered_ones_of_our_machines() -> None:
    registered = [BrokerView(9, "vm1", 9999), BrokerView(7, "evil.example", 22)]
    only = made().only(registered)
    assert only.dial("vm1", 9999, 1.0) == "vm1 → vm1:9999"
    assert only.dial("vm2.example", 9093, 1.0) == "vm2 → vm2.example:9093"
    for host, port in (("vm1", 22), ("evil.example", 22), ("vm1.example", 9999)):
        with pytest.raises(ForeignAddress):
            only.dial(host, port, 1.0)


def test_errors_are_those_of_sockets() -> None:
    refused = TransportError("connection-refused", "connection refused by h1 port 9092 from vm1")
    with pytest.raises(ConnectionRefusedError):
        made(vm1=refused).dial("vm1", 9092, 1.0)
    gone = TransportError("connection-lost", "the connection to vm2 was lost")
    with pytest.raises(OSError, match="the connection to vm2 was lost"):
        made(vm2=gone).dial("vm2", 9092, 1.0)


def test_a_host_that_cannot_be_reached() -> None:
    found: Any = routes(spec(), {}, {})
    with pytest.raises(OSError, match="vm1 cannot be reached"):
        found.dial("vm1.example", 9092, 1.0)
