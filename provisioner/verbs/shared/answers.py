"""The answer of a verb that works on no cluster."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from provisioner.errors import Exit
from provisioner.verbs.shared.console import Console, show


def answer(
    args: argparse.Namespace,
    console: Console,
    text: str,
    *,
    code: Exit = Exit.YES,
    **more: Any,
) -> None:
    """The answer of a verb without clusters: text, or the contract's document and ``more``."""
    if not args.json:
        console.answer(text)
        return
    from provisioner.report.formats import json

    entry = json.document(args.verb, code, [], [], console.warned)
    entry |= {"complete": code is Exit.YES, **more}
    show(json.text(entry), sys.stdout)
