"""The command line: `python -m tests.hosts --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tests.hosts import background, base, world
from tests.hosts.shell import HarnessError

_DEV = "dev"


def main(argv: Sequence[str]) -> int:
    """Do what the arguments say; return the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        return _do(arguments)
    except HarnessError as error:
        print(f"test hosts: {error}", file=sys.stderr)
        return 1


def _do(given: argparse.Namespace) -> int:
    match given.verb:
        case "base":
            print(base.ensure())
        case "packages":
            if given.install:
                base.install_packages()
            print(" ".join(base.missing_packages()))
        case "world":
            base.ensure()
            return world.start(given.command, given.name)
        case "enter":
            world.enter(given.name, given.command)
        case "up":
            base.ensure()
            print(background.up(given.name, given.hosts))
        case "down":
            background.down(given.name)
        case "serve":
            background.serve(given.hosts)
        case "reap":
            print("\n".join(world.reap()) or "nothing to remove")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("base", help="build the base image, if there is none, and print its path")
    packages = verbs.add_parser("packages", help="print the Debian packages this machine lacks")
    packages.add_argument("--install", action="store_true", help="install them first")
    verbs.add_parser("reap", help="remove what killed worlds left")

    inside = verbs.add_parser("world", help="run a command in a new world, then remove it")
    inside.add_argument("--name", help="to `enter` it by")
    inside.add_argument("command", nargs="+", metavar="-- COMMAND")
    entering = verbs.add_parser("enter", help="run a command in a running world")
    entering.add_argument("name")
    entering.add_argument("command", nargs="+", metavar="-- COMMAND")

    starting = verbs.add_parser("up", help="keep a world with hosts in the background")
    starting.add_argument("--name", default=_DEV)
    starting.add_argument("--hosts", type=int, default=3)
    ending = verbs.add_parser("down", help="end it")
    ending.add_argument("--name", default=_DEV)
    serving = verbs.add_parser("serve", help="what `up` runs in its world")
    serving.add_argument("hosts", type=int)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
