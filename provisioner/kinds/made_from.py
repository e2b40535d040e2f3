"""Facts that plans of several kinds rely on (``Kind.basis``)."""

from __future__ import annotations

from provisioner.kinds.ids import topic_id
from provisioner.plan.basis import Facts
from provisioner.plan.model import Absent, Present
from provisioner.plan.rules import Seen


def topic_made(name: str, seen: Seen) -> Facts:
    """Which topic of this name it is, where Kafka gives it an id (2.8 and later)."""
    observation = seen.things.get(topic_id(name))
    if isinstance(observation, Absent):
        return {"topic id": None}
    made = observation.volatile.get("id") if isinstance(observation, Present) else None
    return {"topic id": made} if made else {}
