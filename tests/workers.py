"""How `pytest -n` (pytest-xdist) deals tests out: what shares a fixture stays with one worker.

Used with ``--dist loadfile``. A file is a unit; a folder whose ``conftest.py`` makes one cluster
for all its files is a unit too. The longest units begin first, or a worker would end the run alone
with one of them.
"""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARED = ("tests/real/sheet",)
"""Folders with a package-wide fixture."""

LONGEST = (
    "tests/real/sheet",
    "tests/real/test_leaving.py",
    "tests/real/test_unlucky_moves.py",
    "tests/real/test_ledger.py",
    "tests/real/test_live_config.py",
    "tests/real/test_migration.py",
    "tests/real/test_kafka_port.py",
    "tests/real/test_import.py",
    "tests/real/test_moves.py",
    "tests/real/test_rolls.py",
    "tests/real/test_topic_loss.py",
    "tests/real/bare/test_interrupted.py",
    "tests/real/test_artifacts.py",
    "tests/real/test_gate.py",
    "tests/real/bare/test_bad_luck.py",
    "tests/real/test_rights.py",
    "tests/real/test_upgrade.py",
    "tests/real/test_kafka_accepts.py",
    "tests/real/test_classroom.py",
    "tests/real/test_by_hand.py",
    "tests/real/test_rebuild.py",
    "tests/real/test_controllers.py",
    "tests/real/bare/test_destroy.py",
    "tests/real/test_drill.py",
    "tests/real/test_quotas.py",
    "tests/real/test_kraft.py",
    "tests/real/test_bad_storage.py",
    "tests/real/test_model_cluster.py",
    "tests/real/test_status.py",
    "tests/real_hosts/test_cluster_kraft.py",
    "tests/real_hosts/test_cluster_ledger.py",
    "tests/real_hosts/test_cluster_systemd.py",
    "tests/real_hosts/test_cluster_lock.py",
    "tests/real_hosts/test_cluster_lab.py",
    "tests/real_hosts/test_cluster_bad_luck.py",
    "tests/real_hosts/test_hostile_home.py",
    "tests/real_hosts/test_cluster_leaving.py",
    "tests/real_hosts/test_cluster_maintain.py",
    "tests/real_hosts/test_cluster_preinstalled.py",
    "tests/real_hosts/test_cluster_users.py",
    "tests/real_hosts/test_ssh_errors.py",
    "tests/real_hosts/test_cluster_preflight.py",
    "tests/real_hosts/test_cluster_each.py",
)
"""Units by their time, longest first. What is not here comes after them, in its own order: a wrong
order costs some time at the end of a run, and nothing else."""


def unit(nodeid: str) -> str:
    """The unit of a test."""
    file = nodeid.split("::", 1)[0]
    return next((folder for folder in SHARED if file.startswith(f"{folder}/")), file)


def longest_first(items: list[pytest.Item]) -> None:
    """Put the tests in the order in which their units are to begin. Tests of a unit keep theirs."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(unit(item.nodeid), len(places)))


class Units(LoadScopeScheduling):
    """Gives a free worker the next unit, in the order of the collection."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)


def scheduler(config: pytest.Config, log: object) -> Units | None:
    """Ours for ``--dist loadfile``; None, xdist's own, for any other."""
    if config.getoption("dist") != "loadfile":
        return None
    config.option.loadscopereorder = False  # by number of tests: a long one counts as one
    return Units(config, log)  # type: ignore[arg-type]


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
