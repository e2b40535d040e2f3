"""From a command line to a spec: files only, nothing that knows a host."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.errors import fail
from provisioner.spec.types import Spec
from provisioner.verbs.shared.context import Context

if TYPE_CHECKING:
    from provisioner.spec.load import Loaded


def load_spec(args: argparse.Namespace, context: Context) -> Spec:
    """Raises ProvisionError with every problem of spec and inventory."""
    return load(args, context).spec


def load(args: argparse.Namespace, context: Context) -> Loaded:
    from provisioner.spec.load import load_all

    inventory = Path(args.inventory) if args.inventory else None
    loaded = load_all(
        context.path, inventory=inventory, env=os.environ, each_host=context.each_host
    )
    for notice in loaded.spec.warnings:
        context.warn(notice)
    return loaded


def limit_of(args: argparse.Namespace, loaded: Loaded) -> frozenset[str] | None:
    """The spec's hosts that --limit leaves. Raises ``limit-matches-nothing``."""
    if not args.limit:
        return None
    used = {node.host for node in loaded.spec.nodes}
    found = used & loaded.inventory.match(args.limit)
    if not found:
        hosts = ", ".join(sorted(used))
        message = f"--limit {args.limit} matches no host of this cluster"
        raise fail("limit-matches-nothing", message, f"its hosts are {hosts}")
    return frozenset(found)
