"""KRaft: static and dynamic quorums, ids that are kept, and how a cluster is taken away again."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.lab import Lab, kraft_lab
from tests.soak import modes


def meta(lab: Lab, id: int) -> dict[str, str]:
    text = (lab.home / f"logs-{id}/meta.properties").read_text()
    return dict(line.split("=", 1) for line in text.splitlines() if not line.startswith("#"))


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    version, brokers, quorum = request.param
    made = kraft_lab(tmp_path, home="kraft home", version=version, brokers=brokers, quorum=quorum)
    try:
        yield made
    finally:
        made.clean()


QUORUMS = {"3.9.1": (1, "static"), "4.2.0": (1, "dynamic"), "4.3.1": (3, "")}
VERSIONS = modes("4.3.1", soak=("3.9.1", "4.2.0"))


@pytest.mark.parametrize(
    "lab", [(version, *QUORUMS[version]) for version in VERSIONS], indirect=True, ids=VERSIONS
)
def test_from_nothing_again_and_with_all_data_lost(
    lab: Lab, request: pytest.FixtureRequest
) -> None:
    lab.apply("--round-trip")
    pids = lab.pids_now()
    assert lab.applied() == []
    assert lab.pids_now() == pids
    ids = [b["id"] for b in lab.data["brokers"]]
    formatted = [meta(lab, id) for id in ids]
    cluster = {m["cluster.id"] for m in formatted}
    assert len(cluster) == 1
    assert [m["node.id"] for m in formatted] == [str(id) for id in ids]
    assert len({m["directory.id"] for m in formatted}) == len(ids)
    kept = (lab.home / ".provision/cluster.properties").read_text()
    assert f"cluster.id={cluster.pop()}" in kept
    with lab.cluster() as kafka:
        quorum = kafka.view().quorum
        assert quorum is not None
        assert sorted(quorum.voters) == ids
        assert quorum.dynamic is (lab.data.get("controller_quorum") != "static")

    # All that is left of the cluster is the file that keeps its id.
    lab.end(*pids.values(), how=signal.SIGKILL)
    for id in ids:
        shutil.rmtree(lab.home / f"logs-{id}")
    refused = lab.drift()
    assert refused["in_sync"] is not True
    assert all("not mounted?" in u["reason"] for u in refused["unknown"] if u["kind"] == "storage")
    assert [u["kind"] for u in refused["unknown"]].count("storage") == len(ids)
    (lab.home / ".provision/manifest").unlink()
    lab.apply()
    assert {meta(lab, id)["cluster.id"] for id in ids} == {formatted[0]["cluster.id"]}
    assert (lab.home / ".provision/cluster.properties").read_text() == kept


@pytest.mark.parametrize("lab", [("4.3.1", 3, "")], indirect=True, ids=["4.3.1"])
@pytest.mark.soak
def test_killed_all_at_once_it_comes_back_and_destroy_takes_only_what_was_made(lab: Lab) -> None:
    lab.apply()
    written = [b"purchase-%d" % n for n in range(200)]
    lab.produce("purchases", written)
    lab.end(*lab.pids(), how=signal.SIGKILL)
    lab.apply()
    assert set(written) <= set(lab.consume("purchases"))

    mine = {lab.home / "notes.txt": "mine", lab.home / "config/mine.properties": "a=b"}
    for path, text in mine.items():
        path.write_text(text)
    wrong = lab.run("destroy", "--confirm", "another", "--json")
    assert wrong.code == 1
    assert lab.pids()
    first = lab.run("destroy", "--confirm", lab.name)
    assert first.code == 2, first.text + first.progress
    assert not lab.pids()
    assert "--allow wipe-log-dir" in first.text, "the command that finishes"
    data = [lab.home / f"logs-{id}" for id in (0, 1, 2)]
    assert all((d / "meta.properties").exists() for d in data), "data goes only where that is said"
    assert not (lab.home / "bin").exists()
    lab.json("destroy", "--confirm", lab.name, "--allow", "wipe-log-dir")
    assert not any(d.exists() for d in data)
    left = {p for p in lab.home.rglob("*") if not p.is_dir()}
    assert left == set(mine), "what was not ours stays, and nothing else"
    assert {p.read_text() for p in left} == set(mine.values())


@pytest.mark.soak
def test_a_controller_whose_disk_was_lost_votes_again(tmp_path: Path) -> None:
    """A new directory is no voter of a dynamic quorum until it is made one."""
    lab = kraft_lab(tmp_path, home="kraft home", version="4.3.1", brokers=3, quorum="dynamic")
    try:
        lab.apply()
        written = [b"purchase-%d" % n for n in range(100)]
        lab.produce("purchases", written)
        before = meta(lab, 2)["directory.id"]
        lab.end(lab.pids_now()["broker-2"], how=signal.SIGKILL)
        shutil.rmtree(lab.home / "logs-2")
        words = ("--allow", "data-loss", "--allow", "format-controller")
        cluster = lab.json("apply", *words)
        done = [(c["kind"], c["name"], c["action"]) for c in cluster["applied"]]
        assert ("voter", "2", "update") in done
        now = meta(lab, 2)["directory.id"]
        assert now != before
        with lab.cluster() as kafka:
            quorum = kafka.view().quorum
            assert quorum is not None
            assert quorum.directories == {id: meta(lab, id)["directory.id"] for id in (0, 1, 2)}
            assert max(quorum.voters.values()) < 100
        assert set(written) <= set(lab.consume("purchases"))
        assert lab.applied() == []
    finally:
        lab.clean()


@pytest.mark.soak
def test_a_static_quorum_stays_what_it_is(tmp_path: Path) -> None:
    """The default of 4.x is dynamic: taking the word out of the spec converts nothing."""
    lab = kraft_lab(tmp_path, home="kraft home", version="4.2.0", brokers=1, quorum="static")
    try:
        lab.apply()
        pids = lab.pids_now()
        with lab.changed(lambda spec: spec.pop("controller_quorum")):
            cluster = lab.json("apply", code=2)
            assert [r["kind"] for r in cluster["refused"]] == ["file"]
            assert "set controller_quorum: static" in cluster["refused"][0]["reason"]
        assert lab.pids_now() == pids
        assert lab.applied() == []
    finally:
        lab.clean()
