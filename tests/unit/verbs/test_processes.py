"""``start``, ``stop``, ``restart``: what they refuse, and which nodes a stop is for."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.errors import ProvisionError
from provisioner.plan.model import Id, Observation, Plan, Present, Unknown
from provisioner.plan.rules import Seen
from provisioner.run.processes import WAVES, stops
from provisioner.site.planning import Planned
from provisioner.site.site import Site
from provisioner.spec.types import Node, Role
from tests.unit.plan.model_cluster import ModelCluster


@pytest.mark.parametrize("verb", ["start", "restart"])
@pytest.mark.parametrize("runs", [True, False])
def test_no_node_is_started_on_a_disk_that_is_not_mounted(verb: str, runs: bool) -> None:
    model = ModelCluster.made("three")
    (node,) = [n for n in model.spec.brokers if n.log_dirs[0].path == "/data/3"]
    if not runs:
        model.kill(node.name)
    model.unmount("h3:/data/3")
    if verb == "start" and runs:
        assert not WAVES[verb](model.site, model.planned(), [node], True)
        return
    with pytest.raises(ProvisionError, match="not mounted"):
        WAVES[verb](model.site, model.planned(), [node], True)


NODE = cast(Node, SimpleNamespace(id=1, name="broker-1", host="h", role=Role.BROKER))


def seen(running: bool, state: str = "") -> Present:
    return Present({"running": running}, volatile={"ActiveState": state} if state else {})


@pytest.mark.parametrize(
    ("found", "stopped"),
    [
        (seen(True), True),
        (seen(False), False),
        (seen(False, "inactive"), False),
        (seen(False, "failed"), False),
        # After a crash or a boot there is no process for a moment, and then there is one.
        (seen(False, "activating"), True),
        (seen(False, "active"), True),
        (Unknown("timed out"), False),
    ],
)
def test_what_systemd_is_about_to_start_is_stopped_too(found: Observation, stopped: bool) -> None:
    spec: Any = SimpleNamespace(node=lambda name: NODE, nodes=[])
    site = cast(Site, SimpleNamespace(spec=spec))
    seen = Seen({Id("h", "service", "broker-1"): found})
    planned = Planned(Plan(), seen, seen)
    waves = stops(site, planned, [NODE], one=False)
    assert [c.action for wave in waves for c in wave.changes] == (["stop"] if stopped else [])
