"""What a saved plan of a topic's replicas relies on: where each replica is and is going, which
topic it is, and the racks of the brokers that get some. Who leads does not matter, nor how many
bytes there are: where the replicas go stands in the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provisioner.kafka.port import ClusterView
from provisioner.kinds.ids import broker_id, placement_id
from provisioner.kinds.made_from import topic_made
from provisioner.plan.basis import Facts
from provisioner.plan.model import Change, Id, Observation, Present, State
from provisioner.plan.rules import Seen

SAVED = "saved"
"""Of a placement that was seen: partition → where the saved plan that is carried out puts it; None
where none is."""


def saved_targets(view: ClusterView, topic: str) -> Mapping[str, tuple[int, ...]] | None:
    if view.aims is None:
        return None
    aims = view.aims.get(str(placement_id(topic))) or {}
    return {name: tuple(to) for name, to in aims.items()}


def basis(id: Id, state: State, fields: Sequence[str] | None, seen: Seen) -> Facts:
    observation = seen.things.get(id)
    if not isinstance(observation, Present):
        return topic_made(id.name, seen)
    moving = observation.volatile["moving"]
    where = {f"replicas of partition {n}": list(at) for n, at in observation.fields.items()}
    going = {f"partition {n} is moving to": list(to) for n, to in moving.items()}
    none = {f"partition {n} is moving to": None for n in observation.fields if n not in moving}
    new = {broker for n, to in _targets(state, observation).items() for broker in to}
    return {**topic_made(id.name, seen), **where, **none, **going, **_racks(new, seen)}


def _racks(brokers: set[int], seen: Seen) -> Facts:
    found = {broker: seen.things.get(broker_id(broker)) for broker in sorted(brokers)}
    return {
        f"rack of broker {broker}": there.volatile.get("rack")
        for broker, there in found.items()
        if isinstance(there, Present)
    }


def aim(change: Change | None, state: State, observation: Observation | None) -> object:
    """Where each replica is to be that is not there, in this round or in a later one."""
    if not isinstance(observation, Present) or "replicas" in state.fields:
        return None
    return {name: list(to) for name, to in _targets(state, observation).items()}


def _targets(state: State, seen: Present) -> dict[str, Sequence[int]]:
    return {
        name: to
        for name, to in state.fields.items()
        if isinstance(to, Sequence) and name in seen.fields and tuple(to) != seen.fields[name]
    }
