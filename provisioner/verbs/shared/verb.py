"""A verb as a value: all that the dispatcher must know of it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Options = Callable[[argparse.ArgumentParser], None]


def no_options(parser: argparse.ArgumentParser) -> None:
    """It has only those that all verbs have."""


@dataclass(frozen=True)
class Verb:
    """``provision NAME``. ``summary``: what it does, as the list of verbs shows it; ``rank`` is its
    place there. ``options(parser)`` adds its own. ``examples``: command lines that can be copied.

    ``story(args, context)`` → a Report, for each cluster; where ``of_clusters`` is not so,
    ``story(args, console)`` → an exit code. ``changes``: it changes something on hosts or in Kafka,
    so a signal lets the step under way end. ``asks_kafka``: first of all, so the library is loaded
    while the hosts are reached. ``takes_command``: what follows ``--`` is ``args.command``.
    ``of_hosts``: it does nothing but on hosts, so a spec that names none (``bootstrap``) is
    refused. Stories raise ProvisionError.
    """

    name: str
    summary: str
    rank: int
    story: Callable[[argparse.Namespace, Any], Any]
    options: Options = no_options
    examples: tuple[str, ...] = ()
    of_clusters: bool = True
    changes: bool = False
    takes_command: bool = False
    asks_kafka: bool = False
    of_hosts: bool = False

    @property
    def epilog(self) -> str:
        """The examples as the end of its help prints them."""
        if not self.examples:
            return ""
        title = "example:" if len(self.examples) == 1 else "examples:"
        return "\n".join([title, *(f"  {line}" for line in self.examples)])
