"""The kind ``refill``: the replicas of a broker that came back without its data.

Kafka fills them by itself; a change of this kind only waits for it, while the throttle is kept up.
That a broker is filled, and is not merely behind, says the journal: its replicas were throttled for
it before it was started.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.reassignments import ListReassignments
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.ids import refill_id, throttle_id
from provisioner.kinds.kind import Difference, Kind
from provisioner.kinds.refilling import LATE, begins, copied
from provisioner.kinds.throttled import Late, being_filled
from provisioner.plan.model import (
    Await,
    Change,
    Copy,
    Deferred,
    Id,
    Layer,
    Observation,
    Observed,
    Present,
    State,
    Step,
)
from provisioner.spec.types import Spec

PATIENCE = 600.0
"""Seconds in which no byte comes and no replica gets in sync."""
BEGINS, COPIES = "begins", "copies"


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    wanted = State({"in_sync": True}, inputs=(throttle_id(),))
    return {refill_id(node.id): replace(wanted, args={"broker": node.id}) for node in spec.brokers}


def asks(spec: Spec) -> Sequence[Ask]:
    """What the throttle is told by too: it is kept up while a refill is waited for."""
    return [ListReassignments()] if spec.brokers else []


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    filled, sizes = being_filled(view), view.sizes
    found: dict[Id, Observation] = {}
    for node in spec.brokers:
        late = filled.get(node.id, ())
        has = _has(view, node.id)
        copies = tuple(
            Copy(_left(sizes.get(each.place), has, each), each.leader, (node.id,))
            for each in late
            if each.leader is not None
        )
        volatile = {
            LATE: late,
            COPIES: copies,
            "copied": sum((has or {}).get(each.place, 0) for each in late),
            "up": node.id in view.alive,
        }
        found[refill_id(node.id)] = Present({"in_sync": not late}, volatile=volatile)
    return found


def _has(view: ClusterView, broker: int) -> Mapping[tuple[str, int], int] | None:
    """Bytes of each replica on it; one that is not up has to be filled with everything."""
    if broker not in view.alive:
        return {}
    dirs = view.log_dirs.get(broker)
    return None if dirs is None else {p: n for each in dirs for p, n in each.partitions.items()}


def _left(whole: int | None, has: Mapping[tuple[str, int], int] | None, each: Late) -> int | None:
    if whole is None or has is None:
        return None
    return max(whole - has.get(each.place, 0), 0)


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    found = dict(mine)
    for broker, late in begins(spec, observed).items():
        id = refill_id(broker)
        if id in found:
            more = {BEGINS: len(late), COPIES: copied(late, broker, observed)}
            found[id] = replace(found[id], args={**found[id].args, **more})
    return found


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    if count := state.args.get(BEGINS):
        why = f"{_replicas(count)} copied from other brokers once {id.name} runs"
        return True, Deferred(id, why, "update", foreseen=True)
    if not isinstance(observation, Present) or not fields:
        return True, None
    if not observation.volatile["up"]:
        return True, Deferred(id, f"{id.name} is not up", "update")
    why = f"{_replicas(len(observation.volatile[LATE]))} still to be copied from other brokers"
    before, after = {"in_sync": False}, {"in_sync": True}
    return True, Change(id, "update", before, after, ("in_sync",), "move", why)


def _replicas(count: int) -> str:
    return "1 replica" if count == 1 else f"{count} replicas"


def settled(state: State, observation: Observation) -> bool:
    return isinstance(observation, Present) and bool(observation.fields["in_sync"])


def held_up(state: State, observation: Observation) -> str:
    if isinstance(observation, Present) and not observation.volatile["up"]:
        return f"broker {state.args['broker']} is not up"
    return ""


def progress(seen: Present) -> object:
    """What has come. What is still to come also grows by what is written meanwhile."""
    late: Iterable[Late] = seen.volatile[LATE]
    return seen.volatile["copied"], frozenset(each.place for each in late)


def copies(state: State, observation: Observation) -> Sequence[Copy]:
    if BEGINS in state.args:
        found: Sequence[Copy] = state.args[COPIES]
        return found
    return observation.volatile[COPIES] if isinstance(observation, Present) else ()


def left(observation: Observation) -> tuple[int, int | None] | None:
    """How many partitions are not in sync yet, and how many bytes they lack."""
    if not isinstance(observation, Present) or not observation.volatile[LATE]:
        return None
    sizes = [each.bytes for each in observation.volatile[COPIES]]
    known = [size for size in sizes if size is not None]
    total = sum(known) if len(known) == len(sizes) else None
    return len(observation.volatile[LATE]), total


def deeper(view: ClusterView, spec: Spec) -> bool:
    """Whether the sizes of what may have to be copied are needed."""
    return any(node.id not in view.alive for node in spec.brokers)


def steps(change: Change, state: State) -> Sequence[Step]:
    return [Await(change.id, PATIENCE)]


KIND = Kind(
    "refill",
    Layer.CLUSTER,
    rank=12,
    of_cluster=of_cluster,
    asks=asks,
    read=read,
    resolve=resolve,
    judge=judge,
    settled=settled,
    held_up=held_up,
    progress=progress,
    left=left,
    awaiting=lambda id: f"the replicas of {id.name} to be in sync again",
    steps=steps,
    copies=copies,
    deeper=deeper,
    sizes=True,
    listed=True,
    by_runs=lambda spec: True,
    reorders=True,
)
