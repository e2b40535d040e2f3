"""What ``destroy`` does on a host, in temporary folders: nothing of others goes, and it is said."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provisioner.run.steps import text_of
from tests.contract.probes.shells import SHELLS

SCRIPT = text_of("directory/destroy")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return ["busybox", "sh"] if request.param == "busybox" else [request.param]


def destroy(shell: list[str], state: Path, what: str, *names: Path) -> str:
    words = [*shell, "-c", SCRIPT, "sh", str(state), what, *map(str, names)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_what_keeps_a_folder_is_named(shell: list[str], tmp_path: Path) -> None:
    full, empty, gone = tmp_path / "it's full", tmp_path / "empty", tmp_path / "gone"
    full.mkdir()
    empty.mkdir()
    for name in ("a b", ".c", "d", "e", "f"):
        (full / name).touch()
    said = destroy(shell, tmp_path / ".provision", "directory", gone, empty, full)
    assert not empty.exists()
    assert len(list(full.iterdir())) == 5
    words = f"{full} stays: it holds files not made by provision: "
    assert said.startswith(words)
    first, _, rest = said.removeprefix(words).strip().partition(" and ")
    assert set(first.split(", ")) < {"a b", ".c", "d", "e", "f"}
    assert rest == "2 more"


def test_a_link_to_a_folder_is_not_followed(shell: list[str], tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "link").symlink_to("theirs")
    said = destroy(shell, tmp_path / ".provision", "directory", tmp_path / "link")
    assert said.startswith(f"{tmp_path}/link stays: ")
    assert (tmp_path / "theirs").is_dir()


def cluster(home: Path, above: Path | None = None) -> Path:
    """Another cluster, of which there is a home; its state folder."""
    state = home / ".provision"
    state.mkdir(parents=True)
    lines = [f"directory\t{path}\n" for path in (above, home) if path]
    (state / "manifest").write_text("".join(lines))
    return state


def test_a_folder_of_two_clusters_goes_with_the_last(shell: list[str], tmp_path: Path) -> None:
    share = tmp_path / "it's share"
    one = cluster(share / "one", share)
    two = cluster(share / "two")
    stranger = cluster(share / "three")
    (stranger / "manifest").write_text("directory\t/elsewhere/three\n")
    before = (stranger / "manifest").read_text()

    destroy(shell, one, "state", one)
    said = destroy(shell, one, "directory", share / "one", share)
    assert said == f"{share} stays: another cluster is in it\n"
    assert not (share / "one").exists()
    assert (two / "manifest").read_text() == f"directory\t{share}/two\ndirectory\t{share}\n"
    assert (stranger / "manifest").read_text() == before

    destroy(shell, stranger, "state", stranger)
    destroy(shell, stranger, "directory", share / "three")
    destroy(shell, two, "state", two)
    assert destroy(shell, two, "directory", share / "two", share) == ""
    assert not share.exists()


def test_what_is_no_state_folder_is_not_emptied(shell: list[str], tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    for what in ("state", "tree"):
        words = [*shell, "-c", SCRIPT, "sh", str(tmp_path / ".provision"), what, str(tmp_path)]
        assert subprocess.run(words, capture_output=True).returncode == 1
    assert (tmp_path / "f").exists()
