"""The first start of a Kafka on this machine: it does not wait for its class-data archive."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from provisioner.artifacts.cache import Cache
from provisioner.artifacts.store import Store
from tests.real.lab import Lab, kraft_lab
from tests.real.provisioned import ROOT

VERSION = "4.3.1"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment of a cache that has Kafka and Java, and no archive."""
    theirs = Store(Cache())
    ready = theirs.ensure(theirs.prepare(VERSION))
    folder = tmp_path_factory.mktemp("cache")
    cache = Cache(folder / "provision")
    cache.make_root()
    for part in ready:
        for blob in part.blobs:
            cache.path(blob).parent.mkdir(exist_ok=True)
            shutil.copy2(theirs.cache.path(blob), cache.path(blob))
    return {"XDG_CACHE_HOME": str(folder)}


@pytest.fixture
def lab(own: Mapping[str, str], tmp_path: Path) -> Iterator[Lab]:
    lab = kraft_lab(tmp_path / "lab", "first-lab", version=VERSION, brokers=1)
    lab.env = own
    try:
        yield lab
    finally:
        lab.clean()


def flags(lab: Lab) -> list[str]:
    """What the node's command line says of archives."""
    line = Path(f"/proc/{lab.pid('broker-0')}/cmdline").read_text("utf-8", "replace")
    return [word for word in line.split("\0") if "SharedArchiveFile" in word]


def archives(lab: Lab) -> list[str]:
    return sorted(path.name for path in (lab.home / ".provision" / "dist").glob("cds-*"))


@pytest.mark.soak
def test_made_after_the_start_and_used_by_the_next(lab: Lab) -> None:
    done = lab.run("apply")
    assert done.code == 0, done.progress
    said = done.progress.splitlines()
    started = next(n for n, line in enumerate(said) if "start service broker-0" in line)
    making = next(n for n, line in enumerate(said) if "making a class-data archive" in line)
    assert started < making
    assert flags(lab) == []
    assert len(archives(lab)) == 1

    before = lab.pid("broker-0")
    assert lab.drift()["in_sync"] is True
    again = lab.run("apply")
    assert again.code == 0
    assert "making" not in again.progress
    assert lab.pid("broker-0") == before

    assert lab.run("restart", "--node", "broker-0").code == 0
    assert archives(lab)[0] in flags(lab)[0]
    assert lab.drift()["in_sync"] is True

    # From now on it is there before anything starts.
    lab.clean()
    lab.write()
    fresh = lab.run("apply")
    assert fresh.code == 0, fresh.progress
    assert "making" not in fresh.progress
    assert archives(lab)[0] in flags(lab)[0]


def test_one_that_cannot_be_made_is_no_difference(lab: Lab, own: Mapping[str, str]) -> None:
    """Nor is it tried again by each run, and nothing is started anew for it."""
    store = Store(Cache(Path(own["XDG_CACHE_HOME"]) / "provision"))
    kafka_mode = store.prepare(VERSION, mode="kraft")
    assert kafka_mode.cds is not None
    notes = store.cache.root / "cds"
    shutil.rmtree(notes, ignore_errors=True)
    notes.mkdir()
    (notes / f"{kafka_mode.cds.digest[:32]}.failed").write_text("no memory\n")
    try:
        done = lab.run("apply")
        assert done.code == 0, done.progress
        assert "making" not in done.progress
        assert archives(lab) == []
        assert lab.drift()["in_sync"] is True
    finally:
        shutil.rmtree(notes)


@pytest.mark.soak
def test_fetch_makes_it(own: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "provisioner", "fetch", "--version", VERSION]
    root = Path(own["XDG_CACHE_HOME"]) / "provision"
    shutil.rmtree(root / "cds", ignore_errors=True)
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **own}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"class-data archive for {VERSION}, kraft: made" in done.stdout
    made = Store(Cache(root)).prepare(VERSION, mode="kraft").cds
    assert made is not None
    assert made.entries
