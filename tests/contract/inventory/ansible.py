"""What the real ``ansible-inventory --list`` says of many inventories.

    listings(paths, folder) -> {path: Listing}

Ansible is imported once and forks for each inventory, which is then read by its own command with a
fresh state: 0.1 s each, where a process of its own takes one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORKS = """
import json, os, sys, traceback
from ansible.cli.inventory import InventoryCLI
from ansible.plugins.loader import init_plugin_loader

def fork(number, path):
    if os.fork():
        if number > 1:
            os.wait()
        return
    for descriptor, name in ((1, "out"), (2, "err")):
        file = os.open(f"{number}.{name}", os.O_WRONLY | os.O_CREAT)
        os.dup2(file, descriptor)
    try:
        code = InventoryCLI(["ansible-inventory", "-i", path, "--list"]).run()
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
        code = 9
    sys.stdout.flush(), sys.stderr.flush()
    open(f"{number}.code", "w").write(str(code))
    os._exit(0)

for number, path in enumerate(json.load(sys.stdin)):
    fork(number, path)
while True:
    try:
        os.wait()
    except ChildProcessError:
        break
"""
REFUSALS = ("Failed to parse inventory", "Unable to parse", "Traceback", "[ERROR]")


@dataclass(frozen=True)
class Listing:
    """``data`` is the document, None where there is none; ``words`` what was said beside it."""

    data: Any
    words: str

    @property
    def refused(self) -> bool:
        """Something was left out, with a warning, or nothing came out."""
        return self.data is None or any(word in self.words for word in REFUSALS)


def listings(paths: Iterable[Path], folder: Path) -> dict[Path, Listing]:
    """``folder`` is for what Ansible writes."""
    known = list(paths)
    (folder / "ansible.cfg").write_text("")
    env = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE")} | {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_HOME": str(folder),
        "ANSIBLE_NOCOLOR": "1",
        "COLUMNS": "10000",
        "LC_ALL": "C.UTF-8",
    }
    script, words = [sys.executable, "-c", FORKS], json.dumps([str(path) for path in known])
    run = subprocess.run(
        script, input=words, text=True, cwd=folder, env=env, capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return {path: listing(folder, number) for number, path in enumerate(known)}


def listing(folder: Path, number: int) -> Listing:
    words = (folder / f"{number}.err").read_text()
    code = (folder / f"{number}.code").read_text()
    out = (folder / f"{number}.out").read_text()
    return Listing(json.loads(out) if code == "0" else None, words)
