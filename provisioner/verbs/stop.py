"""``provision stop``: all, or some once that is safe."""

from __future__ import annotations

import argparse

from provisioner.verbs.shared import options
from provisioner.verbs.shared.processes import bounce
from provisioner.verbs.shared.verb import Verb


def _options(parser: argparse.ArgumentParser) -> None:
    options.nodes(parser)
    parser.add_argument(
        "--hold", metavar="WHY", help="and keep apply from starting them until `start`"
    )


VERB = Verb(
    "stop",
    "stop nodes",
    rank=10,
    story=bounce,
    options=_options,
    examples=(
        "provision stop specs/lab.yaml",
        'provision stop --node broker-1 --hold "disk swap" specs/prod.yaml',
    ),
    changes=True,
    of_hosts=True,
)
