"""The kind ``feature``: the level at which a feature of Kafka is finalised (decision 54).

One change for each, metadata.version first where it is raised and last where it is lowered. Kafka
itself is asked before whether it would do it (``validate_only``), when every broker supports the
level; what it says of fenced brokers and of controllers is in its answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.configs import AlterBrokerConfig
from provisioner.kafka.requests.features import DescribeFeatures, Level, UpdateFeature
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.feature.minimum import differing_minimum, kept_minimum, minimum_of
from provisioner.kinds.feature.questions import (
    METADATA,
    Told,
    asks_more,
    lacking_switch,
    question,
    told,
    wanted_levels,
)
from provisioner.kinds.feature.warnings import warnings, way_back
from provisioner.kinds.ids import broker_id, config_id, feature_id
from provisioner.kinds.kind import Difference, Facts, Kind, Question, Seen, Verdict
from provisioner.plan.model import (
    Await,
    Call,
    Change,
    Deferred,
    Id,
    Layer,
    Observation,
    Observed,
    Present,
    Refused,
    State,
    Step,
    Unknown,
)
from provisioner.spec import features
from provisioner.spec.types import Spec

LEVEL = "level"
ALLOW = "lower-feature"
GOES = "goes"
MINIMUM = "min.insync.replicas"
ELR = "eligible.leader.replicas.version"
PATIENCE = 60.0


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    return {
        feature_id(name): State({LEVEL: level}, args={"version": spec.version})
        for name, level in wanted_levels(spec).items()
    }


def asks(spec: Spec) -> Sequence[Ask]:
    return [DescribeFeatures()] if spec.is_kraft else []


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    levels = wanted_levels(spec)
    known = told(view)
    if known is None:
        why = view.errors.get(DescribeFeatures().what, "Kafka did not tell its features")
        return {feature_id(name): Unknown(why) for name in levels}
    return {feature_id(name): _one(view, known, levels, name) for name in {*levels, *known.names}}


def _one(view: ClusterView, known: Told, levels: Mapping[str, int], name: str) -> Present | Unknown:
    """Where the level is to change, what every broker supports has to be known."""
    if levels.get(name, known.now(name)) != known.now(name) and not known.whole:
        silent = [id for id in sorted(view.alive) if DescribeFeatures(id) not in view.answers]
        what = DescribeFeatures(silent[0]).what if silent else ""
        why = view.errors.get(what, "not every broker told which levels it supports")
        return Unknown(f"{what}: {why}" if what in view.errors else why)
    return Present({LEVEL: known.now(name)}, volatile=_around(view, known, levels, name))


def _around(
    view: ClusterView, known: Told, levels: Mapping[str, int], name: str
) -> dict[str, object]:
    """``lacking``: who does not support the wanted level; ``refusal``: Kafka's own word on it."""
    found: dict[str, object] = {}
    if name in levels and levels[name] != known.now(name):
        ask = question(known, levels, name)
        lacking = known.lacking(name, levels[name]) or lacking_switch(known, name)
        found["lacking"] = lacking
        found["refusal"] = view.answers.get(ask) if ask is not None else None
        if name == ELR:
            found["minimum"] = minimum_of(view)
    return found


def resolve(
    spec: Spec, mine: Mapping[Id, State], every: Mapping[Id, State], observed: Observed
) -> Mapping[Id, State]:
    """Which goes before which, and the minimum that a raise must not change; who goes, and counts
    as long as it is registered."""
    goes = [n.name for n in spec.leaving if isinstance(observed.get(broker_id(n.id)), Present)]
    raised = {id for id in mine if _way(mine[id], observed.get(id)) > 0}
    lowered = {id for id in mine if _way(mine[id], observed.get(id)) < 0}
    first = feature_id(METADATA)
    resolved = {}
    for id, state in mine.items():
        before: tuple[Id, ...] = ()
        if id != first and first in raised:
            before = (first,)
        elif id == first and id in lowered:
            before = tuple(sorted(lowered - {id}))
        if id.name == ELR and id in raised:
            before = (*before, *(i for i in [config_id("cluster")] if i in every))
            kept = kept_minimum(observed.get(id))
            state = replace(state, args={**state.args, "minimum": kept})
        resolved[id] = replace(state, inputs=before, args={**state.args, GOES: goes})
    return resolved


def _way(state: State, seen: Observation | None) -> int:
    """1: it is raised, -1: lowered."""
    if not isinstance(seen, Present):
        return 0
    wanted, now = state.fields[LEVEL], seen.fields[LEVEL]
    return int(wanted > now) - int(wanted < now)


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    if not isinstance(observation, Present):
        return False, None
    if not fields:
        return True, None
    wanted, now = state.fields[LEVEL], observation.fields[LEVEL]
    lacking = observation.volatile.get("lacking")
    if lacking:
        return True, Deferred(id, _waits(state, lacking), "update", foreseen=True)
    what = _what(id, now, wanted)
    change = Change(id, "update", {LEVEL: now}, {LEVEL: wanted}, (LEVEL,), reason=what)
    refusal = observation.volatile.get("refusal")
    if refusal and (goes := state.args.get(GOES)):
        why = f"to {wanted} once {', '.join(goes)} is gone: {refusal}"
        return True, Deferred(id, why, "update", foreseen=True)
    if refusal:
        verb = "raise" if wanted > now else "lower"
        return True, Refused(id, f"{what}; Kafka does not {verb} it: {refusal}", None, change)
    if id.name == ELR and (differing := differing_minimum(observation)):
        return True, Refused(id, f"{what}; {differing}", None, change)
    if id.name == features.KRAFT:
        words = f"{what}: the quorum becomes dynamic, and can never be static again"
        change = replace(change, reason=words)
    if id.name == METADATA and wanted > now:
        change = replace(change, reason=f"{what}; {way_back(now, wanted)}")
    return True, change


def _waits(state: State, lacking: Sequence[tuple[int, int]]) -> str:
    broker, top = min(lacking, key=lambda each: each[1])
    who = f"broker {broker} supports" if len(lacking) == 1 else f"{len(lacking)} brokers support"
    return (
        f"to {state.fields[LEVEL]} once every node runs Kafka {state.args['version']} "
        f"({who} it up to {top})"
    )


def _what(id: Id, now: int, wanted: int) -> str:
    level = features.shown(id.name, wanted)
    if not now:
        return f"it is not finalised, should be at {level}"
    is_at = f"it is finalised at {features.shown(id.name, now)}"
    return f"{is_at}, should be at {level}" if wanted else f"{is_at}, should not be"


def guard(question: Question) -> Iterator[Verdict]:
    """Lowering is asked for by name; that Kafka would do it has been seen before."""
    for change in question.changes:
        before, after = (change.before or {}).get(LEVEL, 0), (change.after or {}).get(LEVEL, 0)
        if after < before and not question.rules.permits_all(ALLOW):
            yield Refused(change.id, f"{change.reason}: it would be lowered", ALLOW, change)


def settled(state: State, observation: Observation) -> bool:
    return isinstance(observation, Present) and observation.fields[LEVEL] == state.fields[LEVEL]


def steps(change: Change, state: State) -> Sequence[Step]:
    now, wanted = (change.before or {}).get(LEVEL, 0), state.fields[LEVEL]
    chain: list[Step] = []
    if kept := state.args.get("minimum"):
        chain.append(Call(AlterBrokerConfig(None, {MINIMUM: kept}, [])))
    level = Level(change.id.name, wanted, lower=wanted < now)
    return [*chain, Call(UpdateFeature(level)), Await(change.id, PATIENCE)]


def basis(id: Id, state: State, fields: Sequence[str] | None, seen: Seen) -> Facts:
    """Its level, and that of metadata.version, on which the others depend."""
    found = {name: seen.things.get(feature_id(name)) for name in (METADATA, id.name)}
    return {
        f"finalised level of {name}": there.fields[LEVEL]
        for name, there in found.items()
        if isinstance(there, Present)
    }


KIND = Kind(
    "feature",
    Layer.CLUSTER,
    rank=8,
    of_cluster=of_cluster,
    asks=asks,
    asks_more=asks_more,
    read=read,
    resolve=resolve,
    judge=judge,
    guard=guard,
    basis=basis,
    warnings=warnings,
    settled=settled,
    # What Kafka refused because of a node that this run starts it does afterwards.
    by_runs=lambda spec: True,
    awaiting=lambda id: f"the brokers to apply feature {id.name}",
    steps=steps,
)
