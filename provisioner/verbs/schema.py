"""``provision schema``: the JSON Schema of a spec file, for editors and other tools."""

from __future__ import annotations

import argparse
import json

from provisioner.errors import Exit
from provisioner.verbs.shared.console import Console
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, console: Console) -> int:
    """Prints one JSON document, with and without --json: the schema is the answer."""
    from provisioner.spec.schema import json_schema

    print(json.dumps(json_schema(), indent=2, ensure_ascii=False), flush=True)
    return Exit.YES


VERB = Verb(
    "schema",
    "print the JSON Schema of a spec",
    rank=18,
    story=story,
    examples=("provision schema > cluster.schema.json",),
    of_clusters=False,
)
