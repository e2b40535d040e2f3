"""``provision import``: reserved; it is not yet supported."""

from __future__ import annotations

import argparse
from typing import NoReturn

from provisioner.errors import fail
from provisioner.verbs.shared.console import Console
from provisioner.verbs.shared.verb import Verb


def story(args: argparse.Namespace, console: Console) -> NoReturn:
    """Raises ProvisionError ``not-supported``: nothing is asked of any host."""
    raise fail(
        "not-supported",
        "import is not yet supported",
        "provision init DIR --template cluster writes a spec to fill in by hand; "
        "provision drift then shows what differs",
    )


def _options(parser: argparse.ArgumentParser) -> None:
    for name in ("--hosts", "-i", "--bootstrap", "-o"):
        parser.add_argument(name)


VERB = Verb(
    "import",
    "write spec and inventory of a running cluster (not yet supported)",
    rank=14,
    story=story,
    options=_options,
    of_clusters=False,
)
