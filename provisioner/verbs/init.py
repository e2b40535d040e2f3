"""``provision init``: a commented starting spec and inventory. Never overwrites anything."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from provisioner.errors import Exit
from provisioner.verbs.shared.answers import answer
from provisioner.verbs.shared.console import Console
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, console: Console) -> int:
    """Raises ProvisionError ``usage`` for files that are there already; then none is written."""
    from provisioner.spec.scaffold import scaffold

    written = scaffold(Path(args.directory), args.template)
    spec = next((path for path in written if path.name == "cluster.yaml"), written[0])
    lines = [f"wrote {path}" for path in written]
    lines.append(f"read {spec}, then: provision validate {shlex.quote(str(spec))}")
    answer(args, console, "\n".join(lines), written=[str(path) for path in written])
    return Exit.YES


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("--template", required=True, choices=("lab", "kraft-lab", "cluster"))


VERB = Verb(
    "init",
    "write a commented starting spec and inventory",
    rank=1,
    story=story,
    options=_options,
    examples=("provision init my-lab --template lab",),
    of_clusters=False,
)
