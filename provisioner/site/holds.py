"""Which nodes are left alone, for a person who looks at a plan that has nothing to say of them."""

from __future__ import annotations

from collections.abc import Iterator

from provisioner.kinds.ids import service_id
from provisioner.kinds.service.holds import age
from provisioner.plan.model import Present
from provisioner.site.planning import Planned
from provisioner.site.site import Site


def left_alone(site: Site, planned: Planned) -> Iterator[str]:
    """A line for each node that the spec holds; of one whose start or restart the plan refuses, the
    plan speaks."""
    refused = {item.id for item in planned.plan.refused}
    for node in site.spec.nodes:
        id = service_id(node)
        seen = planned.seen.things.get(id)
        if node.hold and id not in refused:
            held = isinstance(seen, Present) and seen.fields.get("hold") == node.hold
            since = f" for {age(seen)}" if held and isinstance(seen, Present) and age(seen) else ""
            yield f"{node.name} is held by the spec{since}: {node.hold}"
