"""What must leave the brokers that are to go, whoever's topic it is, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from provisioner.kinds.ids import broker_id, throttle_id
from provisioner.kinds.leaving import startable
from provisioner.plan.model import Id, Observed, Pending, Present, State
from provisioner.plan.placement import Broker, Move, Partition, Proposal, Rules, propose
from provisioner.spec.types import Spec


@dataclass(frozen=True)
class Planned:
    """``refused``: topic → why it stays as it is. ``stuck``: topic → the brokers that cannot be
    emptied because of it, and why."""

    proposal: Proposal
    refused: Mapping[str, str] = field(default_factory=dict)
    stuck: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


def planned(
    brokers: Sequence[Broker],
    partitions: Sequence[Partition],
    rules: Rules,
    leaving: frozenset[int],
) -> Planned:
    """One plan for all that leave, so that nothing moves to a broker that goes next. A broker that
    cannot be emptied keeps all that it has: half of a removal would be moved in vain."""
    proposal = propose(brokers, partitions, replace(rules, leaving=leaving))
    why = _first(proposal)
    held: dict[str, set[int]] = {}
    for each in partitions:
        if each.topic in why:
            held.setdefault(each.topic, set()).update(leaving.intersection(each.replicas))
    stuck = {topic: dict.fromkeys(sorted(on), why[topic]) for topic, on in held.items() if on}
    stay = {broker for each in stuck.values() for broker in each}
    if stay:
        proposal = propose(brokers, partitions, replace(rules, leaving=leaving - stay))
    return Planned(proposal, {**_first(proposal), **why}, stuck)


def _first(proposal: Proposal) -> dict[str, str]:
    found: dict[str, str] = {}
    for topic, _, reason in proposal.refused:
        found.setdefault(topic, reason)
    return found


def unwanted(spec: Spec, wanted: Mapping[Id, State], observed: Observed) -> dict[Id, State]:
    """Topics that the spec does not name, and that are on a broker that is to go."""
    gone = {node.id for node in spec.leaving}
    return {
        id: State(
            {"replicas": Pending("which brokers there are")},
            inputs=(throttle_id(),),
            args={"replication": None, "placement": None},
        )
        for id, seen in (observed.items() if gone else ())
        if id.kind == "placement"
        and id not in wanted
        and isinstance(seen, Present)
        and any(
            gone & {*was, *seen.volatile["moving"].get(n, ())} for n, was in seen.fields.items()
        )
    }


def held_up_by(
    spec: Spec, moves: Sequence[Move], placed: Mapping[str, Present], observed: Observed
) -> Iterator[tuple[tuple[str, int], str]]:
    """(topic, partition) and why it does not move yet: its only copy is on a broker that is started
    first, or a broker that keeps a replica is away, and a move ends with all of them in sync."""
    if not spec.leaving:
        return
    start = {node.id: node.name for node in spec.leaving if startable(node, observed)}
    for move in moves:
        last = str(move.partition) in placed[move.topic].volatile["lost"]
        first = [start[broker] for broker in move.before if last and broker in start]
        if first:
            yield (move.topic, move.partition), f"{first[0]} has its only copy, and does not run"
            continue
        away = [broker for broker in move.after if not _is_up(broker, observed)]
        if away:
            yield (move.topic, move.partition), f"broker {away[0]} is not up"


def _is_up(broker: int, observed: Observed) -> bool:
    seen = observed.get(broker_id(broker))
    return isinstance(seen, Present) and not seen.fields["fenced"]
