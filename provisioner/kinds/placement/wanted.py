"""Where the replicas should be: the planner is asked of the cluster as a whole, and told per topic.

A partition that is being moved counts as where it is going, so that what was begun is finished and
nothing is moved twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provisioner.kinds.ids import config_id, placement_id, throttle_id, topic_id
from provisioner.kinds.placement import rebalance
from provisioner.kinds.placement.basis import SAVED
from provisioner.kinds.placement.drain import Planned, held_up_by, planned
from provisioner.kinds.placement.rebalance import is_up
from provisioner.plan.model import Id, Observed, Present, State
from provisioner.plan.placement import Broker, Move, Partition, Proposal, Rules, first_batch
from provisioner.spec.types import Spec

NOW, REFUSED, GROWS, WAITS, AWAY = "now", "refused", "grows", "waits", "away"
"""What a resolved state has besides: the partitions of this round, why nothing moves, whether the
topic gets its new partitions first, which brokers of the spec are not up, and which partitions are
moving to one of these."""
BALANCED, LATER = "balanced", "later"
"""Whether it may move for the policy's sake, and why not now."""
BESIDES = State({}, inputs=(throttle_id(),), args={"replication": None, "placement": None})
"""A topic that the spec does not name: each partition keeps its number of replicas."""
LOST, STUCK, HELD_UP = "lost", "stuck", "held_up"
"""Of brokers that are to go: the partitions that have no copy left, the brokers that cannot be
emptied because of the topic (with the reason), and what other partitions wait for."""


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    """The topics of the spec, and those besides whose replicas move."""
    waits = {n.id: n.name for n in spec.brokers if not n.hold and not is_up(n.id, observed)}
    placed = {
        id.name: _without_ended(seen, observed, waits)
        for id, seen in observed.items()
        if id.kind == "placement" and isinstance(seen, Present)
    }
    wanted = {id.name: state for id, state in every.items() if id.kind == "placement"}
    # What abort takes back is wanted as it was, whatever the spec has.
    unnamed = placed.keys() - wanted.keys()
    wanted = {
        n: state for n, state in wanted.items() if n in placed and "replication" in state.args
    }
    told = {n.id for n in spec.leaving if isinstance(observed.get(config_id(n.name)), Present)}
    found, later = _proposals(spec, wanted, placed, every, observed)
    targets: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for move in (*found.proposal.moves, *later.moves):
        targets[move.topic][str(move.partition)] = move.after
    besides = {n: BESIDES for n in unnamed if n in targets or placed[n].volatile["moving"]}
    wanted |= besides
    grows = {name for name in wanted if _grows(name, every, observed)}
    held_up: dict[str, dict[str, str]] = defaultdict(dict)
    for (topic, number), reason in held_up_by(spec, found.proposal.moves, placed, observed):
        held_up[topic][str(number)] = reason
    moves = [
        move
        for move in found.proposal.moves
        if move.topic not in grows and str(move.partition) not in held_up.get(move.topic, {})
    ]
    now = _this_round(spec, wanted, placed, moves)
    why = dict(found.refused)
    more = {WAITS: tuple(waits.values()), BALANCED: spec.policy.rebalance != "off"}
    return {
        placement_id(name): _state(
            state,
            placed[name],
            targets[name],
            {
                NOW: now[name] - _away(placed[name], waits).keys(),
                REFUSED: why.get(name, ""),
                GROWS: name in grows,
                LATER: later.why if name in later.topics else "",
                AWAY: _away(placed[name], waits),
                LOST: placed[name].volatile["lost"],
                STUCK: found.stuck.get(name, {}),
                HELD_UP: held_up.get(name, {}),
                **more,
            },
            told,
        )
        for name, state in wanted.items()
        if placement_id(name) in mine or name in besides
    }


@dataclass(frozen=True)
class _Later:
    """What moves only for the policy's sake and not now: why, and what."""

    why: str = ""
    moves: Sequence[Move] = ()

    @property
    def topics(self) -> set[str]:
        return {move.topic for move in self.moves}


def _proposals(
    spec: Spec,
    wanted: Mapping[str, State],
    placed: Mapping[str, Present],
    every: Mapping[Id, State],
    observed: Observed,
) -> tuple[Planned, _Later]:
    """What is to move now and in the rounds after, and what waits for something else."""
    brokers, rules = _brokers(spec, observed), _rules(wanted, placed, observed)
    leaving = frozenset(node.id for node in spec.leaving)
    asked, nothing = list(_partitions(placed)), Planned(Proposal((), ()))
    needed = not all(_holds(wanted[name], placed[name], leaving) for name in wanted)
    if spec.policy.rebalance == "off":
        return planned(brokers, asked, rules, leaving) if needed else nothing, _Later()
    mine = rebalance.brokers(spec, brokers)
    both = rebalance.rules(spec, rules, every, observed, placed)
    balanced = planned(mine, asked, both, leaving)
    waits = rebalance.waits(spec, observed)
    if not waits:
        return balanced, _Later()
    found = planned(brokers, asked, rules, leaving) if needed else nothing
    demanded = {move.topic for move in found.proposal.moves} | set(found.refused)
    moves = tuple(move for move in balanced.proposal.moves if move.topic not in demanded)
    return found, _Later(waits, moves)


def _state(
    state: State,
    seen: Present,
    targets: Mapping[str, tuple[int, ...]],
    more: Mapping[str, object],
    told: Collection[int],
) -> State:
    """What leaves a broker goes once that one gets no new replicas, if it can be ``told``."""
    fields = {**seen.fields, **seen.volatile["moving"], **targets}
    from_ = {broker for name in targets for broker in seen.fields.get(name, ()) if broker in told}
    before = tuple(config_id(f"broker-{broker}") for broker in sorted(from_))
    return replace(
        state, fields=fields, inputs=(*state.inputs, *before), args={**state.args, **more}
    )


def _grows(topic: str, every: Mapping[Id, State], observed: Observed) -> bool:
    id = topic_id(topic)
    wanted, seen = every.get(id), observed.get(id)
    if wanted is None or not isinstance(seen, Present):
        return False
    return bool(seen.fields["partitions"] < wanted.fields["partitions"])


def _without_ended(seen: Present, observed: Observed, waits: Mapping[int, str]) -> Present:
    """Without the moves to a broker that is not up and that nobody starts: these partitions are
    planned anew from where they are."""
    if not seen.volatile["moving"]:
        return seen
    moving = {
        name: to
        for name, to in seen.volatile["moving"].items()
        if all(id in waits or is_up(id, observed) for id in to)
    }
    return replace(seen, volatile={**seen.volatile, "moving": moving})


def _away(seen: Present, waits: Mapping[int, str]) -> Mapping[str, str]:
    """Partitions that are moving to a broker that is not up yet, and its name."""
    found = {}
    for name, to in seen.volatile["moving"].items():
        new = [id for id in to if id in waits and id not in seen.fields[name]]
        if new:
            found[name] = waits[new[0]]
    return found


def _holds(state: State, seen: Present, leaving: frozenset[int]) -> bool:
    """Whether a topic is where it should be or on its way there."""
    going = {**seen.fields, **seen.volatile["moving"]}
    if leaving and not all(leaving.isdisjoint(replicas) for replicas in going.values()):
        return False
    pinned, replication = state.args["placement"], state.args["replication"]
    if pinned is not None:
        return all(
            int(name) < len(pinned) and tuple(replicas) == pinned[int(name)]
            for name, replicas in going.items()
        )
    return replication is None or all(len(each) == replication for each in going.values())


def _brokers(spec: Spec, observed: Observed) -> list[Broker]:
    """With whether each may get replicas: one that is away, or that the spec holds or cordons, may
    not."""
    closed = {str(node.id) for node in spec.brokers if not node.takes_replicas}
    return [
        Broker(
            int(id.name),
            seen.volatile["rack"],
            accepts=not seen.fields["fenced"]
            and id.name not in closed
            and not spec.leaves(int(id.name)),
        )
        for id, seen in sorted(observed.items())
        if id.kind == "broker" and isinstance(seen, Present)
    ]


def _partitions(placed: Mapping[str, Present]) -> Iterator[Partition]:
    for topic, seen in placed.items():
        going = {**seen.fields, **seen.volatile["moving"]}
        for name, replicas in going.items():
            bytes_ = seen.volatile["bytes"].get(name)
            isr = tuple(seen.volatile["in_sync"].get(name, ()))
            # Of a partition that has no copy left nothing is copied.
            known = None if name in seen.volatile["lost"] else isr
            yield Partition(topic, int(name), tuple(replicas), bytes=bytes_, isr=known)


def _rules(wanted: Mapping[str, State], placed: Mapping[str, Present], observed: Observed) -> Rules:
    pinned = {
        (topic, number): replicas
        for topic, state in wanted.items()
        for number, replicas in enumerate(state.args["placement"] or ())
        if str(number) in placed[topic].fields
    }
    saved = {
        (topic, int(name)): to
        for topic, seen in placed.items()
        for name, to in (seen.volatile.get(SAVED) or {}).items()
        if name in seen.fields and name not in seen.volatile["moving"]
    }
    free = {
        int(id.name): seen.volatile["free"]
        for id, seen in observed.items()
        if id.kind == "broker" and isinstance(seen, Present)
    }
    return Rules(
        replication={
            topic: factor
            for topic, state in wanted.items()
            if (factor := state.args["replication"]) is not None
        },
        pinned={**pinned, **saved},
        free={id: bytes_ for id, bytes_ in free.items() if bytes_ is not None},
    )


def _this_round(
    spec: Spec, wanted: Mapping[str, State], placed: Mapping[str, Present], moves: Sequence[Move]
) -> Mapping[str, frozenset[str]]:
    """{topic: partitions}: what is under way, or else as many as the policy lets."""
    found: dict[str, set[str]] = defaultdict(set)
    chosen = {(topic, name) for topic in wanted for name in placed[topic].volatile["moving"]}
    if moves and not chosen:
        first = first_batch(moves, spec.policy.move.per_broker)
        chosen = {(move.topic, str(move.partition)) for move in first}
    for topic, name in chosen:
        found[topic].add(name)
    return defaultdict(frozenset, {topic: frozenset(names) for topic, names in found.items()})
