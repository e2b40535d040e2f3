"""What a ``--limit`` pattern means to us equals what it means to Ansible."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provisioner.errors import ProvisionError
from provisioner.inventory.files import read_inventory

CASES = Path(__file__).parent / "cases"
# Asks Ansible's own inventory manager for all patterns in one process.
ASK = """
import json, sys
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
path, patterns = sys.argv[1], json.loads(sys.argv[2])
manager = InventoryManager(DataLoader(), sources=[path])
print(json.dumps({p: [h.name for h in manager.get_hosts(p)] for p in patterns}))
"""
PATTERNS = {
    "children": [
        "all", "*", "web", "web:db", "web,db", "web:!w1", "!w1", "all:!web", "web:&db", "&db",
        "w1", "w*", "w?", "site", "web[0]", "web[-1]", "site[0:1]", "site[1:]",
        "~w[12]", "~(web|db)", "lonely:db", "ungrouped", "w1,w2,!w1", "empty:db", "[wd]1",
    ],
    "ranges": [
        "lab", "lab0*", "lab[0]", "lab[0:2]", "lab[3:]", "lab:!lab05", "db*", "n*.example.com",
        "~lab(01|02)", "lab*[1:3]", "single.example.com", "lab[-2]", "~^n[0-9]-x",
    ],
    "precedence": ["outer", "inner", "alpha:&inner", "h", "~.*"],
    "vars_files": ["d.two", "d.*", "db[1]", "w1:d1"],
}  # fmt: skip


@pytest.mark.parametrize("case", sorted(PATTERNS))
def test_patterns_equal_ansibles(case: str, tmp_path: Path) -> None:
    path = CASES / case / "hosts.yaml"
    (tmp_path / "ansible.cfg").write_text("")
    env = os.environ | {
        "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
        "ANSIBLE_HOME": str(tmp_path),
    }
    run = subprocess.run(
        [sys.executable, "-c", ASK, path, json.dumps(PATTERNS[case])],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=env,
    )
    assert run.returncode == 0, run.stderr
    inventory = read_inventory(path)
    ours = {pattern: inventory.match(pattern) for pattern in PATTERNS[case]}
    theirs = {pattern: set(hosts) for pattern, hosts in json.loads(run.stdout).items()}
    assert ours == theirs


@pytest.mark.parametrize(
    "pattern", ["nobody", "web:!w3", "web:&dbs", "web:!web", "web[9]", "empty", "~(", "w3*"]
)
def test_what_matches_nothing_is_an_error(pattern: str) -> None:
    inventory = read_inventory(CASES / "children" / "hosts.yaml")
    with pytest.raises(ProvisionError) as raised:
        inventory.match(pattern)
    assert [p.code for p in raised.value.problems] == ["limit-matches-nothing"]
