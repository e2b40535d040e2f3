"""``provision start``: nodes that are down, by tier."""

from __future__ import annotations

from provisioner.verbs.shared import options
from provisioner.verbs.shared.processes import bounce
from provisioner.verbs.shared.verb import Verb

VERB = Verb(
    "start",
    "start nodes",
    rank=9,
    story=bounce,
    options=options.nodes,
    examples=(
        "provision start specs/lab.yaml",
        "provision start --node broker-1 specs/lab.yaml",
    ),
    changes=True,
    of_hosts=True,
)
