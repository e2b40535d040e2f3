"""One host of ``maintain``: in which order its nodes stop and start, and when it is back."""

from __future__ import annotations

import pytest

from provisioner.patience import Patience
from provisioner.run import maintenance
from provisioner.run.maintenance import starts, stops, wait_for_boot
from provisioner.run.waits import NoProgress, WaitInterrupted
from tests.unit.plan.model_cluster import spec_of


def test_brokers_stop_first_and_start_last() -> None:
    nodes = spec_of("lab").nodes
    down = [[f"{c.action} {c.id.name}" for c in wave.changes] for wave in stops(nodes)]
    brokers = ["broker-0", "broker-1", "broker-2"]
    assert down == [[f"stop {name}" for name in brokers], ["stop zookeeper-1"]]
    up = [[f"{c.action} {c.id.name}" for c in wave.changes] for wave in starts(nodes)]
    assert up == [["start zookeeper-1"], [f"start {name}" for name in brokers]]
    assert stops([]) == []


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Patience, "pause", lambda self: False)


def test_a_host_is_back_once_it_tells_another_boot_id() -> None:
    """That it cannot be reached for a while is no sign: a small machine is back in seconds."""
    told = ["one", "", "one", "", "two", "three"]
    wait_for_boot("h", "one", lambda: told.pop(0), lambda event: None, lambda: False)
    assert told == ["three"]


def test_one_that_does_not_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "BACK", -1.0)
    with pytest.raises(NoProgress, match="it is not back"):
        wait_for_boot("h", "one", lambda: "one", lambda event: None, lambda: False)


def test_a_signal_ends_the_wait() -> None:
    with pytest.raises(WaitInterrupted, match="interrupted while the host rebooted"):
        wait_for_boot("h", "one", lambda: "", lambda event: None, lambda: True)
