"""``provision init``: a commented starting spec and inventory. Never overwrites anything."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from provisioner.errors import Exit
from provisioner.verbs.command import Console
from provisioner.verbs.fetch import answer


def command(args: argparse.Namespace, console: Console) -> int:
    """Raises ProvisionError ``usage`` for files that are there already; then none is written."""
    from provisioner.spec.scaffold import scaffold

    written = scaffold(Path(args.directory), args.template)
    spec = next((path for path in written if path.name == "cluster.yaml"), written[0])
    lines = [f"wrote {path}" for path in written]
    lines.append(f"read {spec}, then: provision validate {shlex.quote(str(spec))}")
    answer(args, console, "\n".join(lines), written=[str(path) for path in written])
    return Exit.YES
