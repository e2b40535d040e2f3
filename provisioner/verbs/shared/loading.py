"""From a command line to a spec: files only, nothing that knows a host."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from provisioner.errors import fail
from provisioner.spec.types import Spec
from provisioner.verbs.shared import registry
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
    if loaded.spec.bootstrap:
        refuse_hosts(args, loaded.spec)
    return loaded


def refuse_hosts(args: argparse.Namespace, spec: Spec) -> None:
    """Raises ``usage`` for what is about hosts: a spec with ``bootstrap`` knows none."""
    given = [f"--{word}" for word in ("limit", "rebuild", "hosts") if getattr(args, word, None)]
    verb = getattr(args, "verb", "")
    if given or (verb and registry.verb(verb).of_hosts):
        what = given[0] if given else f"provision {verb}"
        raise fail(
            "usage",
            f"{what} is about hosts, and {spec.cluster} has none: its spec names a Kafka that "
            "somebody else runs (bootstrap)",
            "provision plan, apply, drift, verify, status, abort, lock and log work on it",
            file=spec.file,
        )


def limit_of(args: argparse.Namespace, loaded: Loaded) -> frozenset[str] | None:
    """The spec's hosts that --limit leaves. Raises ``limit-matches-nothing``."""
    if not args.limit:
        return None
    used = {node.host for node in loaded.spec.known}
    found = used & loaded.inventory.match(args.limit)
    if not found:
        hosts = ", ".join(sorted(used))
        message = f"--limit {args.limit} matches no host of this cluster"
        raise fail("limit-matches-nothing", message, f"its hosts are {hosts}")
    return frozenset(found)
