"""From 3.9.1 to the newest Kafka, version after version, while clients work: no message that was
acknowledged is lost, none is there twice or out of order, no commit goes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ledger.book import ledger
from tests.ledger.checker import clean
from tests.real.live import bootstrap, live_lab

VERSIONS = ("3.9.2", "4.2.0", "4.3.1", "4.4.0")


@pytest.mark.soak
def test_nothing_is_lost_on_the_way_to_the_newest(tmp_path: Path) -> None:
    file = tmp_path / "ledger.jsonl"
    with (
        live_lab(tmp_path / "lab", "kraft", "3.9.1") as lab,
        ledger(bootstrap(lab), file=file) as book,
    ):
        lab.data["features"] = "latest"
        for version in VERSIONS:
            pids = lab.pids_now()
            lab.data["kafka"]["version"] = version
            lab.write()
            done = lab.applied()
            raised = [name for action, kind, name in done if kind == "feature"]
            assert ("metadata.version" in raised) is (version != "3.9.2")
            now = lab.pids_now()
            assert all(now[node] != pid for node, pid in pids.items())
            clean(book.verdict(f"to {version}"))
