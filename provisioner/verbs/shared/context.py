"""One spec file of a command line, and its console."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from provisioner.errors import Notice
from provisioner.hosts import core_dumps
from provisioner.site.stopping import Stop
from provisioner.verbs.shared.console import Console


@dataclass
class Context:
    """What a verb works on: one spec file (one cluster), and the console. ``more``: the options
    that say which cluster, and which part of it, is meant."""

    path: Path
    console: Console
    each_host: str | None = None
    become_password: str | None = field(default=None, repr=False)
    ssh_password: str | None = field(default=None, repr=False)
    stop: Stop | None = None
    more: tuple[str, ...] = ()
    warnings: list[Notice] = field(default_factory=list)
    """The warnings of this cluster."""

    def __post_init__(self) -> None:
        if self.become_password is not None or self.ssh_password is not None:
            core_dumps.forbid()

    def warn(self, notice: Notice) -> None:
        """The only way to warn: to stderr, and into the report."""
        if notice not in self.warnings:
            self.warnings.append(notice)
        self.console.warn(notice)

    @property
    def words(self) -> str:
        """The spec as a command line names it, for commands that a person copies."""
        return shlex.join([str(self.path), *self.more])


def narrowed(args: argparse.Namespace, limit: str | None) -> tuple[str, ...]:
    """The options of a command line that name inventory, group and hosts."""
    given = {"-i": args.inventory, "--each": args.each, "--limit": limit}
    return tuple(word for name, value in given.items() if value for word in (name, str(value)))
