"""What a canary's log tells: errors since its last start, and nothing of before."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from provisioner.hosts.local import LocalConnection
from provisioner.hosts.observer import Observer, Shell
from provisioner.plan.model import Change, Check, Id, State
from provisioner.run import canary
from provisioner.site.site import Site

BROKER = Change(Id("h", "service", "broker-1"), "restart", {}, {})
OLD = "[2026-11-26 01:00:00,000] ERROR it ended badly (kafka.server.KafkaServer)\n"
START = (
    "[2026-11-26 01:00:05,000] INFO Registered `kafka:type=kafka.Log4jController` MBean "
    "(kafka.utils.Log4jControllerRegistration$)\n"
)
FINE = "[2026-11-26 01:00:06,000] INFO no ERROR here (kafka.server.KafkaServer)\n"
BAD = "[2026-11-26 01:00:07,000] {} the disk is slow (kafka.log.LogManager)\n"


def told(monkeypatch: pytest.MonkeyPatch, log: Path, trip: bool = True) -> list[str]:
    site: Any = SimpleNamespace(
        cluster=lambda: SimpleNamespace(refresh=lambda: None),
        places={"h": SimpleNamespace(kafka_user="")},
        observer=lambda host: Observer(Shell(LocalConnection("h"))),
    )
    monkeypatch.setattr(canary, "settle", lambda *_: None)
    monkeypatch.setattr(canary, "round_trip", lambda *_: Check("round-trip", trip, "1 lost"))
    stop: Any = SimpleNamespace(is_set=lambda: False)
    desired = {BROKER.id: State({}, args={"log": str(log)})}
    found = canary.complaints(cast(Site, site), [BROKER], desired, print, stop)
    assert all(change is BROKER for change, _ in found)
    return [why for _, why in found]


def test_what_was_before_the_start_does_not_count(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    log.write_text(OLD + START + FINE)
    assert told(monkeypatch, log) == []


@pytest.mark.parametrize("level", ["ERROR", "FATAL"])
def test_an_error_since_the_start_is_shown(
    level: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    log = tmp_path / "server.log"
    log.write_text(OLD + START + FINE + BAD.format(level) + FINE + BAD.format(level) * 9)
    (why,) = told(monkeypatch, log)
    assert why.startswith(f"restarted, but since then its log has errors ({log}):\n")
    assert f"{level} the disk is slow" in why
    assert "it ended badly" not in why
    assert why.endswith("and 5 more")


def test_a_log_that_cannot_be_read_is_no_good_sign(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (why,) = told(monkeypatch, tmp_path / "none.log")
    assert "could not be read after its restart" in why


def test_records_have_to_get_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text(START)
    assert told(monkeypatch, log, trip=False) == [
        "after its restart records do not get through: 1 lost"
    ]
