"""``provision import``: reserved; it is not yet supported."""

from __future__ import annotations

import argparse
from typing import NoReturn

from provisioner.errors import fail
from provisioner.verbs.command import Console


def command(args: argparse.Namespace, console: Console) -> NoReturn:
    """Raises ProvisionError ``not-supported``: nothing is asked of any host."""
    raise fail(
        "not-supported",
        "import is not yet supported",
        "provision init DIR --template cluster writes a spec to fill in by hand; "
        "provision drift then shows what differs",
    )
