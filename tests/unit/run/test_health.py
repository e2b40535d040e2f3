"""The quorum's part in a cluster's health."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from provisioner.kafka.port import ClusterView, QuorumView
from provisioner.site.health import _quorum
from provisioner.site.site import Site


def site(kraft: bool = True) -> Site:
    nodes = [SimpleNamespace(id=id, name=f"controller-{id}") for id in (11, 12, 13)]
    return cast(
        Site, SimpleNamespace(spec=SimpleNamespace(is_kraft=kraft, controllers=nodes, bootstrap=()))
    )


def view(leader: int | None, **lag: int) -> ClusterView:
    voters = {int(name[1:]): records for name, records in lag.items()}
    return ClusterView("id", leader, (), (), quorum=QuorumView(leader, voters))


@pytest.mark.parametrize(
    ("seen", "ok", "detail"),
    [
        (view(11, c11=0, c12=3, c13=0), True, "3 controllers are caught up"),
        (view(None, c11=0, c12=0, c13=0), False, "the controllers have no leader"),
        (view(11, c11=0, c12=0, c13=493), False, "not caught up: controller-13"),
        (view(11, c11=0, c12=0), False, "not a voter: controller-13"),
        (ClusterView("id", 11, (), ()), None, "it could not be read"),
    ],
)
def test_every_controller_votes_and_has_caught_up(
    seen: ClusterView, ok: bool | None, detail: str
) -> None:
    (check,) = _quorum(site(), seen)
    assert (check.ok, check.detail) == (ok, detail)


def test_one_that_is_away_is_not_waited_for() -> None:
    (check,) = _quorum(site(), view(11, c11=0, c12=0, c13=493), frozenset({13}))
    assert check.ok


def test_zookeeper_has_no_controllers() -> None:
    assert _quorum(site(kraft=False), view(11)) == []
