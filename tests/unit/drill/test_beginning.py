"""Which broker a drill may begin with: pure questions, with data."""

from __future__ import annotations

from typing import Any

import pytest

from provisioner.drill.conditions import otherwise
from provisioner.plan.model import (
    Id,
    Observation,
    Plan,
    Present,
    Refused,
    State,
    Unknown,
    UnknownState,
)
from provisioner.plan.rules import Seen
from provisioner.site.planning import Planned

SERVICE = Id("vm", "service", "broker-1")
STORAGE = Id("vm", "storage", "/k/logs-1")
OTHER = Id("vm", "storage", "/k/logs-2")


def planned(seen: Observation, **plan: Any) -> Planned:
    desired = {SERVICE: State({"running": True}, inputs=(STORAGE,))}
    found = Seen({SERVICE: seen})
    return Planned(Plan(**plan, wanted=desired), found, found)


def running(running_digest: str, would: str) -> Present:
    return Present({"running": True, "running_digest": running_digest, "files_digest": would})


SAME = running("a1", "a1")


def test_it_comes_back_as_it_goes() -> None:
    assert otherwise(planned(SAME), SERVICE) == ""


def test_trouble_of_another_broker_is_not_its_own() -> None:
    found = planned(SAME, unread=(UnknownState(OTHER, "not mounted?"),))
    assert otherwise(found, SERVICE) == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (planned(running("a1", "b2")), "another configuration than it runs with"),
        (planned(running("-", "b2")), "another configuration than it runs with"),
        (planned(Unknown("timed out")), "could not be observed"),
        (planned(SAME, unread=(UnknownState(STORAGE, "not mounted?"),)), "not mounted?"),
        (planned(SAME, refused=(Refused(STORAGE, "another cluster's"),)), "another cluster's"),
        (planned(SAME, unread=(UnknownState(SERVICE, "timed out"),)), "timed out"),
    ],
)
def test_it_would_not_come_back_as_it_goes(found: Planned, words: str) -> None:
    assert words in otherwise(found, SERVICE)
