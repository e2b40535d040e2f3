"""Which addresses belong to a cluster, and from which machine each of them is dialled.

A broker's metadata may name any address. Only those of this cluster's own machines are dialled:
else a broker could send us, and what the library sends through our tunnel, wherever it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from provisioner.kafka.dialing import dial_directly
from provisioner.kafka.port import Address, BrokerView, Dial

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def names(host: str) -> tuple[str, ...]:
    """The host, and its other names if it is the loopback."""
    return LOOPBACK if host in LOOPBACK else (host,)


class ForeignAddress(OSError):
    """An address that was named to us, and is none of this cluster's."""

    def __init__(self, host: str, port: int):
        super().__init__(f"{host}:{port} is not on a host of this cluster, so it was not dialled")


@dataclass(frozen=True)
class Routes:
    """``addresses``: those of the spec's nodes. ``machines``: every name by which the cluster's
    machines are known; a broker that registered with one of them is dialled on any port."""

    addresses: Mapping[Address, Dial]
    machines: Mapping[str, Dial] = field(default_factory=dict)
    others: Dial | None = None
    """How any other address is dialled; None: it is not."""

    @classmethod
    def directly(cls, bootstrap: Sequence[Address]) -> Routes:
        """The machines behind these addresses, dialled from this one."""
        return cls({}, {name: dial_directly for host, _ in bootstrap for name in names(host)})

    @classmethod
    def anywhere(cls) -> Routes:
        """Whatever address a broker is registered with, dialled from this machine: of a cluster
        whose machines nobody has named."""
        return cls({}, {}, dial_directly)

    def knows(self, host: str, port: int) -> bool:
        known = (host, port) in self.addresses or host in self.machines
        return known or self.others is not None

    def dial(self, host: str, port: int, seconds: float) -> Any:
        """A connection to one of a broker's own addresses. OSError; ForeignAddress."""
        way = self.addresses.get((host, port)) or self.machines.get(host) or self.others
        if way is None:
            raise ForeignAddress(host, port)
        return way(host, port, seconds)

    def only(self, brokers: Iterable[BrokerView]) -> Routes:
        """The spec's addresses and those of these brokers, no other port of their machines."""
        registered = {
            (broker.host, broker.port): self.machines[broker.host]
            for broker in brokers
            if broker.host in self.machines
        }
        return Routes({**registered, **self.addresses}, {}, self.others)
