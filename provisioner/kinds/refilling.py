"""A broker that comes back without its data, as when its host was installed anew: by what was seen
of its log dirs, its process and the partitions of which Kafka says that it has a replica.

Kafka fills them by itself once it runs. What this tool does about it is to limit that, to keep
others from being stopped meanwhile, and to name before what would be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from provisioner.kinds.ids import refill_id, service_id, storage_id
from provisioner.kinds.throttled import Late
from provisioner.plan.model import Absent, Copy, Id, Observation, Observed, Present
from provisioner.spec.types import Node, Spec

LATE = "late"
"""What an observation of a refill has besides: the replicas that are not in sync yet."""


def begins(spec: Spec, observed: Observed) -> dict[int, tuple[Late, ...]]:
    """The brokers that are to be started with a log dir in which Kafka never wrote, though they
    have replicas; and these, whichever of the log dirs they were in."""
    new = [node for node in spec.brokers if not node.hold and _is_new(node, observed)]
    found = {node.id: tuple(replicas(node.id, observed)) for node in new}
    return {broker: late for broker, late in found.items() if late}


def _is_new(node: Node, observed: Observed) -> bool:
    process = observed.get(service_id(node))
    if not isinstance(process, Present) or process.fields["running"]:
        return False
    return any(never_used(seen) for seen in _dirs(node, observed))


def is_empty(node: Node, observed: Observed) -> bool:
    """Whether none of its log dirs was ever written to."""
    return all(never_used(seen) for seen in _dirs(node, observed))


def _dirs(node: Node, observed: Observed) -> Sequence[Observation | None]:
    return [observed.get(storage_id(node.host, each.path)) for each in node.log_dirs]


def never_used(seen: Observation | None) -> bool:
    """A format alone does not count: the broker itself writes when it first starts."""
    if isinstance(seen, Present):
        return not seen.volatile["ran"]
    return isinstance(seen, Absent)


def replicas(broker: int, observed: Observed) -> Iterable[Late]:
    for id, seen in sorted(_placements(observed).items()):
        for name, on in seen.fields.items():
            if broker in on:
                others = tuple(each for each in on if each != broker)
                yield Late(id.name, int(name), others, others[0] if others else None)


def _placements(observed: Observed) -> dict[Id, Present]:
    return {
        id: seen
        for id, seen in observed.items()
        if id.kind == "placement" and isinstance(seen, Present)
    }


def continues(spec: Spec, observed: Observed) -> dict[int, tuple[Late, ...]]:
    """The brokers that are being filled, and what is not in sync yet."""
    found = {}
    for node in spec.brokers:
        seen = observed.get(refill_id(node.id))
        if isinstance(seen, Present) and seen.volatile[LATE]:
            found[node.id] = seen.volatile[LATE]
    return found


def copied(late: Iterable[Late], broker: int, observed: Observed) -> tuple[Copy, ...]:
    """What is copied to a broker that has nothing: as many bytes as the others have."""
    placed: Mapping[Id, Present] = _placements(observed)
    sizes = {id.name: seen.volatile["bytes"] for id, seen in placed.items()}
    return tuple(
        Copy(sizes.get(each.topic, {}).get(str(each.partition)), each.leader, (broker,))
        for each in late
        if each.leader is not None
    )
