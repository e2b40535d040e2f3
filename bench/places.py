"""Where the measured command and the things of the measurements are."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent


def provision(*words: str) -> list[str]:
    """The command that is measured: $BENCH_PROVISION, else the one beside this Python."""
    given = os.environ.get("BENCH_PROVISION")
    command = shlex.split(given) if given else [str(Path(sys.executable).parent / "provision")]
    return [*command, *words]


def cache() -> Path:
    """Kept between runs: other tools, and archives in the layout they need."""
    given = os.environ.get("BENCH_CACHE")
    path = Path(given).resolve() if given else Path.home() / ".cache/provision-bench"
    path.mkdir(parents=True, exist_ok=True)
    return path
