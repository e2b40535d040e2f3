"""The command as a user runs it: ``python -m provisioner`` in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SPEC = """\
cluster: {cluster}
kafka:
  version: "3.9.1"
  home: {home}
zookeeper:
  - {{id: 1, host: localhost, client_port: 23181, data_dir: zookeeper}}
brokers:
  - {{id: 0, host: localhost, listeners: [PLAINTEXT://localhost:23092], log_dirs: [logs-0]}}
"""


@dataclass(frozen=True)
class Ran:
    """What one run of the command left."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as exactly one JSON document."""
        parsed = json.loads(self.out)
        assert isinstance(parsed, dict)
        return parsed


Provision = Callable[..., Ran]


@pytest.fixture
def provision(tmp_path: Path) -> Provision:
    """``provision("plan", "x.yaml", NO_COLOR="1")``, in an empty folder; 300 s at most."""

    def run(*argv: str, **env: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "provisioner", *argv],
            cwd=tmp_path,
            env={**clean_environment(tmp_path), **env},
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def clean_environment(folder: Path) -> dict[str, str]:
    """Nothing of the caller's settings; a cache that is empty."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    root = Path(__file__).parents[3]
    return {**kept, "HOME": str(folder), "PYTHONPATH": str(root), "TERM": "xterm"}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec of this machine whose home does not exist yet."""
    return write_spec(tmp_path, "one")


def write_spec(folder: Path, cluster: str) -> Path:
    path = folder / f"{cluster}.yaml"
    path.write_text(SPEC.format(cluster=cluster, home=folder / f"kafka-{cluster}"))
    return path
