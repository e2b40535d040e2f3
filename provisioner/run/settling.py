"""The wait of whoever changes a cluster: as ``site.health.settle``, and a partition that nobody
leads though its brokers are up gets a leader meanwhile."""

from __future__ import annotations

from collections.abc import Collection

from provisioner.run.leaderless import Leaderless
from provisioner.run.session import Session
from provisioner.site.health import settle


def wait_in_sync(
    run: Session, down: Collection[str] = (), filled: frozenset[int] = frozenset()
) -> None:
    """Until every partition is led and in sync, as long as there is progress and no signal. It does
    not wait for the nodes that ``down`` names, nor for the replicas of brokers that are ``filled``
    in a later round."""
    settle(run.site, run.emit, run.stop, down, Leaderless(run), filled)
