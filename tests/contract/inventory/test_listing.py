"""What we read of an inventory equals what ``ansible-inventory --list`` prints."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provisioner.spec.inventory import read_inventory

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())
ANSIBLE = Path(sys.executable).parent / "ansible-inventory"


def source(case: Path) -> Path:
    return next(p for n in ("inventory", "hosts.yaml", "hosts.yml") if (p := case / n).exists())


def theirs(path: Path, folder: Path) -> Any:
    (folder / "ansible.cfg").write_text("")
    env = {
        **os.environ,
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_HOME": str(folder),
        "LC_ALL": "C.UTF-8",
    }
    run = subprocess.run(
        [ANSIBLE, "-i", path, "--list"], capture_output=True, text=True, cwd=folder, env=env
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def comparable(listing: dict[str, Any]) -> Any:
    """Hosts and children in any order, values as JSON prints them, Ansible's marks taken off."""
    listing = {key: value for key, value in listing.items() if key != "_meta"} | {
        "_meta": {"hostvars": listing["_meta"]["hostvars"]}
    }
    for value in listing.values():
        for key in ("hosts", "children"):
            if key in value:
                value[key] = sorted(value[key])
    return plain(json.loads(json.dumps(listing, default=str)))


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        for mark in ("__ansible_vault", "__ansible_unsafe"):
            if set(value) == {mark}:
                return value[mark]
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_equals_ansible_inventory(case: Path, tmp_path: Path) -> None:
    ours = comparable(read_inventory(source(case)).listing())
    assert ours == comparable(theirs(source(case), tmp_path))
