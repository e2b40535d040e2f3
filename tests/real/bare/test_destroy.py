"""What destroy leaves: everything that was there before, and nothing that apply made."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.real.lab import Lab, kraft_lab, shown

WIPE = ("--allow", "wipe-log-dir")


def paths(folder: Path) -> set[str]:
    """Every path below, but the spec."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*")} - {"lab.yaml"}


def gone(lab: Lab, *words: str) -> str:
    """Destroys it with its data; what was said on the way."""
    done = lab.run("destroy", "--confirm", lab.name, *(words or WIPE))
    assert done.code == 0, shown(done)
    assert done.text == f"{lab.name} was removed\n"
    return done.progress


def test_folders_that_were_made_above_others_go_too(one: Lab, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    one.data["brokers"][0]["log_dirs"] = [f"{tmp_path}/disk/a b/c/logs-0"]
    one.write()
    one.apply()
    assert (tmp_path / "disk/a b/c/logs-0/meta.properties").exists()

    kept = one.run("destroy", "--confirm", one.name)
    assert kept.code == 2, shown(kept)
    assert "not made by provision" not in kept.progress
    assert (tmp_path / "disk/a b/c/logs-0/meta.properties").exists()
    assert paths(one.home) <= {".provision", *(f".provision/{n}" for n in KEPT)}
    intent, done = one.json("log")["log"][-2:]
    assert (intent["outcome"], done["outcome"], done["command"]) == ("intent", "done", "destroy")
    assert f"delete localhost/file/{one.home}/bin" in done["changes"]
    assert intent["changes"] == done["changes"]
    assert "1 × java" in one.run("log").text.splitlines()[-1]

    assert gone(one) == ""
    assert paths(tmp_path) == {"disk"}


KEPT = ("manifest", "journal.jsonl", "lock")


def test_what_is_not_ours_stays_and_is_named(one: Lab) -> None:
    one.apply()
    (one.home / "config/notes of mine.txt").touch()
    (one.home / "logs/broker-0/server.log.1").touch()
    said = gone(one)
    assert f"{one.home}/config stays: " in said
    assert "notes of mine.txt" in said
    assert paths(one.home) == {"config", "config/notes of mine.txt"}


def test_a_disk_that_was_there_before_is_emptied_and_stays(one: Lab, tmp_path: Path) -> None:
    disk = tmp_path / "a disk"
    disk.mkdir(mode=0o750)
    one.data["brokers"][0]["log_dirs"] = [str(disk)]
    one.write()
    one.apply()
    kept = one.run("destroy", "--confirm", one.name)
    assert kept.code == 2, shown(kept)
    assert f"the data stays: localhost:{disk}" in kept.text
    assert (disk / "meta.properties").exists()
    assert gone(one) == ""
    assert paths(tmp_path) == {"a disk"}


def test_what_killed_runs_left_goes_too(one: Lab) -> None:
    one.apply()
    own = one.home / ".provision"
    left = [
        one.home / "config/.server-0.properties.provision",
        one.home / "bin.provision.4711",
        own / "launch/.server-0.conf.provision",
        own / "key.provision",
        own / "manifest.new",
    ]
    for path in left:
        path.touch()
    (own / "dist/kafka-1-aaaaaaaa.incoming/libs").mkdir(parents=True)
    # A node that left the spec, and its own log files.
    other = one.home / "logs/broker-7"
    other.mkdir()
    (other / "server.log").touch()
    with (own / "manifest").open("a") as manifest:
        manifest.write(f"directory\t{other}\n")
    said = gone(one)
    assert "stays" not in said
    assert not one.home.parent.exists(), "it was made for the home"


def test_a_broken_end_of_the_manifest_hides_nothing(one: Lab) -> None:
    """As a power cut may leave it."""
    one.apply()
    manifest = one.home / ".provision/manifest"
    with manifest.open("ab") as file:
        file.write(b"directory\t/nowh\0\0\0\0\0\0")
    os.truncate(manifest, manifest.stat().st_size - 2)
    assert "stays" not in gone(one)
    assert not one.home.parent.exists()


@pytest.mark.soak
def test_a_folder_of_two_clusters_goes_with_the_last(tmp_path: Path) -> None:
    labs = [kraft_lab(tmp_path / n, n, "kafka", brokers=1) for n in ("one", "two")]
    try:
        for lab in labs:
            lab.home = tmp_path / "share" / lab.name
            lab.data["kafka"]["home"] = str(lab.home)
            lab.write()
            lab.apply()
        said = gone(labs[0])
        assert "share stays: another cluster is in it" in said
        assert "stays" not in gone(labs[1])
        assert not (tmp_path / "share").exists()
    finally:
        for lab in labs:
            lab.clean()
