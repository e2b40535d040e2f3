"""What a host is like before anything is changed, asked of this one."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import pytest

from provisioner.hosts.observer import Observer, Shell
from provisioner.hosts.shell import Frame
from provisioner.run.steps import text_of
from tests.as_login import Reading
from tests.contract.probes.shells import SHELLS, ShellConnection


def asked(shell: str, tmp_path: Path, home: Path) -> Frame | None:
    """The preflight's script about one home; nothing else is asked about."""
    own = resources.files("provisioner.run").joinpath("preflight.sh").read_text()
    args = (str(home), "", "", "", str(tmp_path / "state" / "ours"))
    text = text_of("service/ports") + text_of("service/processes") + own
    connection = ShellConnection(shell, tmp_path / "shell")
    return Observer(Shell(connection)).read([Reading(text, args, seconds=20)])[0]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_pipe_in_the_place_of_another_clusters_manifest_is_not_waited_for(
    shell: str, tmp_path: Path
) -> None:
    for cluster in ("ours", "theirs"):
        (tmp_path / "state" / cluster).mkdir(parents=True)
    os.mkfifo(tmp_path / "state" / "theirs" / "manifest")
    frame = asked(shell, tmp_path, tmp_path / "a home")
    assert frame is not None
    assert frame.status == 0, "124 would be the time limit"
    assert "owner=" not in frame.text


@pytest.mark.parametrize("shell", SHELLS)
def test_a_home_that_another_cluster_made_is_told(shell: str, tmp_path: Path) -> None:
    home = tmp_path / "a home"
    for cluster, made in (("ours", home), ("theirs", home), ("elsewhere", tmp_path / "b")):
        state = tmp_path / "state" / cluster
        state.mkdir(parents=True)
        (state / "manifest").write_text(f"directory\t{made}\n")
    frame = asked(shell, tmp_path, home)
    assert frame is not None
    assert [line for line in frame.text.splitlines() if line.startswith("owner=")] == [
        "owner=theirs"
    ]
