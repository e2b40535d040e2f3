"""Cross-checks of hosts: known to the inventory, two machines, and how nodes reach each other."""

from __future__ import annotations

import difflib
from typing import Any

from provisioner.spec.checks import Review, node_item
from provisioner.spec.types import Host, Node, Role
from provisioner.spec.words import is_loopback
from provisioner.spec.yamlfile import Loc


def check_all(review: Review) -> None:
    for one in (hosts, machines, addresses):
        one(review)


def hosts(review: Review) -> None:
    known = sorted(review.known_hosts)
    entries: list[tuple[str, Loc]] = [(i.host, (p, n, "host")) for p, n, i in review.items()]
    entries += [(name, ("hosts", name)) for name in review.built.shape.hosts]
    for name, loc in entries:
        if name in review.known_hosts:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
        if review.inventory is None:
            hint = (
                "without an inventory the only host is 'localhost': add inventory: FILE, or use -i"
            )
        else:
            hint = f"did you mean '{near[0]}'?" if near else f"it is not in {review.inventory}"
        review.report(f"unknown host '{name}'", loc, hint, key=loc[0] == "hosts")


def machines(review: Review) -> None:
    """Two names for one machine would fight over its ports and its lock."""
    first: dict[Any, Host] = {}
    for part, number, item in review.items():
        host = review.built.spec.hosts[item.host]
        ssh = host.ssh
        reached: Any = "this machine, without SSH"
        if host.connection == "ssh":
            reached = f"{ssh.address or host.name}, port {ssh.port or 22}"
        key = (reached, ssh.jumps)
        other = first.setdefault(key, host)
        if other.name != host.name:
            review.report(
                f"{other.name} and {host.name} are the same machine: both are {reached}",
                (part, number, "host"),
                "use one name for it",
            )
            first[key] = host


def addresses(review: Review) -> None:
    """How nodes reach each other, once they are on more than one host."""
    spec, said = review.built.spec, set()
    several = len(spec.hosts) > 1
    for part, number, item in review.items():
        host, loc = spec.hosts[item.host], (part, number, "host")
        if not several or host.name in said or host.name not in review.known_hosts:
            continue
        if not host.kafka_address and needs_address(spec.nodes, host.name):
            said.add(host.name)
            review.report(
                f"host {host.name} has no address for the other nodes",
                loc,
                f"add hosts: {{{host.name}: {{address: …}}}} to the spec, or kafka_address to the "
                "host's variables; it is never guessed from ansible_host",
            )
        elif host.kafka_address and is_loopback(host.kafka_address):
            said.add(host.name)
            review.report(
                f"the address of host {host.name} is {host.kafka_address}, which is "
                "another machine on every host",
                loc,
                "give the address that the other hosts use",
            )
    if several:
        loopback_listeners(review, said)


def loopback_listeners(review: Review, said: set[str]) -> None:
    for node in review.built.spec.brokers:
        for number, listener in enumerate(node.advertised_listeners):
            if is_loopback(listener.host) and node.host not in said:
                part = "advertised_listeners"
                if not node_item(review, node).advertised_listeners:
                    part = "listeners"
                review.report(
                    f"{listener} is a loopback address, but the cluster is on "
                    f"{len(review.built.spec.hosts)} hosts",
                    review.built.loc(node, part, number),
                    f"leave the host out: {listener.name}://:{listener.port} advertises the "
                    "host's address",
                )


def needs_address(nodes: tuple[Node, ...], host: str) -> bool:
    """Whether anything on the host is reached by the host's address."""
    for node in nodes:
        if node.host != host:
            continue
        if node.role is Role.ZOOKEEPER or not all(x.host for x in node.advertised_listeners):
            return True
        if node.advertised_controller and not node.advertised_controller.host:
            return True
    return False
