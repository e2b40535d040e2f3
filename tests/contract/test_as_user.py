"""Another user runs a command of this checkout, wherever it lies, and gets nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import as_user

BECOME = """
import sys
from pathlib import Path
from tests.as_user import become
become("nobody", sys.argv[2:], Path(sys.argv[1]))
"""


def run(needed: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BECOME, str(needed), *command],
        cwd=as_user.CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A folder below two that only root may enter, with a file for all and one for root."""
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    folder = tmp_path / "only root" / "a clone"
    folder.mkdir(parents=True)
    for name, mode in (("open", 0o644), ("secret", 0o600)):
        (folder / name).write_text(name)
        (folder / name).chmod(mode)
    (folder / "link").symlink_to("open")
    (folder / "private").mkdir(mode=0o700)
    for path in (folder, folder.parent):
        path.chmod(0o700)
    return folder


def test_a_folder_that_is_needed_can_be_entered(closed: Path) -> None:
    assert {closed, closed.parent} <= set(as_user.closed([closed]))
    for name in ("open", "link"):
        done = run(closed, "cat", str(closed / name))
        assert (done.returncode, done.stdout) == (0, "open"), done.stderr


def test_what_is_closed_in_it_stays_closed(closed: Path) -> None:
    for command in (["cat", f"{closed}/secret"], ["ls", f"{closed}/private"]):
        done = run(closed, *command)
        assert done.returncode != 0
        assert "Permission denied" in done.stderr
    done = run(closed, "sh", "-c", 'grep -E "^(Cap|Uid|Groups)" /proc/self/status')
    shown = dict(line.split(":\t", 1) for line in done.stdout.splitlines())
    assert set(shown["Uid"].split()) == {"65534"}
    assert {int(shown[key], 16) for key in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {0}


def test_for_all_others_it_stays_closed(closed: Path) -> None:
    assert run(closed, "true").returncode == 0
    assert closed.stat().st_mode & 0o777 == 0o700
    done = subprocess.run(
        ["setpriv", "--reuid=nobody", "--clear-groups", "cat", str(closed / "open")],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode != 0


def test_the_python_of_the_checkout_runs() -> None:
    if os.geteuid() != 0:
        pytest.skip("only root becomes another user")
    words = "import os, provisioner; print(os.getuid(), provisioner.__file__)"
    done = run(as_user.CHECKOUT, sys.executable, "-c", words)
    assert done.stdout.split(maxsplit=1) == [
        "65534",
        f"{as_user.CHECKOUT / 'provisioner/__init__.py'}\n",
    ], done.stderr
