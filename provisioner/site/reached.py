"""How each host of a spec would be reached. None is contacted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from provisioner.errors import Problem, ProvisionError
from provisioner.hosts.reach import Reach, reach
from provisioner.hosts.ssh.lookup import DEFAULT_FILES, lookup_of
from provisioner.hosts.transport import TransportError
from provisioner.spec.types import Host
from provisioner.workers import each, workers

KNOWN_HOSTS = ("~/.ssh/known_hosts", "~/.ssh/known_hosts2")


def values(
    hosts: Sequence[Host], *, become: bool, parallel: int, warn: Callable[[str], None]
) -> list[Mapping[str, Any]]:
    """Side by side. Raises ProvisionError with what is wrong of every host."""
    lookup = lookup_of(DEFAULT_FILES, warn)

    def one(host: Host) -> Reach | Problem:
        try:
            return reach(host, lookup, KNOWN_HOSTS, become)
        except TransportError as error:
            return Problem(error.code, str(error), error.hint, host=host.name)

    with workers(max(1, min(len(hosts), parallel))) as pool:
        found = list(each(pool, one, hosts))
    if problems := [item for item in found if isinstance(item, Problem)]:
        raise ProvisionError(problems)
    return [
        {**item.values, "from": dict(item.origins)} for item in found if isinstance(item, Reach)
    ]
