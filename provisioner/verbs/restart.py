"""``provision restart``: one at a time, once safe."""

from __future__ import annotations

import argparse

from provisioner.verbs.shared import limits, options
from provisioner.verbs.shared.processes import bounce
from provisioner.verbs.shared.verb import Verb


def _options(parser: argparse.ArgumentParser) -> None:
    options.nodes(parser)
    limits.options(parser)


VERB = Verb(
    "restart",
    "restart nodes one at a time, once safe",
    rank=11,
    story=bounce,
    options=_options,
    examples=(
        "provision restart --node broker-1,broker-2 specs/prod.yaml",
        "provision restart --until 05:30 specs/prod.yaml",
    ),
    changes=True,
    of_hosts=True,
)
