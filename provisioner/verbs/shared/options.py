"""Options that several verbs have."""

from __future__ import annotations

import argparse

from provisioner.report.formats import FORMATS
from provisioner.verbs.shared.permitted import ALLOW


def at_least_one(word: str) -> int:
    """A count for argparse, which puts the message after the option's name."""
    if not word.isdecimal() or int(word) < 1:
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number of 1 or more")
    return int(word)


def of_clusters(parser: argparse.ArgumentParser) -> None:
    """Those of every verb that works on clusters."""
    parser.add_argument("spec", nargs="+", metavar="SPEC", help="cluster spec(s)")
    parser.add_argument("-i", "--inventory", help="Ansible inventory; overrides the spec's")
    parser.add_argument("-l", "--limit", help="limit to these hosts (Ansible patterns)")
    parser.add_argument(
        "--each", metavar="GROUP", help="apply a single-host spec to every host in GROUP"
    )
    parser.add_argument(
        "--parallel",
        type=at_least_one,
        default=10,
        metavar="N",
        help="hosts at a time (default 10)",
    )
    parser.add_argument(
        "-K", "--ask-become-pass", action="store_true", help="use sudo, and ask for its password"
    )
    parser.add_argument("-k", "--ask-pass", action="store_true", help="ask for the SSH password")
    parser.add_argument(
        "--accept-new-host-keys", action="store_true", help="record unknown host keys"
    )
    parser.add_argument(
        "--replace-host-key",
        metavar="HOST|GROUP",
        action="append",
        default=[],
        help="replace the recorded host key after a reinstall",
    )


def allow(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow",
        metavar="NAME[=VALUE]",
        action="append",
        default=[],
        help="permit a dangerous change by name: " + ", ".join(ALLOW),
    )


def formats(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMATS, help="how to print the answer (default text)")
    parser.add_argument("--output", metavar="FILE", help="write the answer to FILE, not to stdout")


def nodes(parser: argparse.ArgumentParser) -> None:
    """Those of the verbs that start and stop processes."""
    allow(parser)
    parser.add_argument(
        "--node",
        metavar="NAME,…",
        help="only these, e.g. broker-1,controller-2: one at a time, once safe",
    )
