"""What a host is like before anything is changed, asked of this one."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from provisioner.hosts.observer import Observer, Shell
from provisioner.site.scripts import text_of
from tests.as_login import Reading
from tests.contract.probes.shells import SHELLS, ShellConnection


@pytest.mark.parametrize("shell", SHELLS)
def test_a_home_that_another_cluster_made_is_told(shell: str, tmp_path: Path) -> None:
    own = resources.files("provisioner.run").joinpath("preflight.sh").read_text()
    home = tmp_path / "a home"
    for cluster, made in (("ours", home), ("theirs", home), ("elsewhere", tmp_path / "b")):
        state = tmp_path / "state" / cluster
        state.mkdir(parents=True)
        (state / "manifest").write_text(f"directory\t{made}\n")
    args = (str(home), "", "", "", str(tmp_path / "state" / "ours"))
    text = text_of("service/ports") + text_of("service/processes") + own
    connection = ShellConnection(shell, tmp_path / "shell")
    frame = Observer(Shell(connection)).read([Reading(text, args, seconds=20)])[0]
    assert frame is not None
    assert [line for line in frame.text.splitlines() if line.startswith("owner=")] == [
        "owner=theirs"
    ]
