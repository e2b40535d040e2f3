"""``provision restart``: one at a time, once safe."""

from __future__ import annotations

from provisioner.verbs.shared import options
from provisioner.verbs.shared.processes import bounce
from provisioner.verbs.shared.verb import Verb

VERB = Verb(
    "restart",
    "restart nodes one at a time, once safe",
    rank=11,
    story=bounce,
    options=options.nodes,
    examples=("provision restart --node broker-1,broker-2 specs/prod.yaml",),
    changes=True,
)
