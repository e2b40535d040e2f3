"""``start``, ``stop``, ``restart``: what they refuse."""

from __future__ import annotations

import pytest

from provisioner.errors import ProvisionError
from provisioner.verbs.processes import WAVES
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
        assert not WAVES[verb](model.target, model.planned(), [node], True)
        return
    with pytest.raises(ProvisionError, match="not mounted"):
        WAVES[verb](model.target, model.planned(), [node], True)
