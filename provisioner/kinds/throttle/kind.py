"""The kind ``throttle``: one thing, the limit on what moving replicas take of the network.

It is set before the first replica moves and goes when the last has arrived. It names the replicas
one by one: an in-sync replica that is named is not delayed, but its bytes count against the rate
(Kafka's ``ReplicaFetcherThread``), so with ``*`` the moving ones starve. What somebody else has set
stays as it is, and ours is then not set there. A broker that is away cannot be told.

Fields: ``broker-N`` → bytes per second; ``topic-NAME`` → (leaders, followers), each ``P:B,P:B``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from provisioner.kafka.port import ClusterView
from provisioner.kafka.requests.configs import AlterBrokerConfig, AlterTopicConfig
from provisioner.kafka.requests.reassignments import ListReassignments
from provisioner.kafka.requests.request import Ask
from provisioner.kinds.ids import throttle_id
from provisioner.kinds.kind import Difference, Facts, Kind, Seen
from provisioner.kinds.leaving import PASSES
from provisioner.kinds.throttle.upkeep import upkeep
from provisioner.kinds.throttle.wanted import REFILLS, TARGETS, resolve
from provisioner.kinds.throttled import (
    BROKER,
    LISTS,
    OVER,
    RATES,
    TOPIC,
    concerns,
    is_ours,
    limits_of,
)
from provisioner.plan.model import (
    Absent,
    Action,
    Await,
    Call,
    Change,
    Deferred,
    Gone,
    Id,
    Layer,
    Observation,
    Observed,
    Present,
    State,
    Step,
    Unknown,
    Unmanaged,
)
from provisioner.spec.types import Spec

PATIENCE = 30.0

TO = re.compile(r"to (\S{1,249}) (\d{1,9})")


def of_cluster(spec: Spec) -> Mapping[Id, State]:
    return {throttle_id(): Gone()} if concerns(spec) else {}


def asks(spec: Spec) -> Sequence[Ask]:
    return [ListReassignments()] if concerns(spec) else []


def read(view: ClusterView, spec: Spec) -> Mapping[Id, Observation]:
    """What of it is ours: what the journal has with these very values, or where that was not looked
    up, all of it. What is not has an id of its own."""
    if why := _not_told(view, spec):
        return {throttle_id(): Unknown(why)}
    found = limits_of(view)
    ours = {name: value for name, value in found.items() if is_ours(view, name, value)}
    others = {
        Id("", "throttle", name): Present({"limit": value})
        for name, value in found.items()
        if name not in ours
    }
    mine = Present(ours, volatile={TARGETS: _targets(view)}) if ours else Absent()
    return {throttle_id(): mine, **others}


def _targets(view: ClusterView) -> dict[tuple[str, int], tuple[int, ...]]:
    """Where the partitions go for which it was set, as the journal has it last."""
    found: dict[tuple[str, int], tuple[int, ...]] = {}
    for entry in (view.noted or {}).get(str(throttle_id()), ()):
        named = [(m, to) for n, to in entry.items() if (m := TO.fullmatch(n))]
        if named or OVER in entry:
            found = {(m[1], int(m[2])): tuple(to) for m, to in named if isinstance(to, list)}
    return found


def _not_told(view: ClusterView, spec: Spec) -> str:
    """Why it is not known: whether anything moves, or what limits a broker has. A topic whose
    configuration is not told does not move either."""
    if not concerns(spec):
        return ""
    ask = ListReassignments()
    if ask not in view.answers:
        return view.errors.get(ask.what, "Kafka did not tell what is being moved")
    named = (f"broker-{id}" for id in sorted(view.alive - view.broker_configs.keys()))
    return next((view.errors[name] for name in named if name in view.errors), "")


def told_by(id: Id, spec: Spec) -> Collection[Id]:
    """What limits a broker only that broker can tell."""
    return [Id(node.host, "service", node.name) for node in spec.brokers]


def limits(view: ClusterView) -> list[dict[str, Any]]:
    """Every limit there is, for a person: a broker's rates in bytes per second,
    and a topic's replicas."""
    shown: list[dict[str, Any]] = []
    for name, value in sorted(limits_of(view).items()):
        if _of_broker(name):
            rates = value if isinstance(value, tuple) else (value, value)
            broker = int(name.removeprefix(BROKER))
            shown.append({"broker": broker, "leader_rate": rates[0], "follower_rate": rates[1]})
        else:
            names = {"topic": name.removeprefix(TOPIC)}
            shown.append({**names, "leaders": value[0], "followers": value[1]})
    return shown


def judge(
    id: Id, state: State, observation: Observation, fields: Sequence[str]
) -> tuple[bool, Difference]:
    """That it goes again is foreseen from the beginning."""
    if not state.fields:
        return True, Deferred(id, "set as long as replicas move", "create", foreseen=True)
    later = Deferred(id, "removed once the replicas are in sync", "delete", foreseen=True)
    if not fields:
        return True, later
    known = observation.fields if isinstance(observation, Present) else {}
    before = {name: known.get(name) for name in fields} if known else None
    after = {name: state.fields[name] for name in fields}
    brokers = sorted(int(name.removeprefix(BROKER)) for name in state.fields if _of_broker(name))
    between = ", ".join(map(str, brokers))
    reason = f"replicas move between brokers {between}"
    if refills := state.args.get(REFILLS):
        what = f"{', '.join(refills)} filled from the replicas of other brokers"
        reason = f"{what}; rates on brokers {between}"
    action: Action = "update" if known else "create"
    return True, (Change(id, action, before, after, tuple(fields), reason=reason, more=True), later)


def _of_broker(name: str) -> bool:
    return name.startswith(BROKER)


def find(observed: Observed, desired: Mapping[Id, State], spec: Spec) -> Sequence[Unmanaged]:
    """A limit that this tool has not set is somebody else's, or was left behind."""
    return [
        Unmanaged(id, detail="a replication throttle that this tool has not set")
        for id in sorted(observed)
        if id.kind == "throttle" and id != throttle_id()
    ]


def settled(state: State, observation: Observation) -> bool:
    return not isinstance(observation, Unknown)


def steps(change: Change, state: State) -> Sequence[Step]:
    if change.after is None:
        calls = [_remove(name) for name in change.before or {}]
    else:
        calls = [_set(name, value) for name, value in change.after.items()]
    return [*calls, Await(change.id, PATIENCE)]


def _set(name: str, value: Any) -> Step:
    if _of_broker(name):
        broker = int(name.removeprefix(BROKER))
        return Call(AlterBrokerConfig(broker, dict.fromkeys(RATES, str(value))))
    return Call(AlterTopicConfig(name.removeprefix(TOPIC), dict(zip(LISTS, value, strict=True))))


def _remove(name: str) -> Step:
    if _of_broker(name):
        return Call(AlterBrokerConfig(int(name.removeprefix(BROKER)), {}, RATES))
    return Call(AlterTopicConfig(name.removeprefix(TOPIC), {}, LISTS))


def noted(change: Change, state: State) -> Mapping[str, object]:
    """When it is set, where all goes for which it is; when it goes, that this is over."""
    if change.after is None:
        return {OVER: 1}
    more = state.args.get(TARGETS, {}) if change.action == "create" else {}
    return {**change.after, **more}


def undo(id: Id, observation: Observation) -> tuple[Change, State] | None:
    if not isinstance(observation, Present) or id != throttle_id():
        return None
    reason = "what it was set for is taken back"
    return Change(id, "delete", dict(observation.fields), None, reason=reason), Gone()


def deeper(view: ClusterView, spec: Spec) -> bool:
    """Whether there is one: then it must be known whose it is."""
    return bool(limits_of(view))


def basis(id: Id, state: State, fields: Sequence[str] | None, seen: Seen) -> Facts:
    """Every limit there is: beside somebody else's ours is not set."""
    there = {i: o for i, o in seen.things.items() if i.kind == id.kind}
    ours = there.get(id)
    if not isinstance(ours, Present | Absent):
        return {}
    mine = dict(ours.fields) if isinstance(ours, Present) else {}
    others = {
        i.name: o.fields["limit"] for i, o in there.items() if i != id and isinstance(o, Present)
    }
    return {"limits of this tool": mine, "limits of others": others}


KIND = Kind(
    "throttle",
    Layer.CLUSTER,
    rank=11,
    of_cluster=of_cluster,
    asks=asks,
    read=read,
    told_by=told_by,
    resolve=resolve,
    judge=judge,
    find=find,
    settled=settled,
    awaiting=lambda id: "the brokers to apply the replication throttle",
    steps=steps,
    upkeep=upkeep,
    noted=noted,
    undo=undo,
    deeper=deeper,
    basis=basis,
    # Of which replicas it is follows from what moves.
    aim=lambda change, state, observation: None,
    in_batches=True,
    by_runs=lambda spec: True,
    reorders=True,
    passes=lambda id, spec: 10 * PASSES if spec.leaving else 1,
)
