"""One controller becomes three, and one of them loses its disk, while clients work: no message that
was acknowledged is lost, there twice or out of order."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from tests.ledger.book import ledger
from tests.ledger.checker import kept
from tests.real.kafka_processes import free_ports
from tests.real.live import bootstrap, live_lab


@pytest.mark.soak
def test_controllers_come_and_one_is_made_anew(tmp_path: Path) -> None:
    with (
        live_lab(tmp_path / "lab", "kraft") as lab,
        ledger(bootstrap(lab), file=tmp_path / "ledger.jsonl") as book,
    ):
        (first,) = lab.data["controllers"]
        others = [
            first | {"id": id, "port": port}
            for id, port in zip((101, 102), free_ports(2), strict=True)
        ]
        lab.data["controllers"] = [first, *others]
        lab.write()
        joined = [change for change in lab.applied() if change[1] == "voter"]
        assert joined == [("create", "voter", "101"), ("create", "voter", "102")]
        kept(book.verdict("one controller becomes three"))

        lab.end(lab.pid("controller-101"), how=signal.SIGKILL)
        shutil.rmtree(lab.home / "controller-101")
        assert ("update", "voter", "101") in lab.applied("--allow", "format-controller")
        assert lab.applied() == []
        kept(book.verdict("a controller whose disk was lost"))
